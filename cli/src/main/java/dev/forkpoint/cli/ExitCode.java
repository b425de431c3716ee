package dev.forkpoint.cli;

/** How a command ends. */
public final class ExitCode {

    /** Done. */
    public static final int DONE = 0;

    /** Failed. */
    public static final int FAILED = 1;

    /** Bad usage or input. */
    public static final int USAGE = 2;

    /** Interrupted; what can be saved was saved. */
    public static final int INTERRUPTED = 130;

    private ExitCode() {}
}
