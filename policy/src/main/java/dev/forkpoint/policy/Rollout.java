package dev.forkpoint.policy;

/**
 * One sampled response of T tokens.
 *
 * @param tokenIds [T]; the stop token included when the reason is {@link FinishReason#STOP}
 * @param logProb ln p of each token, nats, [T], of the unfiltered distribution at the decoding
 *     temperature (at 1 when greedy)
 * @param entropy −Σ p ln p of that distribution, nats, [T]
 * @param collisionProbability Σ p² of that distribution, [T]
 * @param finishReason why it ended
 */
public record Rollout(
        int[] tokenIds,
        float[] logProb,
        float[] entropy,
        float[] collisionProbability,
        FinishReason finishReason) {

    public Rollout {
        if (logProb.length != tokenIds.length
                || entropy.length != tokenIds.length
                || collisionProbability.length != tokenIds.length) {
            throw new IllegalArgumentException(
                    "arrays of %d, %d, %d and %d tokens (expected: equal)"
                            .formatted(
                                    tokenIds.length,
                                    logProb.length,
                                    entropy.length,
                                    collisionProbability.length));
        }
    }

    /** The tokens from one on, as a chunk; empty when there are none. */
    public TokenChunk from(int start) {
        return new TokenChunk(0, tokenIds, logProb, entropy, collisionProbability)
                .part(start, tokenIds.length);
    }
}
