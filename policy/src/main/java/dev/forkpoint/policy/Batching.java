package dev.forkpoint.policy;

/**
 * Row counts and widths of batches. A row's bits must not depend on how many rows stand beside it,
 * so counts and widths come in quanta for which a test shows that they do not.
 */
final class Batching {

    /** Sequence lengths and cache slots are computed in multiples of this. */
    static final int WIDTH = 16;

    private Batching() {}

    /** The next multiple of {@link #WIDTH}. */
    static int width(int length) {
        return (length + WIDTH - 1) / WIDTH * WIDTH;
    }

    /**
     * Rows of a decode batch for n responses. Below 16 rows oneDNN adds up in another order.
     * Elements of its logits are a multiple of 32: vectorised exp ends in a scalar one that rounds
     * otherwise.
     */
    static int rows(int n, int vocabulary) {
        int quantum = vocabulary % 2 == 0 ? 16 : 32;
        return Math.max(1, (n + quantum - 1) / quantum) * quantum;
    }

    /**
     * Fewest slots that attention looks at: smaller products take another path in libtorch, which
     * adds up in another order.
     */
    static int leastSlots(ModelConfig c) {
        int queries = c.attentionHeads() / c.keyValueHeads() * c.headDimension();
        return width((400 + queries - 1) / queries);
    }

    /**
     * Rows of a batch of whole sequences of this width: two or more, and a multiple of 32 tokens.
     */
    static int sequences(int n, int width) {
        int rows = Math.max(2, n);
        return rows * width % 32 == 0 ? rows : rows + 1;
    }
}
