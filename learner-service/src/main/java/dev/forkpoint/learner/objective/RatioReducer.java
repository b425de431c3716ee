package dev.forkpoint.learner.objective;

/** From the log-ratios of a response's tokens to the ratio that the surrogate sees. Immutable. */
public sealed interface RatioReducer
        permits TokenRatio,
                SequenceGeometricRatio,
                ClippedGeometricRatio,
                SequenceTokenRatio,
                PowerMeanRatio {
    /**
     * Ratios of one response.
     *
     * @param logRatio logProb − oldLogProb of each token, nats, [T]
     * @param advantage of the response
     */
    Ratios reduce(double[] logRatio, double advantage);

    /** The reducer of a step, from 1, for those that follow a schedule. */
    default RatioReducer at(int step) {
        return this;
    }

    /**
     * Whether a ratio depends on all tokens of the response, so that all their log-probs are
     * needed.
     */
    default boolean readsWholeResponse() {
        return true;
    }

    /**
     * Whether all tokens share one ratio and each moves it, so that a token cannot be left out on
     * its own.
     */
    default boolean sharesRatio() {
        return readsWholeResponse();
    }

    /** Whether it bounds the ratio itself, so that the surrogate must not clip again. */
    default boolean boundsItself() {
        return false;
    }

    /**
     * Ratios and how they move.
     *
     * @param value [T], the ratio that each token's surrogate sees
     * @param derivative [T], ∂value_t/∂logProb_t; where the ratio is shared, ∂(the one
     *     ratio)/∂logProb_t
     */
    record Ratios(double[] value, double[] derivative) {}
}
