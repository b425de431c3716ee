package dev.forkpoint.learner.objective;

/** Reward against the group's mean in units of the deviation of all the step's rewards. */
@Published(
        name = "batch_normalised",
        summary =
                "Reward minus the group's mean, divided by the standard deviation over the whole step.",
        equation = "A_i = (r_i − mean_group(r)) / (std_step(r) + ε), std with R − 1",
        source = "arXiv 2508.08221 (Lite PPO); TRL 1.13 scale_rewards=\"batch\" (ε = 1e-4 there)")
public record BatchNormalised(@Option("ε, above 0, in units of reward") double epsilon)
        implements AdvantageEstimator {
    public BatchNormalised {
        Check.positive("batch_normalised.epsilon", epsilon);
    }

    public static BatchNormalised defaults() {
        return new BatchNormalised(1e-6);
    }

    @Override
    public double[] advantages(double[] reward, boolean[] correct, int[] groupOffset) {
        if (reward.length < 2) {
            return new double[reward.length];
        }
        double std = new Group(reward, 0, reward.length).unbiasedStd();
        return Group.advantages(
                reward, groupOffset, (r, group) -> (r - group.mean()) / (std + epsilon));
    }
}
