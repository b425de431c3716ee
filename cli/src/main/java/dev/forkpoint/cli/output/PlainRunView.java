package dev.forkpoint.cli.output;

import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.Progress;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import org.jspecify.annotations.Nullable;

/** One line an event, for logs. */
final class PlainRunView implements RunView {

    private final Console console;
    private int steps;
    private String phase = "";

    PlainRunView(Console console) {
        this.console = console;
    }

    @Override
    public void started(Run run, @Nullable String dashboard) {
        steps = run.getStepsTotal();
        console.note("run directory " + run.getDirectory());
        if (dashboard != null) {
            console.note("live page " + dashboard);
        }
    }

    @Override
    public void progress(Progress progress) {
        // Steps have lines of their own; what takes long beside them is loading and evaluating.
        boolean rare = progress.getPhase().equals("load") || progress.getPhase().equals("evaluate");
        String now = progress.getPhase() + " " + progress.getStep();
        if (rare && !now.equals(phase)) {
            console.note(progress.getPhase().equals("load") ? "loading the policy" : "evaluating");
        }
        phase = now;
    }

    @Override
    public void step(StepMetrics metrics, boolean isNew) {
        if (isNew) {
            console.note(
                    "step %d%s  %s"
                            .formatted(
                                    metrics.getStep(),
                                    steps == 0 ? "" : "/" + steps,
                                    RunText.metrics(metrics)));
        }
    }

    @Override
    public void evaluation(EvaluationResult result) {
        console.note(RunText.evaluation(result));
    }

    @Override
    public void warning(String text) {
        console.note("warning: " + Console.printable(text));
    }

    @Override
    public void pause() {}

    @Override
    public void ended(
            Run run, @Nullable EvaluationResult before, @Nullable EvaluationResult after) {
        console.out().print(RunText.end(run, before, after));
        console.out().flush();
    }

    @Override
    public void close() {}
}
