package dev.forkpoint.learner.objective;

import java.util.Arrays;

/**
 * Geometric mean of ratios that are bounded one by one, in log space and on the side that limits
 * the gain.
 */
@Published(
        name = "clipped_geometric",
        summary =
                "Geometric mean of token ratios, each clipped first on the side that limits the gain.",
        equation =
                "exp((1/|o|) Σ_t k_t), k_t = s min(s δ_t, s clamp(δ_t, −ε, ε)), s = sign A, δ_t = logp_t − old_t",
        source = "GMPO, arXiv 2507.20673; verl geo_mean")
public record ClippedGeometricRatio(
        @Option("ε, bound of a token's log-ratio, nats, above 0") double epsilon)
        implements RatioReducer {
    public ClippedGeometricRatio {
        Check.positive("clipped_geometric.epsilon", epsilon);
    }

    public static ClippedGeometricRatio defaults() {
        return new ClippedGeometricRatio(0.4);
    }

    @Override
    public Ratios reduce(double[] logRatio, double advantage) {
        int length = logRatio.length;
        double sum = 0;
        for (double delta : logRatio) {
            sum += isBound(delta, advantage) ? Math.signum(advantage) * epsilon : delta;
        }
        double ratio = Math.exp(sum / length);
        double[] value = new double[length];
        Arrays.fill(value, ratio);
        double[] derivative = new double[length];
        for (int t = 0; t < length; t++) {
            derivative[t] = isBound(logRatio[t], advantage) ? 0 : ratio / length;
        }
        return new Ratios(value, derivative);
    }

    private boolean isBound(double delta, double advantage) {
        return advantage > 0 ? delta > epsilon : delta < -epsilon;
    }

    @Override
    public boolean boundsItself() {
        return true;
    }
}
