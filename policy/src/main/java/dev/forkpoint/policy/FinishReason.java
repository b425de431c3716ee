package dev.forkpoint.policy;

/** Why a response ended. */
public enum FinishReason {
    /**
     * With one of the model's end tokens or of the request's stop ids, which is the response's last
     * token.
     */
    STOP,
    /** At the request's most tokens, or at the end of the context. */
    LENGTH,
    /** At the caller's wish; the tokens are those sampled until then. */
    CANCELLED
}
