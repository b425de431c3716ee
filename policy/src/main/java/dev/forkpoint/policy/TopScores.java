package dev.forkpoint.policy;

/**
 * The likeliest tokens at each position of one sequence of T tokens, and where its own token ranks.
 * Element 0 is empty, rank 0.
 *
 * @param tokenIds the k likeliest tokens, likeliest first, [T][k]
 * @param logProb their ln p, nats, [T][k]
 * @param rank 1 + the number of tokens likelier than the sequence's own, [T]
 */
public record TopScores(int[][] tokenIds, float[][] logProb, int[] rank) {}
