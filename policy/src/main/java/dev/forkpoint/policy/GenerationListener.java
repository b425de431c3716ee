package dev.forkpoint.policy;

/**
 * Hears of one response. Called on the generator's threads, in order, and must not block. Exactly
 * one of {@link #onFinished} and {@link #onFailed} is called, last.
 */
public interface GenerationListener {

    /**
     * The next tokens, at most those of one decode call. Those that end the response may come with
     * {@link #onFinished} only.
     */
    default void onTokens(TokenChunk chunk) {}

    /** The whole response, also after a cancel. */
    void onFinished(Rollout rollout);

    /** No response: the generator was closed ({@link GeneratorClosedException}) or broke. */
    void onFailed(Throwable cause);
}
