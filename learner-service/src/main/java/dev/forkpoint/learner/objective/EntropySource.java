package dev.forkpoint.learner.objective;

/** Which policy the entropies that rank tokens come from. */
public enum EntropySource {
    /** The policy that sampled, as the engine reported it. */
    ROLLOUT,
    /** The same policy version, scored again; its log-probs are then the old log-probs. */
    RECOMPUTED,
    /** The policy being trained, scored anew at each of the step's updates. */
    CURRENT
}
