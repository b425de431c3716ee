package dev.forkpoint.policy;

/**
 * @param threads worker threads; 0: those of the policy
 * @param tokensPerBatch most tokens that one worker computes side by side, a shared prompt counted
 *     for each of its sequences; a longer sequence goes alone
 */
public record ScorerOptions(int threads, int tokensPerBatch) {

    public ScorerOptions {
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException("threads: " + threads + " (expected: 0 to 1024)");
        }
        if (tokensPerBatch < 1) {
            throw new IllegalArgumentException(
                    "tokensPerBatch: " + tokensPerBatch + " (expected: at least 1)");
        }
    }

    public static ScorerOptions defaults() {
        return new ScorerOptions(0, 2048);
    }

    public ScorerOptions withThreads(int value) {
        return new ScorerOptions(value, tokensPerBatch);
    }
}
