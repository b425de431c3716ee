package dev.forkpoint.learner.step;

/**
 * Where a response of a step came from.
 *
 * @param promptKey see {@link RolloutGroup#promptKey}
 * @param sample see {@link Rollout#sample}
 */
public record Source(long promptKey, int sample) {}
