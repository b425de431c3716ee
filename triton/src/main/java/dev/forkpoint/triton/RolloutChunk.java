package dev.forkpoint.triton;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Consecutive tokens of a response, n of them; arrays are handed over, not copied.
 *
 * @param tokenIds [n]
 * @param logProbs [n], ln π of each token at its decoding temperature, nats
 * @param entropies [n], −Σ p ln p over the full vocabulary at that temperature, nats; null where
 *     the engine reports none (it is never approximated)
 * @param collisionProbabilities [n], Σ p² over the full vocabulary; null where the engine reports
 *     none
 * @param policyVersions [n], the policy version that sampled each token
 */
public record RolloutChunk(
        int[] tokenIds,
        float[] logProbs,
        float @Nullable [] entropies,
        float @Nullable [] collisionProbabilities,
        long[] policyVersions) {

    public static final RolloutChunk EMPTY =
            new RolloutChunk(new int[0], new float[0], new float[0], new float[0], new long[0]);

    public RolloutChunk {
        int n = tokenIds.length;
        requireLength("log_probs", logProbs.length, n);
        requireLength("entropies", entropies == null ? n : entropies.length, n);
        requireLength(
                "collision_probabilities",
                collisionProbabilities == null ? n : collisionProbabilities.length,
                n);
        requireLength("policy_versions", policyVersions.length, n);
    }

    private static void requireLength(String name, int found, int n) {
        if (found != n) {
            throw RolloutRequest.refused(name, found + " values", "as many as token_ids: " + n);
        }
    }

    /** Without the first {@code start} tokens. */
    public RolloutChunk from(int start) {
        int n = size();
        return start == 0
                ? this
                : new RolloutChunk(
                        Arrays.copyOfRange(tokenIds, start, n),
                        Arrays.copyOfRange(logProbs, start, n),
                        entropies == null ? null : Arrays.copyOfRange(entropies, start, n),
                        collisionProbabilities == null
                                ? null
                                : Arrays.copyOfRange(collisionProbabilities, start, n),
                        Arrays.copyOfRange(policyVersions, start, n));
    }

    public int size() {
        return tokenIds.length;
    }
}
