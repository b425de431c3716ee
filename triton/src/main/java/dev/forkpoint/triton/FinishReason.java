package dev.forkpoint.triton;

/**
 * Why a response ended; the number is the contract's {@code finish_reason}. Failures are errors,
 * not reasons.
 */
public enum FinishReason {
    /** More tokens follow. */
    NONE(0),
    /** The policy sampled its end-of-sequence token, which is the response's last. */
    END_OF_SEQUENCE(1),
    /** One of the request's stop ids was sampled; it is the response's last token. */
    STOP_ID(2),
    /** {@code max_tokens} were sampled. */
    MAX_TOKENS(3),
    /** Prompt and response fill the policy's context. */
    CONTEXT_FULL(4);

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
