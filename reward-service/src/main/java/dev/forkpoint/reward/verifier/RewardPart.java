package dev.forkpoint.reward.verifier;

import java.util.OptionalDouble;

/**
 * One part of a weighted reward.
 *
 * @param verifier the part's verifier
 * @param weight its weight, finite
 * @param verdict what it found; its reward is not yet weighed
 */
public record RewardPart(String verifier, double weight, Verdict verdict) {
    /** The part's reward before weighing, absent where the part gives none. */
    public OptionalDouble reward() {
        return verdict.reward();
    }
}
