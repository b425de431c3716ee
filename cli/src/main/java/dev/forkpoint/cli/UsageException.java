package dev.forkpoint.cli;

/** What the caller gave is wrong: exit code 2. The message names what and where. */
public final class UsageException extends RuntimeException {

    public UsageException(String message) {
        super(message);
    }

    public UsageException(String message, Throwable cause) {
        super(message, cause);
    }
}
