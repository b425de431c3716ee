package dev.forkpoint.policy;

import java.util.List;

/**
 * Scores given sequences. Scores are bit-equal whatever else is scored along and with however many
 * threads. Thread-safe. Takes over the policy's weights as they are when it is made.
 */
public final class Scorer implements AutoCloseable {

    public Scorer(Policy policy, ScorerOptions options) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param sequences token ids, each of 1 to {@code maxPositions} tokens
     * @param temperature logits are divided by it, above 0
     * @return one for each sequence, in order
     * @throws IllegalArgumentException naming sequence and index if an id lies outside the
     *     vocabulary, or a sequence is empty or too long
     */
    public List<TokenScores> score(List<int[]> sequences, double temperature) {
        throw new UnsupportedOperationException();
    }

    /** The k likeliest tokens of each position and the rank of the sequence's own token. */
    public List<TopScores> top(List<int[]> sequences, double temperature, int k) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
