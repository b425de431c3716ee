package dev.forkpoint.learner.objective;

/**
 * Adds entropy to the advantage, bounded so that its sign stays. As a factor on the surrogate:
 * every surrogate is proportional to A while A keeps its sign, so w_t = A'_t / A.
 */
@Published(
        name = "entropy_shaped_advantage",
        summary = "Raises the advantage of uncertain tokens, by at most |A|/κ.",
        equation = "A'_t = A + min(α H_t, |A|/κ), H detached",
        source = "arXiv 2506.14758")
public record EntropyShapedAdvantage(
        @Option("α, advantage a nat, 0 or above") double alpha, @Option("κ, above 1") double kappa)
        implements TokenWeighter {
    public EntropyShapedAdvantage {
        Check.notNegative("entropy_shaped_advantage.alpha", alpha);
        if (!(kappa > 1)) {
            throw new IllegalArgumentException(
                    "entropy_shaped_advantage.kappa: "
                            + kappa
                            + " (expected: above 1, so that A keeps its sign)");
        }
    }

    public static EntropyShapedAdvantage defaults() {
        return new EntropyShapedAdvantage(0.4, 2);
    }

    @Override
    public double[] weights(Step step, int response) {
        double advantage = step.advantage()[response];
        double[] weight = new double[step.length(response)];
        for (int t = 0; t < weight.length; t++) {
            double entropy = step.entropy()[step.offset()[response] + t];
            double bonus = Math.min(alpha * entropy, Math.abs(advantage) / kappa);
            weight[t] = advantage == 0 ? 1 : 1 + bonus / advantage;
        }
        return weight;
    }
}
