package dev.forkpoint.learner.objective;

import java.util.Arrays;

/**
 * The response's ratio as value, each token's own gradient: tokens may then have weights of their
 * own.
 */
@Published(
        name = "sequence_token",
        summary = "GSPO's ratio as value, the gradient of each token by its own log-prob.",
        equation = "s_t = [s] exp(logp_t − [logp_t]), s as in sequence_geometric; ∂s_t/∂logp_t = s",
        source = "GSPO-token, arXiv 2507.18071")
public record SequenceTokenRatio() implements RatioReducer {
    public static SequenceTokenRatio defaults() {
        return new SequenceTokenRatio();
    }

    @Override
    public Ratios reduce(double[] logRatio, double advantage) {
        double[] ratio = new double[logRatio.length];
        Arrays.fill(ratio, Math.exp(Arrays.stream(logRatio).sum() / logRatio.length));
        return new Ratios(ratio, ratio);
    }

    @Override
    public boolean sharesRatio() {
        return false;
    }
}
