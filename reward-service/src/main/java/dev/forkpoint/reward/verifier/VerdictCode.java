package dev.forkpoint.reward.verifier;

/** What a verifier found. */
public enum VerdictCode {
    /** The answer is right. */
    CORRECT,
    /** The answer was read and is wrong. */
    INCORRECT,
    /** The response holds no answer. */
    NO_ANSWER,
    /** The response holds an answer that cannot be read. */
    UNPARSABLE_ANSWER,
    /**
     * The gold cannot be read or is undefined: the fault is the data set's, and there is no reward.
     */
    UNPARSABLE_GOLD,
    /** Deciding would cost more than the budget. */
    TOO_COSTLY
}
