package dev.forkpoint.learner.objective;

/** What becomes of a group whose advantages are all zero. */
public enum GroupsWithoutSignal {
    /** Out of the step: neither in the threshold nor in the normaliser. */
    DROP,
    /** Counted in both, as TRL does. */
    KEEP
}
