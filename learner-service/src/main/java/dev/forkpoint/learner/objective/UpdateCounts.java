package dev.forkpoint.learner.objective;

/**
 * What an update consists of; a normaliser's only view of it.
 *
 * @param responses responses of the update, empty ones included
 * @param tokens response tokens
 * @param keptTokens response tokens that carry gradient
 */
public record UpdateCounts(int responses, int tokens, int keptTokens) {}
