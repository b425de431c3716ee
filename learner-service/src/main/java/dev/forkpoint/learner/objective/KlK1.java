package dev.forkpoint.learner.objective;

/** Unbiased estimate of the divergence from the reference policy. */
@Published(
        name = "kl_k1",
        summary = "Unbiased estimate of the divergence from the reference policy.",
        equation =
                "−ln q, q = π_ref/π; corrected: times r_t = exp(logp_t − old_t), differentiated too;"
                        + " over all response tokens, divided as the surrogate is",
        source =
                "Schulman 2020, Approximating KL divergence; verl kl; correction: DeepSeek-V3.2, arXiv 2512.02556")
public record KlK1(@Option(ReferenceKl.CORRECTION) boolean importanceCorrected)
        implements ReferenceKl {
    public static KlK1 defaults() {
        return new KlK1(false);
    }

    @Override
    public double estimate(double logQ) {
        return -logQ;
    }

    @Override
    public double byLogQ(double logQ) {
        return -1;
    }
}
