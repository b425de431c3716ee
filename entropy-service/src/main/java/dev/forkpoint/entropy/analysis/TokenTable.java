package dev.forkpoint.entropy.analysis;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Count and mean entropy by token id. Memory grows with the highest id. */
final class TokenTable {

    /** Beyond every vocabulary in use. */
    private static final int MOST = 1 << 22;

    private long[] counts = new long[256];
    private double[] sums = new double[256];

    /**
     * @param count times seen
     * @param mean nats
     */
    record Row(int token, long count, double mean) {}

    void add(int token, float entropy) {
        if (token < 0 || token >= MOST) {
            throw new IllegalArgumentException(
                    "token_ids: "
                            + Integer.toUnsignedString(token)
                            + " (expected: 0 to "
                            + (MOST - 1)
                            + ")");
        }
        if (token >= counts.length) {
            int length = Math.min(MOST, Math.max(token + 1, 2 * counts.length));
            counts = Arrays.copyOf(counts, length);
            sums = Arrays.copyOf(sums, length);
        }
        counts[token]++;
        sums[token] += entropy;
    }

    /** Tokens seen often enough, from the lowest mean; equal ones by id. */
    List<Row> rows(long minimumCount) {
        return IntStream.range(0, counts.length)
                .filter(t -> counts[t] >= Math.max(1, minimumCount))
                .mapToObj(t -> new Row(t, counts[t], sums[t] / counts[t]))
                .sorted(java.util.Comparator.comparingDouble(Row::mean))
                .toList();
    }
}
