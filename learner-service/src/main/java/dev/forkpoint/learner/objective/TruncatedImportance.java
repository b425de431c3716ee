package dev.forkpoint.learner.objective;

/**
 * Corrects for an engine whose log-probs differ from the learner's, with the correction bounded
 * above.
 */
@Published(
        name = "truncated_importance",
        summary = "Importance ratio between the learner's old policy and the engine's, truncated.",
        equation = "w_t = min(π_old(t) / π_rollout(t), C); by sequence: min(Π_t …, C)",
        source = "TIS, verl rollout correction; TRL 1.13 token_truncate, sequence_truncate")
public record TruncatedImportance(
        @Option("C, above 0") double cap,
        @Option("one ratio a response, the product over its tokens, instead of one a token")
                boolean sequenceLevel)
        implements TokenWeighter {
    public TruncatedImportance {
        Check.positive("truncated_importance.cap", cap);
    }

    public static TruncatedImportance defaults() {
        return new TruncatedImportance(2, false);
    }

    @Override
    public double[] weights(Step step, int response) {
        double[] weight = Importance.ratios(step, response, sequenceLevel);
        for (int t = 0; t < weight.length; t++) {
            weight[t] = Math.min(weight[t], cap);
        }
        return weight;
    }

    @Override
    public boolean isImportance() {
        return true;
    }
}
