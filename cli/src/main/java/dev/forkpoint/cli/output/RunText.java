package dev.forkpoint.cli.output;

import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunState;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Sentences about a run, for people. */
final class RunText {

    private record Shown(String metric, String format) {}

    private static final List<Shown> SHOWN =
            List.of(
                    new Shown("loss", "loss %.4f"),
                    new Shown("reward/mean", "reward %.3f"),
                    new Shown("entropy/mean", "entropy %.3f"),
                    new Shown("mask/kept_fraction", "kept %.4f"),
                    new Shown("throughput/tokens_per_second", "%.0f tokens/s"));

    private RunText() {}

    /** Loss, reward, entropy, kept fraction and speed, as far as the step has them. */
    static String metrics(StepMetrics step) {
        List<String> parts = new ArrayList<>();
        for (Shown shown : SHOWN) {
            Double value = step.getValuesMap().get(shown.metric);
            if (value != null) {
                parts.add(String.format(Locale.ROOT, shown.format, value));
            }
        }
        return String.join("  ", parts);
    }

    static String evaluation(EvaluationResult result) {
        return String.format(
                Locale.ROOT,
                "%s: held-out accuracy %s",
                result.getStep() == 0 ? "before training" : "after step " + result.getStep(),
                accuracy(result));
    }

    static String accuracy(EvaluationResult result) {
        return String.format(
                Locale.ROOT,
                "%.1f %% (95 %% interval %.1f – %.1f; %d problems × %d samples; mean length %.1f tokens)",
                100 * result.getAccuracy(),
                100 * result.getCi95Low(),
                100 * result.getCi95High(),
                result.getProblems(),
                Math.max(1, result.getSamples()),
                result.getMeanLength());
    }

    /** What a person wants to know at the end. */
    static String end(
            Run run, @Nullable EvaluationResult before, @Nullable EvaluationResult after) {
        StringBuilder text = new StringBuilder();
        boolean done = run.getState() == RunState.RUN_STATE_SUCCEEDED;
        text.append(
                String.format(
                        Locale.ROOT,
                        "%s %s after %d steps%n",
                        run.getName(),
                        done ? "finished" : "ended early",
                        run.getStepsDone()));
        if (before != null) {
            text.append("  before  ").append(accuracy(before)).append(System.lineSeparator());
        }
        if (after != null) {
            text.append("  after   ").append(accuracy(after)).append(System.lineSeparator());
        }
        if (done && before != null && after != null) {
            text.append(
                    String.format(
                            Locale.ROOT,
                            "  gain    %+.1f points; the intervals %s%n",
                            100 * (after.getAccuracy() - before.getAccuracy()),
                            after.getCi95Low() > before.getCi95High()
                                            || after.getCi95High() < before.getCi95Low()
                                    ? "lie apart"
                                    : "overlap"));
        }
        text.append("  run     ").append(run.getDirectory()).append(System.lineSeparator());
        Path report = Path.of(run.getDirectory(), "report.html");
        if (Files.exists(report)) {
            text.append("  report  ").append(report).append(System.lineSeparator());
        }
        return text.toString();
    }
}
