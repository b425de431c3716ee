package dev.forkpoint.learner.objective;

/** A term that is added to the loss, a sum over tokens. Immutable. */
public sealed interface AuxiliaryTerm permits ReferenceKl, EntropyBonus, AdaptiveEntropyBonus {
    /** Value at a token, to be minimised. */
    double value(Token token);

    /** ∂value/∂logProb at a token. */
    default double byLogProb(Token token) {
        return 0;
    }

    /** ∂value/∂entropy at a token. */
    default double byEntropy(Token token) {
        return 0;
    }

    /**
     * True: over kept tokens, as a mean. False: over all response tokens, divided as the surrogate
     * is.
     */
    default boolean overKept() {
        return false;
    }

    /** Whether log-probs of a reference policy are needed. */
    default boolean readsReference() {
        return false;
    }

    /** Whether current entropies, with gradient, are needed. */
    default boolean readsEntropy() {
        return false;
    }

    /**
     * What a term sees of a token.
     *
     * @param logProb current, nats
     * @param oldLogProb when it was sampled, nats
     * @param refLogProb under the frozen reference, nats; NaN where the term does not read it
     * @param entropy current, nats; NaN where the term does not read it
     */
    record Token(double logProb, double oldLogProb, double refLogProb, double entropy) {
        /** ln q, q = π_ref / π. */
        double logQ() {
            return refLogProb - logProb;
        }

        /** r = π / π_old. */
        double ratio() {
            return Math.exp(logProb - oldLogProb);
        }
    }
}
