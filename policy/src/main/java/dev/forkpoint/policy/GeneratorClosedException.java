package dev.forkpoint.policy;

/**
 * The generator was closed before the response was finished. The request may be sent again
 * elsewhere.
 */
public final class GeneratorClosedException extends IllegalStateException {

    private static final long serialVersionUID = 1L;

    public GeneratorClosedException(String message) {
        super(message);
    }
}
