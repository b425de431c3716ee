package dev.forkpoint.learner.run;

/** The run was asked to stop; what is safe to save has been saved by whoever catches this. */
final class RunStoppedException extends RuntimeException {

    private static final long serialVersionUID = 1;

    RunStoppedException() {
        super("the run was stopped");
    }
}
