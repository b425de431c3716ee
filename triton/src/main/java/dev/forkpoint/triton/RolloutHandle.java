package dev.forkpoint.triton;

/** A rollout in flight. */
public interface RolloutHandle {

    /**
     * Asks for an early end, from any thread and at any time; a no-op once the rollout has ended.
     * It still ends through its sink: by {@link RolloutSink#onFinished} with {@link
     * FinishReason#CANCELLED}, or as it would have if it was just ending.
     */
    void cancel();
}
