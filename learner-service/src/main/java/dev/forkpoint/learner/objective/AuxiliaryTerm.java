package dev.forkpoint.learner.objective;

/** A term that is added to the loss, a sum over tokens. Immutable. */
public sealed interface AuxiliaryTerm
        permits ReferenceKl, EntropyBonus, AdaptiveEntropyBonus, HingeKl {
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

    /** Which tokens the sum is over, and what it is divided by. */
    default Over over() {
        return Over.ALL_TOKENS;
    }

    /** Tokens of a term's sum. */
    enum Over {
        /** All response tokens, divided as the surrogate is. */
        ALL_TOKENS,
        /** The kept tokens, as a mean. */
        KEPT_TOKENS,
        /**
         * Responses of prompts whose responses are all correct, as a mean over responses of token
         * means.
         */
        MASTERED_PROMPTS
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
