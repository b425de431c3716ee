package dev.forkpoint.policy;

/**
 * Hears of one response. Called on the generator's threads, in order, and must not block. Exactly
 * one of {@link #onFinished} and {@link #onFailed} is called, last.
 */
public interface GenerationListener {

    /**
     * More tokens, at most those of one decode call; the last ones too, before {@link #onFinished}.
     */
    default void onTokens(TokenChunk chunk) {}

    /** The whole response, also after a cancel. */
    void onFinished(Rollout rollout);

    /** No response: the generator was closed ({@link GeneratorClosedException}) or broke. */
    void onFailed(Throwable cause);
}
