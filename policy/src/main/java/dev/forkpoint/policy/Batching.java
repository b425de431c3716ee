package dev.forkpoint.policy;

/**
 * Row counts and widths of batches. A row's bits must not depend on how many rows stand beside it,
 * so counts and widths come in quanta for which a test shows that they do not.
 */
final class Batching {

    /** Widths, and where queries begin in them, are multiples of this. */
    static final int SEQUENCE = 8;

    private static final int SLOTS = 16;

    private Batching() {}

    /** Places in which a sequence of this length is computed. */
    static int width(int length) {
        return up(length, SEQUENCE);
    }

    /** Slots of a cache that holds so many tokens. */
    static int slots(int tokens, ModelConfig c) {
        // attention over fewer slots takes another path in libtorch, which adds up in another order
        int queries = c.attentionHeads() / c.keyValueHeads() * c.headDimension();
        return up(Math.max(tokens, (400 + queries - 1) / queries), SLOTS);
    }

    /**
     * Rows of a decode batch for n responses. Below 16 rows libtorch's products add up in another
     * order. Elements of its logits are a multiple of 32: vectorised exp ends in a scalar one that
     * rounds otherwise.
     */
    static int rows(int n, ModelConfig c) {
        return up(Math.max(1, n), c.vocabularySize() % 2 == 0 ? 16 : 32);
    }

    /**
     * Rows of a batch of whole sequences of this width: two or more, and a multiple of 32 tokens.
     */
    static int sequences(int n, int width) {
        int rows = Math.max(2, n);
        while ((long) rows * width % 32 != 0) {
            rows++;
        }
        return rows;
    }

    /**
     * Packed tokens, and targets of the head, come in multiples of this where bits matter: of 48
     * for plain matrices, of 32 for exp.
     */
    static final int PACKED = 96;

    /** Rows of an attention group: libtorch computes a single product by another path. */
    static int attentionRows(ModelConfig c) {
        return c.keyValueHeads() == 1 ? 2 : 1;
    }

    static int up(int n, int quantum) {
        return (n + quantum - 1) / quantum * quantum;
    }
}
