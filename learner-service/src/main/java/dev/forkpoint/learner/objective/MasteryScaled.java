package dev.forkpoint.learner.objective;

/** Group-normalised, but prompts that are mostly solved keep their weight until they are solved. */
@Published(
        name = "mastery_scaled",
        summary = "group_normalised with a smaller divisor for prompts that are mostly solved.",
        equation =
                "A_i = (r_i − mean(r)) / (std(r) s(p) + ε), s(p) = 1 for p ≤ 1/2, 2√(p(1 − p)) above;"
                        + " p = share of correct responses",
        source = "MCPO, arXiv 2604.16972 eq. 12–13; with the auxiliary term hinge_kl")
public record MasteryScaled(@Option("ε, above 0, in units of reward") double epsilon)
        implements AdvantageEstimator {
    public MasteryScaled {
        Check.positive("mastery_scaled.epsilon", epsilon);
    }

    public static MasteryScaled defaults() {
        return new MasteryScaled(1e-6);
    }

    @Override
    public double[] advantages(double[] reward, boolean[] correct, int[] groupOffset) {
        return Group.advantages(
                reward,
                groupOffset,
                (r, group) -> {
                    double p = (double) group.count(correct) / group.size();
                    double scale = p > 0.5 && p < 1 ? 2 * Math.sqrt(p * (1 - p)) : 1;
                    return (r - group.mean()) / (group.unbiasedStd() * scale + epsilon);
                });
    }
}
