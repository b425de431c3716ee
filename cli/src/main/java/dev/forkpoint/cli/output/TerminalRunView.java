package dev.forkpoint.cli.output;

import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.Progress;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A progress bar with time left, and the last step's metrics beside it. */
final class TerminalRunView implements RunView {

    private static final int UPDATE_MS = 250;

    private final Console console;
    private final PlainRunView lines;
    private int steps;
    private int done;
    private String metrics = "";
    private String label = "";
    private @Nullable ProgressBar bar;

    TerminalRunView(Console console) {
        this.console = console;
        this.lines = new PlainRunView(console);
    }

    @Override
    public void started(Run run, @Nullable String dashboard) {
        lines.started(run, dashboard);
        steps = run.getStepsTotal();
        done = run.getStepsDone();
    }

    @Override
    public void progress(Progress progress) {
        switch (progress.getPhase()) {
            case "load" -> show("loading", progress.getTotal(), progress.getDone(), "");
            case "evaluate" -> show("evaluating", progress.getTotal(), progress.getDone(), "");
            default -> {
                String part =
                        progress.getTotal() == 0
                                ? progress.getPhase()
                                : "%s %d/%d"
                                        .formatted(
                                                progress.getPhase(),
                                                progress.getDone(),
                                                progress.getTotal());
                show("training", steps, done, metrics.isEmpty() ? part : metrics + "  " + part);
            }
        }
    }

    @Override
    public void step(StepMetrics step, boolean isNew) {
        done = Math.max(done, step.getStep());
        metrics = RunText.metrics(step);
        if (isNew) {
            show("training", steps, done, metrics);
        }
    }

    @Override
    public void evaluation(EvaluationResult result) {
        pause();
        lines.evaluation(result);
    }

    @Override
    public void warning(String text) {
        pause();
        lines.warning(text);
    }

    @Override
    public void pause() {
        if (bar != null) {
            bar.close();
            bar = null;
            label = "";
        }
    }

    @Override
    public void ended(
            Run run, @Nullable EvaluationResult before, @Nullable EvaluationResult after) {
        pause();
        lines.ended(run, before, after);
    }

    @Override
    public void close() {
        pause();
    }

    private void show(String what, long total, long now, String message) {
        if (bar == null || !label.equals(what)) {
            pause();
            label = what;
            bar =
                    new ProgressBarBuilder()
                            .setTaskName(what)
                            .setInitialMax(total == 0 ? -1 : total)
                            // Time left is judged by what is done from here on.
                            .startsFrom(now, java.time.Duration.ZERO)
                            .setUpdateIntervalMillis(UPDATE_MS)
                            .setStyle(ProgressBarStyle.ASCII)
                            .setConsumer(new ConsoleProgressBarConsumer(console.err()))
                            .build();
        }
        bar.maxHint(total == 0 ? -1 : total);
        bar.stepTo(now);
        bar.setExtraMessage(message);
    }
}
