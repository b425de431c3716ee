package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import java.util.OptionalDouble;

/** Which response tokens carry gradient. Immutable. */
public sealed interface TokenSelector
        permits AllTokens,
                TopEntropy,
                BottomEntropy,
                RandomTokens,
                EntropyBand,
                TopGradient,
                TopSurprisal,
                MatchedRandom,
                TopDifference,
                ClipCov,
                OffPolicySequenceMask {
    /**
     * Chooses among the tokens of a whole step (or of a whole update, where the policy being
     * trained ranks).
     *
     * @return mask over the candidates, in their order
     */
    Selection select(Candidates candidates);

    /**
     * The share that is kept to within one token, where it is the selector's to say and not an
     * outcome.
     */
    default OptionalDouble promisedFraction() {
        return OptionalDouble.empty();
    }

    /**
     * Whether tokens are ranked by what a policy says of them, so that the entropy source matters.
     */
    default boolean ranks() {
        return true;
    }

    /** Whether collision probabilities are needed. */
    default boolean readsCollision() {
        return false;
    }

    /** What more must be known before the selection is final. */
    default Refinement refinement() {
        return Refinement.NONE;
    }

    /**
     * Takes tokens out of a selection once the policy being trained has scored them.
     *
     * @param current the tokens that {@link #refinement()} asks for, with current log-probs
     * @param kept mask over them; changed
     */
    default void refine(Candidates current, boolean[] kept) {}

    /** What a selector must see under the policy being trained. */
    enum Refinement {
        /** Nothing: the selection stands before the first forward pass. */
        NONE,
        /** Each response on its own. */
        RESPONSE,
        /** All tokens of the update. */
        UPDATE
    }
}
