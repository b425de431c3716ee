package dev.forkpoint.learner.objective;

/** Every token has its own ratio. */
@Published(
        name = "token",
        summary = "One ratio a token.",
        equation = "r_t = exp(logp_t − old_t)",
        source = "PPO, arXiv 1707.06347")
public record TokenRatio() implements RatioReducer {
    public static TokenRatio defaults() {
        return new TokenRatio();
    }

    @Override
    public Ratios reduce(double[] logRatio, double advantage) {
        double[] ratio = new double[logRatio.length];
        for (int t = 0; t < ratio.length; t++) {
            ratio[t] = Math.exp(logRatio[t]);
        }
        return new Ratios(ratio, ratio);
    }

    @Override
    public boolean readsWholeResponse() {
        return false;
    }
}
