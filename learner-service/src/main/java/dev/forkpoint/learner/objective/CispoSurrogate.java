package dev.forkpoint.learner.objective;

/** REINFORCE with a detached, truncated ratio as weight: no token loses its gradient. */
@Published(
        name = "cispo",
        summary =
                "Log-prob weighted by the advantage and a truncated ratio that carries no gradient.",
        equation = "[min(r, ratio_max)] A logp",
        source = "CISPO (MiniMax-M1), arXiv 2506.13585; TRL's epsilon_high is ratio_max")
public record CispoSurrogate(
        @Option(value = "largest ratio, above 0 (verl's ε_high plus 1)", absent = Option.REQUIRED)
                double ratioMax)
        implements Surrogate {
    public CispoSurrogate {
        Check.positive("cispo.ratio_max", ratioMax);
    }

    public static CispoSurrogate defaults() {
        return new CispoSurrogate(5);
    }

    @Override
    public double evaluate(Tokens tokens, double[] gradient, Tally tally) {
        double advantage = tokens.advantage();
        double[] logRatio = tokens.logRatio();
        double sum = 0;
        for (int t = 0; t < gradient.length; t++) {
            double weight = tokens.weight()[t];
            if (weight == 0) {
                continue;
            }
            double ratio = Math.exp(logRatio[t]);
            gradient[t] = weight * Math.min(ratio, ratioMax) * advantage;
            sum += gradient[t] * tokens.logProb()[t];
            tally.add(logRatio[t], ratio, bound(ratio, advantage));
        }
        return sum;
    }

    @Override
    public Bound bound(double ratio, double advantage) {
        return ratio > ratioMax ? Bound.HIGH : Bound.NONE;
    }
}
