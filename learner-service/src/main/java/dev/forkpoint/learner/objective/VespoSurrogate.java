package dev.forkpoint.learner.objective;

/** REINFORCE with a detached, smoothly bounded weight of the whole response. */
@Published(
        name = "vespo",
        summary =
                "Log-prob weighted by the advantage and a gamma-shaped weight of the sequence ratio, without gradient.",
        equation =
                "[φ(w)] A logp, φ(w) = e^λ w^k e^(−λw), ln w = clamp(Σ_t clamp(logp_t − old_t, ±20), ln 1e-8, 20); "
                        + "(k, λ) by the sign of A; importance weights of the engine are factors of w",
        source = "VESPO, arXiv 2602.10693; TRL 1.13 vespo")
public record VespoSurrogate(
        @Option("k for A ≥ 0, 0 or above") double kPositive,
        @Option("λ for A ≥ 0, above 0") double lambdaPositive,
        @Option("k for A < 0, 0 or above") double kNegative,
        @Option("λ for A < 0, above 0") double lambdaNegative)
        implements Surrogate {
    private static final double LARGEST_LOG = 20;
    private static final double SMALLEST_LOG = Math.log(1e-8);

    public VespoSurrogate {
        Check.notNegative("vespo.k_positive", kPositive);
        Check.positive("vespo.lambda_positive", lambdaPositive);
        Check.notNegative("vespo.k_negative", kNegative);
        Check.positive("vespo.lambda_negative", lambdaNegative);
    }

    public static VespoSurrogate defaults() {
        return new VespoSurrogate(2, 3, 3, 2);
    }

    @Override
    public double evaluate(Tokens tokens, double[] gradient, Tally tally) {
        double advantage = tokens.advantage();
        double[] logRatio = tokens.logRatio();
        double logWeight = tokens.logImportance();
        for (double delta : logRatio) {
            logWeight += clamp(delta, -LARGEST_LOG, LARGEST_LOG);
        }
        double sequenceRatio = Math.exp(clamp(logWeight, SMALLEST_LOG, LARGEST_LOG));
        double phi = phi(sequenceRatio, advantage);
        double sum = 0;
        for (int t = 0; t < gradient.length; t++) {
            double weight = tokens.weight()[t];
            if (weight == 0) {
                continue;
            }
            gradient[t] = weight * phi * advantage;
            sum += gradient[t] * tokens.logProb()[t];
            tally.add(logRatio[t], sequenceRatio, Bound.NONE);
        }
        return sum;
    }

    private double phi(double w, double advantage) {
        double k = advantage >= 0 ? kPositive : kNegative;
        double lambda = advantage >= 0 ? lambdaPositive : lambdaNegative;
        return Math.exp(lambda + k * Math.log(w) - lambda * w);
    }

    /** ln of an importance weight as the sequence weight takes it: 0 counts as 1e-8. */
    static double logImportance(double weight) {
        return clamp(Math.log(weight), SMALLEST_LOG, LARGEST_LOG);
    }

    private static double clamp(double value, double low, double high) {
        return Math.max(low, Math.min(high, value));
    }

    @Override
    public boolean readsWholeResponse() {
        return true;
    }

    @Override
    public boolean absorbsImportance() {
        return true;
    }

    @Override
    public Bound bound(double ratio, double advantage) {
        return Bound.NONE;
    }
}
