package dev.forkpoint.policy;

import java.util.Arrays;

/**
 * The next tokens of a response while it is being sampled; arrays of one length.
 *
 * @param start index in the response of the first token here
 * @param tokenIds token ids
 * @param logProb nats, as in {@link Rollout}
 * @param entropy nats, as in {@link Rollout}
 * @param collisionProbability as in {@link Rollout}
 */
public record TokenChunk(
        int start, int[] tokenIds, float[] logProb, float[] entropy, float[] collisionProbability) {

    /** A copy of those at places [from, to) of these arrays. */
    public TokenChunk part(int from, int to) {
        return new TokenChunk(
                start + from,
                Arrays.copyOfRange(tokenIds, from, to),
                Arrays.copyOfRange(logProb, from, to),
                Arrays.copyOfRange(entropy, from, to),
                Arrays.copyOfRange(collisionProbability, from, to));
    }
}
