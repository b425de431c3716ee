package dev.forkpoint.triton;

/**
 * Where a rollout's tokens go. Calls for one rollout never overlap; {@link #onFinished} or {@link
 * #onFailed} comes exactly once and last. They run on the thread that produced the tokens, which
 * serves other rollouts too: hand over and return, never block.
 */
public interface RolloutSink {

    void onTokens(RolloutChunk chunk);

    void onFinished(FinishReason reason, Stats stats);

    /** {@link #onTokens} and {@link #onFinished} at once, for sinks that need one message less. */
    default void onLastTokens(RolloutChunk chunk, FinishReason reason, Stats stats) {
        onTokens(chunk);
        onFinished(reason, stats);
    }

    void onFailed(TritonException error);

    /**
     * @param queueMicros from the engine's receipt of the request to its first decode step; −1: not
     *     reported
     * @param batchSize rollouts decoded together when this one ended; −1: not reported
     */
    record Stats(long queueMicros, int batchSize) {

        public static final Stats UNKNOWN = new Stats(-1, -1);
    }
}
