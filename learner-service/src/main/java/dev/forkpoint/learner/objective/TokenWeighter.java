package dev.forkpoint.learner.objective;

/** A factor w_t on each token's surrogate, from what is known before the update. Immutable. */
public sealed interface TokenWeighter
        permits TruncatedImportance, MaskedImportance, EntropyShapedAdvantage {
    /**
     * Factors of one response's tokens.
     *
     * @return [T], finite, 0 or above; 0 takes the token out of the loss but not out of the
     *     normaliser
     */
    double[] weights(Step step, int response);

    /**
     * Whether the factor is π_old / π_rollout, which {@link VespoSurrogate} takes into its own
     * sequence weight.
     */
    default boolean isImportance() {
        return false;
    }
}
