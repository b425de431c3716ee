package dev.forkpoint.learner.objective;

/**
 * Corrects for an engine whose log-probs differ from the learner's, and drops what is too far off.
 */
@Published(
        name = "masked_importance",
        summary =
                "Importance ratio between the learner's old policy and the engine's inside a band, 0 outside.",
        equation =
                "w_t = ρ_t if lower ≤ ρ_t ≤ upper else 0, ρ_t = π_old(t) / π_rollout(t); by sequence: Π_t",
        source = "MIS, verl rollout correction; TRL 1.13 token_mask, sequence_mask")
public record MaskedImportance(
        @Option("lower bound, 0 or above") double lower,
        @Option("upper bound, above the lower") double upper,
        @Option("one ratio a response, the product over its tokens, instead of one a token")
                boolean sequenceLevel)
        implements TokenWeighter {
    public MaskedImportance {
        Check.notNegative("masked_importance.lower", lower);
        if (!(upper > lower) || !Double.isFinite(upper)) {
            throw new IllegalArgumentException(
                    "masked_importance.upper: "
                            + upper
                            + " (expected: above lower, which is "
                            + lower
                            + ")");
        }
    }

    public static MaskedImportance defaults() {
        return new MaskedImportance(0, 3, false);
    }

    @Override
    public double[] weights(Step step, int response) {
        double[] weight = Importance.ratios(step, response, sequenceLevel);
        for (int t = 0; t < weight.length; t++) {
            if (weight[t] < lower || weight[t] > upper) {
                weight[t] = 0;
            }
        }
        return weight;
    }

    @Override
    public boolean isImportance() {
        return true;
    }
}
