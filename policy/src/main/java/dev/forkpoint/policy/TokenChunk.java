package dev.forkpoint.policy;

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
        int start,
        int[] tokenIds,
        float[] logProb,
        float[] entropy,
        float[] collisionProbability) {}
