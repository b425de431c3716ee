package dev.forkpoint.cli;

/** The command was right and could not be carried out: exit code 1. */
public final class FailureException extends RuntimeException {

    public FailureException(String message) {
        super(message);
    }

    public FailureException(String message, Throwable cause) {
        super(message, cause);
    }
}
