package dev.forkpoint.cli.output;

import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.Progress;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import org.jspecify.annotations.Nullable;

/** Little of a run that goes on beside others: each line names it. */
final class BriefRunView implements RunView {

    private final Console console;
    private final String label;

    BriefRunView(Console console, String label) {
        this.console = console;
        this.label = label;
    }

    private void note(String text) {
        console.note(label + ": " + text);
    }

    @Override
    public void started(Run run, @Nullable String dashboard) {
        note(run.getDirectory() + (dashboard == null ? "" : ", live page " + dashboard));
    }

    @Override
    public void progress(Progress progress) {}

    @Override
    public void step(StepMetrics metrics, boolean isNew) {}

    @Override
    public void evaluation(EvaluationResult result) {
        note(RunText.evaluation(result));
    }

    @Override
    public void warning(String text) {
        note("warning: " + Console.printable(text));
    }

    @Override
    public void pause() {}

    @Override
    public void ended(
            Run run, @Nullable EvaluationResult before, @Nullable EvaluationResult after) {}

    @Override
    public void close() {}
}
