package dev.forkpoint.cli.local;

import java.nio.file.Path;

/** A local service process ended before it was told to. */
public final class ServiceDiedException extends RuntimeException {

    private final transient Path log;

    ServiceDiedException(String message, Path log) {
        super(message);
        this.log = log;
    }

    /** What the process wrote. */
    public Path log() {
        return log;
    }
}
