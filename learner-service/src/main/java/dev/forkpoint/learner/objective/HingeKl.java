package dev.forkpoint.learner.objective;

/**
 * Holds the policy where it was on prompts that it has mastered, which otherwise have no gradient
 * and drift.
 */
@Published(
        name = "hinge_kl",
        summary =
                "On prompts whose responses are all correct, a penalty on moving away from the old policy.",
        equation =
                "(1/R_M) Σ_{i∈M} (1/|o_i|) Σ_t φ(d_t), d_t = logp_t − old_t, φ(d) = 0 for |d| ≤ δ, else"
                        + " k3(d) − k3(±δ) on d's side, k3(d) = e^d − d − 1; M = responses of mastered prompts",
        source =
                "MCPO, arXiv 2604.16972 eq. 7–11; its coefficient is 1; needs signalless_groups KEEP")
public record HingeKl(@Option("δ, drift that is free, nats, above 0") double delta)
        implements AuxiliaryTerm {
    public HingeKl {
        Check.positive("hinge_kl.delta", delta);
    }

    public static HingeKl defaults() {
        return new HingeKl(0.01);
    }

    @Override
    public double value(Token token) {
        double drift = token.logProb() - token.oldLogProb();
        return Math.abs(drift) <= delta ? 0 : k3(drift) - k3(Math.copySign(delta, drift));
    }

    @Override
    public double byLogProb(Token token) {
        double drift = token.logProb() - token.oldLogProb();
        return Math.abs(drift) <= delta ? 0 : Math.expm1(drift);
    }

    private static double k3(double drift) {
        return Math.expm1(drift) - drift;
    }

    @Override
    public Over over() {
        return Over.MASTERED_PROMPTS;
    }
}
