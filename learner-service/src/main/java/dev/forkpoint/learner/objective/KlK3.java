package dev.forkpoint.learner.objective;

/** Unbiased, never negative estimate of the divergence from the reference policy. */
@Published(
        name = "kl_k3",
        summary = "Unbiased, never negative estimate of the divergence from the reference policy.",
        equation =
                "q − 1 − ln q, q = π_ref/π; corrected: times r_t = exp(logp_t − old_t), differentiated too;"
                        + " over all response tokens, divided as the surrogate is",
        source =
                "Schulman 2020, Approximating KL divergence; GRPO, arXiv 2402.03300; TRL 1.13 beta, whose default is corrected; correction: DeepSeek-V3.2, arXiv 2512.02556")
public record KlK3(@Option(ReferenceKl.CORRECTION) boolean importanceCorrected)
        implements ReferenceKl {
    public static KlK3 defaults() {
        return new KlK3(true);
    }

    @Override
    public double estimate(double logQ) {
        return Math.expm1(logQ) - logQ;
    }

    @Override
    public double byLogQ(double logQ) {
        return Math.expm1(logQ);
    }
}
