package dev.forkpoint.triton;

/**
 * Why a response ended; the number is the contract's {@code finish_reason}. Failures are errors,
 * not reasons.
 */
public enum FinishReason {
    /** More tokens follow. */
    NONE(0),
    /**
     * With one of the policy's end tokens or of the request's stop ids, which is the response's
     * last token.
     */
    STOP(1),
    /** At the request's most tokens, or at the end of the context. */
    LENGTH(2),
    /**
     * At the caller's wish; the tokens are those sampled until then, as far as they had left the
     * server.
     */
    CANCELLED(3);

    private final int number;

    FinishReason(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    static FinishReason of(int number) {
        for (FinishReason reason : values()) {
            if (reason.number == number) {
                return reason;
            }
        }
        throw new TritonException(
                TritonException.Code.INTERNAL,
                "finish_reason: " + number + " (known: 0 to " + (values().length - 1) + ")");
    }
}
