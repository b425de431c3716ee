package dev.forkpoint.learner.objective;

/** What the sum over an update's tokens is divided by, counted over the whole update. Immutable. */
public sealed interface Normaliser
        permits AllTokensNormaliser,
                KeptTokensNormaliser,
                SequenceMeanNormaliser,
                FixedLengthNormaliser,
                SequenceSumNormaliser {
    /**
     * The factor 1/Z of every token of a response; 0 where Z would be 0, since there is nothing to
     * sum then.
     *
     * @param lengthTokens tokens of the response
     */
    double weight(UpdateCounts update, int lengthTokens);

    /**
     * Whether Z depends on which tokens are kept, so that they must be known before the first is
     * trained on.
     */
    default boolean countsKept() {
        return false;
    }
}
