package dev.forkpoint.policy;

/** One submitted request. */
public interface GenerationHandle {

    /**
     * Ends the response with {@link FinishReason#CANCELLED} and frees its place within one decode
     * call. Does nothing when it has ended.
     */
    void cancel();
}
