package dev.forkpoint.cli.output;

import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.Progress;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import org.jspecify.annotations.Nullable;

/** How a run is shown while it goes on. */
public interface RunView extends AutoCloseable {

    /** A bar on a terminal, lines elsewhere, or JSON Lines. */
    static RunView of(Console console, boolean json) {
        if (json) {
            return new JsonRunView(console);
        }
        return console.errTerminal() ? new TerminalRunView(console) : new PlainRunView(console);
    }

    /** A line for each evaluation, for one run among others. */
    static RunView brief(Console console, String label) {
        return new BriefRunView(console, label);
    }

    /** The run has been started or resumed. */
    void started(Run run, @Nullable String dashboard);

    /** A phase goes on. */
    void progress(Progress progress);

    /**
     * A step is finished.
     *
     * @param isNew whether it happened since the command started
     */
    void step(StepMetrics metrics, boolean isNew);

    /** An evaluation is finished. */
    void evaluation(EvaluationResult result);

    /** Something a person should know. */
    void warning(String text);

    /** Makes room for other lines. */
    void pause();

    /**
     * The run has ended.
     *
     * @param before the evaluation before training
     * @param after the last evaluation
     */
    void ended(Run run, @Nullable EvaluationResult before, @Nullable EvaluationResult after);

    @Override
    void close();
}
