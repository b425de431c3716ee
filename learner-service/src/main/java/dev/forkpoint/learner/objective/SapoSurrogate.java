package dev.forkpoint.learner.objective;

/** A soft gate instead of a clip: the gradient fades as the ratio leaves 1. */
@Published(
        name = "sapo",
        summary =
                "A sigmoid gate of the ratio instead of a clip, with a temperature for each sign of the advantage.",
        equation = "σ(τ (r − 1)) · 4/τ · A, τ = τ_positive for A > 0, τ_negative otherwise",
        source = "SAPO, arXiv 2511.20347; TRL 1.13 sapo")
public record SapoSurrogate(
        @Option("τ for A > 0, above 0") double tauPositive,
        @Option("τ otherwise, above 0") double tauNegative)
        implements Surrogate {
    public SapoSurrogate {
        Check.positive("sapo.tau_positive", tauPositive);
        Check.positive("sapo.tau_negative", tauNegative);
    }

    public static SapoSurrogate defaults() {
        return new SapoSurrogate(1, 1.05);
    }

    @Override
    public double evaluate(Tokens tokens, double[] gradient, Tally tally) {
        double advantage = tokens.advantage();
        double tau = advantage > 0 ? tauPositive : tauNegative;
        double[] logRatio = tokens.logRatio();
        double sum = 0;
        for (int t = 0; t < gradient.length; t++) {
            double weight = tokens.weight()[t];
            if (weight == 0) {
                continue;
            }
            double ratio = Math.exp(logRatio[t]);
            double gate = 1 / (1 + Math.exp(-tau * (ratio - 1)));
            sum += weight * gate * 4 / tau * advantage;
            // Written as gate · (1 − gate) · ratio in this order: far out the product is 0, not 0 ·
            // ∞.
            double slope = gate * (1 - gate);
            gradient[t] = slope == 0 ? 0 : weight * 4 * slope * ratio * advantage;
            tally.add(logRatio[t], ratio, Bound.NONE);
        }
        return sum;
    }

    @Override
    public Bound bound(double ratio, double advantage) {
        return Bound.NONE;
    }
}
