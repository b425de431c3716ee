package dev.forkpoint.policy;

/**
 * Limits of a {@link Generator}.
 *
 * @param maxRows most responses sampled side by side over all threads; the rest wait
 * @param kvBudgetBytes most bytes of key/value caches over all threads; a request that does not fit
 *     beside the running ones waits
 * @param threads worker threads; 0: those of the policy
 * @param stepsPerCall tokens of each response between two looks at cancels and arrivals
 */
public record GeneratorOptions(int maxRows, long kvBudgetBytes, int threads, int stepsPerCall) {

    public GeneratorOptions {
        if (maxRows < 1 || maxRows > 1 << 16) {
            throw new IllegalArgumentException("maxRows: " + maxRows + " (expected: 1 to 65536)");
        }
        if (kvBudgetBytes < 1) {
            throw new IllegalArgumentException(
                    "kvBudgetBytes: " + kvBudgetBytes + " (expected: at least 1)");
        }
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException("threads: " + threads + " (expected: 0 to 1024)");
        }
        if (stepsPerCall < 1 || stepsPerCall > 1024) {
            throw new IllegalArgumentException(
                    "stepsPerCall: " + stepsPerCall + " (expected: 1 to 1024)");
        }
    }

    /** 512 rows, 2 GiB of cache, the policy's threads, 16 steps a call. */
    public static GeneratorOptions defaults() {
        return new GeneratorOptions(512, 2L << 30, 0, 16);
    }

    public GeneratorOptions withMaxRows(int value) {
        return new GeneratorOptions(value, kvBudgetBytes, threads, stepsPerCall);
    }

    public GeneratorOptions withKvBudgetBytes(long value) {
        return new GeneratorOptions(maxRows, value, threads, stepsPerCall);
    }

    public GeneratorOptions withThreads(int value) {
        return new GeneratorOptions(maxRows, kvBudgetBytes, value, stepsPerCall);
    }

    public GeneratorOptions withStepsPerCall(int value) {
        return new GeneratorOptions(maxRows, kvBudgetBytes, threads, value);
    }
}
