package dev.forkpoint.learner.objective;

/**
 * Squared log-ratio to the reference policy: low variance, its gradient is that of the divergence.
 */
@Published(
        name = "kl_k2",
        summary =
                "Squared log-ratio to the reference policy: low variance, its gradient is that of the divergence.",
        equation =
                "(ln q)²/2, q = π_ref/π; corrected: times r_t = exp(logp_t − old_t), differentiated too;"
                        + " over all response tokens, divided as the surrogate is",
        source =
                "Schulman 2020, Approximating KL divergence; verl mse; correction: DeepSeek-V3.2, arXiv 2512.02556")
public record KlK2(@Option(ReferenceKl.CORRECTION) boolean importanceCorrected)
        implements ReferenceKl {
    public static KlK2 defaults() {
        return new KlK2(false);
    }

    @Override
    public double estimate(double logQ) {
        return logQ * logQ / 2;
    }

    @Override
    public double byLogQ(double logQ) {
        return logQ;
    }
}
