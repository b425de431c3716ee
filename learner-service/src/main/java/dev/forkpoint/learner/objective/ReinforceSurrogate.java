package dev.forkpoint.learner.objective;

/** The policy gradient itself: no ratio, no bound. */
@Published(
        name = "reinforce",
        summary = "Log-prob weighted by the advantage, without ratio.",
        equation = "A logp",
        source = "REINFORCE, Williams 1992")
public record ReinforceSurrogate() implements Surrogate {
    public static ReinforceSurrogate defaults() {
        return new ReinforceSurrogate();
    }

    @Override
    public double evaluate(Tokens tokens, double[] gradient, Tally tally) {
        double sum = 0;
        double[] logRatio = tokens.logRatio();
        for (int t = 0; t < gradient.length; t++) {
            double weight = tokens.weight()[t];
            if (weight == 0) {
                continue;
            }
            gradient[t] = weight * tokens.advantage();
            sum += gradient[t] * tokens.logProb()[t];
            tally.add(logRatio[t], Math.exp(logRatio[t]), Bound.NONE);
        }
        return sum;
    }

    @Override
    public Bound bound(double ratio, double advantage) {
        return Bound.NONE;
    }
}
