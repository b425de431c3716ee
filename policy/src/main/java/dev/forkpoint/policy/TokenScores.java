package dev.forkpoint.policy;

/**
 * What a policy says of one given sequence of T tokens. Element t belongs to the token at position
 * t under the distribution that the tokens before it give; nothing precedes the first token, so
 * element 0 is NaN.
 *
 * @param logProb ln p of each token, nats, [T]
 * @param entropy −Σ p ln p over the full vocabulary, nats, [T]
 * @param collisionProbability Σ p², [T]
 */
public record TokenScores(float[] logProb, float[] entropy, float[] collisionProbability) {}
