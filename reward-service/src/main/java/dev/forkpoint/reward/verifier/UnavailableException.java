package dev.forkpoint.reward.verifier;

/**
 * An item that could not be verified because something outside of this process did not do its part.
 * There is no verdict and no reward; the caller may try again.
 */
public final class UnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String reason;

    /**
     * @param reason JUDGE_UNAVAILABLE or SANDBOX_UNAVAILABLE
     * @param message what did not answer, and how
     */
    public UnavailableException(String reason, String message) {
        super(message);
        this.reason = reason;
    }

    /** The machine-readable reason. */
    public String reason() {
        return reason;
    }
}
