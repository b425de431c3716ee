package dev.forkpoint.learner.objective;

/** Reward against the group's mean in units of the group's deviation. */
@Published(
        name = "group_normalised",
        summary = "Reward minus the group's mean, divided by the group's standard deviation.",
        equation = "A_i = (r_i − mean(r)) / (std(r) + ε), std with G − 1",
        source = "GRPO, arXiv 2402.03300; ε as in verl (1e-6), TRL uses 1e-4")
public record GroupNormalised(@Option("ε, above 0, in units of reward") double epsilon)
        implements AdvantageEstimator {
    public GroupNormalised {
        Check.positive("group_normalised.epsilon", epsilon);
    }

    public static GroupNormalised defaults() {
        return new GroupNormalised(1e-6);
    }

    @Override
    public double[] advantages(double[] reward, boolean[] correct, int[] groupOffset) {
        return Group.advantages(
                reward,
                groupOffset,
                (r, group) -> (r - group.mean()) / (group.unbiasedStd() + epsilon));
    }
}
