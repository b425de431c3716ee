package dev.forkpoint.policy;

/** A response had not ended when its time limit passed. */
public final class GenerationTimeoutException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public GenerationTimeoutException(String message) {
        super(message);
    }
}
