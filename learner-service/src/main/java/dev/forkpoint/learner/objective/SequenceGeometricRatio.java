package dev.forkpoint.learner.objective;

import java.util.Arrays;

/** One ratio for the whole response. */
@Published(
        name = "sequence_geometric",
        summary = "One ratio a response: the geometric mean of its tokens' ratios.",
        equation = "s = exp((1/|o|) Σ_t (logp_t − old_t)); ∂s/∂logp_t = s/|o|",
        source = "GSPO, arXiv 2507.18071; TRL importance_sampling_level=\"sequence\"")
public record SequenceGeometricRatio() implements RatioReducer {
    public static SequenceGeometricRatio defaults() {
        return new SequenceGeometricRatio();
    }

    @Override
    public Ratios reduce(double[] logRatio, double advantage) {
        double[] value = new double[logRatio.length];
        double[] derivative = new double[logRatio.length];
        double ratio = Math.exp(Arrays.stream(logRatio).sum() / logRatio.length);
        Arrays.fill(value, ratio);
        Arrays.fill(derivative, ratio / logRatio.length);
        return new Ratios(value, derivative);
    }
}
