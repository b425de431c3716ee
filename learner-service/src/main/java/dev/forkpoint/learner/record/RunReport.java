package dev.forkpoint.learner.record;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.forkpoint.lab.page.DataTable;
import dev.forkpoint.lab.page.Html;
import dev.forkpoint.lab.page.LineChart;
import dev.forkpoint.lab.page.Page;
import dev.forkpoint.lab.page.Series;
import dev.forkpoint.policy.checkpoint.AtomicFiles;
import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunState;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The page of a run: what came out, curves with their tables, some responses, how to repeat it.
 * Written as report.html at its end, and served while it goes on.
 */
public final class RunReport {

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * @param metrics label → name of a metric
     */
    private record Curve(String title, String unit, Map<String, String> metrics) {}

    private static final List<Curve> CURVES =
            List.of(
                    curve("Reward", "verifier's, before shaping", "mean", "reward/mean"),
                    curve(
                            "Correct responses in training",
                            "share of a step's responses",
                            "correct",
                            "reward/correct_fraction"),
                    curve(
                            "Entropy of response tokens",
                            "nats",
                            "threshold τ",
                            "entropy/threshold",
                            "mean",
                            "entropy/mean",
                            "50th percentile",
                            "entropy/p50",
                            "80th",
                            "entropy/p80",
                            "95th",
                            "entropy/p95"),
                    curve(
                            "Kept tokens",
                            "share",
                            "of tokens",
                            "mask/kept_fraction",
                            "of entropy",
                            "mask/kept_entropy_share"),
                    curve(
                            "Clip fraction",
                            "share of trained tokens at a bound",
                            "upper",
                            "clip/high_fraction",
                            "lower",
                            "clip/low_fraction"),
                    curve(
                            "Response length",
                            "tokens",
                            "mean",
                            "length/mean",
                            "longest",
                            "length/max"),
                    curve(
                            "Responses cut off",
                            "share at the token limit",
                            "cut off",
                            "responses/truncated_fraction"),
                    curve(
                            "Groups",
                            "count a step",
                            "all",
                            "groups/count",
                            "without signal",
                            "groups/signalless",
                            "all correct",
                            "groups/all_correct",
                            "none correct",
                            "groups/none_correct"),
                    curve(
                            "Speed",
                            "response tokens a second",
                            "whole step",
                            "throughput/tokens_per_second",
                            "sampling alone",
                            "throughput/sample_tokens_per_second"),
                    curve(
                            "Time of a step",
                            "seconds",
                            "step",
                            "time/step_seconds",
                            "sample, verify, score",
                            "time/sample_seconds",
                            "update",
                            "time/update_seconds",
                            "publish",
                            "time/publish_seconds"),
                    curve("Loss", "mean of the step's updates", "loss", "loss"),
                    curve(
                            "Gradient norm before clipping",
                            "L2",
                            "mean of updates",
                            "gradient/norm",
                            "largest",
                            "gradient/norm_max"),
                    curve(
                            "Divergence from the sampling policy",
                            "nats a token",
                            "k1",
                            "kl/k1",
                            "k3",
                            "kl/k3"),
                    curve(
                            "Sampler against scorer",
                            "nats, |difference of log-probs|",
                            "mean",
                            "mismatch/logprob_mean_abs",
                            "largest",
                            "mismatch/logprob_max_abs"));

    private final Path directory;
    private int responsesOfStep;
    private String responses = "";

    /** Report of the run in a directory. */
    public RunReport(Path directory) {
        this.directory = directory;
    }

    private static Curve curve(String title, String unit, String... labelsAndNames) {
        Map<String, String> metrics = new LinkedHashMap<>();
        for (int i = 0; i < labelsAndNames.length; i += 2) {
            metrics.put(labelsAndNames[i], labelsAndNames[i + 1]);
        }
        return new Curve(title, unit, metrics);
    }

    /** Writes report.html, whole or not at all. */
    public void write(Run run, List<WatchRunResponse> events) throws IOException {
        String page = Page.html("Run " + run.getRunId(), body(run, events));
        AtomicFiles.file(directory.resolve("report.html"), to -> Files.writeString(to, page));
    }

    /** The page without its shell. */
    public synchronized String body(Run run, List<WatchRunResponse> events) {
        List<StepMetrics> steps =
                events.stream()
                        .filter(WatchRunResponse::hasStep)
                        .map(WatchRunResponse::getStep)
                        .toList();
        List<EvaluationResult> evaluations =
                events.stream()
                        .filter(WatchRunResponse::hasEvaluation)
                        .map(WatchRunResponse::getEvaluation)
                        .toList();
        StringBuilder out = new StringBuilder();
        out.append("<h1>").append(Html.text(run.getName())).append("</h1><p class=\"dim\">");
        out.append(Html.text(run.getSpec().getDescription()))
                .append("<br>Run <code>")
                .append(Html.text(run.getRunId()))
                .append("</code>, ")
                .append(state(run.getState()))
                .append(run.getError().isEmpty() ? "" : ": " + Html.text(run.getError()))
                .append("</p>");
        out.append(summary(run, steps, evaluations));
        List<String> warnings =
                events.stream()
                        .filter(WatchRunResponse::hasWarning)
                        .map(WatchRunResponse::getWarning)
                        .toList();
        if (!warnings.isEmpty()) {
            out.append("<h2>Warnings</h2><ul>");
            warnings.forEach(w -> out.append("<li>").append(Html.text(w)).append("</li>"));
            out.append("</ul>");
        }
        out.append("<h2>Curves</h2><div class=\"charts\">");
        if (!evaluations.isEmpty()) {
            out.append(accuracy(evaluations).html());
        }
        for (Curve c : CURVES) {
            List<Series> series = series(c, steps);
            if (!series.isEmpty()) {
                out.append(new LineChart(slug(c.title), c.title, c.unit, "step", series).html());
            }
        }
        out.append("</div>");
        out.append(percentiles(steps));
        out.append(responses(steps.size()));
        out.append(everything(steps));
        out.append(madeBy(run));
        return out.toString();
    }

    private static String state(RunState state) {
        return switch (state) {
            case RUN_STATE_RUNNING -> "running";
            case RUN_STATE_SUCCEEDED -> "finished";
            case RUN_STATE_FAILED -> "failed";
            case RUN_STATE_STOPPED -> "stopped; it can be resumed";
            case RUN_STATE_INTERRUPTED -> "interrupted; it can be resumed";
            case RUN_STATE_UNSPECIFIED, UNRECOGNIZED -> "state unknown";
        };
    }

    private String summary(Run run, List<StepMetrics> steps, List<EvaluationResult> evaluations) {
        StringBuilder out = new StringBuilder("<dl class=\"tiles\">");
        EvaluationResult before =
                evaluations.stream().filter(e -> e.getStep() == 0).findFirst().orElse(null);
        EvaluationResult after =
                evaluations.stream().filter(e -> e.getStep() > 0).reduce((a, b) -> b).orElse(null);
        if (before != null) {
            tile(out, "Accuracy before", percent(before.getAccuracy()), interval(before));
        }
        if (after != null) {
            tile(
                    out,
                    "Accuracy after step " + after.getStep(),
                    percent(after.getAccuracy()),
                    interval(after));
        }
        if (before != null && after != null) {
            tile(
                    out,
                    "Change",
                    String.format(
                            Locale.ROOT,
                            "%+.1f points",
                            100 * (after.getAccuracy() - before.getAccuracy())),
                    before.getProblems() == after.getProblems()
                            ? "on the same held-out problems"
                            : "on different numbers of problems");
        }
        tile(
                out,
                "Steps",
                steps.size() + (run.getStepsTotal() > 0 ? " of " + run.getStepsTotal() : ""),
                "");
        double seconds = sum(steps, "time/step_seconds");
        tile(out, "Training time", Html.number(Math.round(seconds)) + " s", "evaluations left out");
        double sampled = 0;
        for (StepMetrics s : steps) {
            sampled +=
                    s.getValuesOrDefault("throughput/tokens_per_second", 0)
                            * s.getValuesOrDefault("time/step_seconds", 0);
        }
        if (run.getSpec().hasReinforcement()) {
            tile(
                    out,
                    "Tokens sampled",
                    Html.number(Math.round(sampled)),
                    Html.number(sum(steps, "mask/kept_tokens")) + " carried gradient");
            double[] kept =
                    steps.stream()
                            .filter(s -> s.containsValues("mask/kept_fraction"))
                            .mapToDouble(s -> s.getValuesOrDefault("mask/kept_fraction", 0))
                            .toArray();
            if (kept.length > 0) {
                tile(
                        out,
                        "Kept fraction",
                        percent(java.util.Arrays.stream(kept).average().orElse(0)),
                        percent(java.util.Arrays.stream(kept).min().orElse(0))
                                + " to "
                                + percent(java.util.Arrays.stream(kept).max().orElse(0))
                                + " over the steps");
            }
            tile(
                    out,
                    "Entropy source",
                    run.getSpec()
                            .getReinforcement()
                            .getObjective()
                            .getEntropySource()
                            .name()
                            .replace("ENTROPY_SOURCE_", ""),
                    "");
        }
        JsonNode summary = json("summary.json");
        if (summary.hasNonNull("engine") && !summary.get("engine").asText().isEmpty()) {
            tile(out, "Rollout engine", summary.get("engine").asText(), "");
        }
        tile(out, "Seed", Long.toUnsignedString(run.getSpec().getSeed()), "");
        return out.append("</dl>").toString();
    }

    private static double sum(List<StepMetrics> steps, String name) {
        return steps.stream().mapToDouble(s -> s.getValuesOrDefault(name, 0)).sum();
    }

    private static void tile(StringBuilder out, String name, String value, String note) {
        out.append("<div><dt>")
                .append(Html.text(name))
                .append("</dt><dd>")
                .append(Html.text(value));
        if (!note.isEmpty()) {
            out.append("<small>").append(Html.text(note)).append("</small>");
        }
        out.append("</dd></div>");
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    private static String interval(EvaluationResult e) {
        return String.format(
                Locale.ROOT,
                "95 %% interval %.1f to %.1f; %d problems × %d",
                100 * e.getCi95Low(),
                100 * e.getCi95High(),
                e.getProblems(),
                e.getSamples());
    }

    private static LineChart accuracy(List<EvaluationResult> evaluations) {
        int n = evaluations.size();
        double[] x = new double[n];
        double[] y = new double[n];
        double[] low = new double[n];
        double[] high = new double[n];
        for (int i = 0; i < n; i++) {
            EvaluationResult e = evaluations.get(i);
            x[i] = e.getStep();
            y[i] = 100 * e.getAccuracy();
            low[i] = 100 * e.getCi95Low();
            high[i] = 100 * e.getCi95High();
        }
        return new LineChart(
                "accuracy",
                "Held-out accuracy",
                "%, with 95 % interval",
                "step",
                List.of(new Series("accuracy", x, y, low, high)));
    }

    private static List<Series> series(Curve curve, List<StepMetrics> steps) {
        List<Series> series = new ArrayList<>();
        curve.metrics.forEach(
                (label, name) -> {
                    double[] x = steps.stream().mapToDouble(StepMetrics::getStep).toArray();
                    double[] y =
                            steps.stream()
                                    .mapToDouble(s -> s.getValuesOrDefault(name, Double.NaN))
                                    .toArray();
                    if (java.util.Arrays.stream(y).anyMatch(Double::isFinite)) {
                        series.add(Series.line(label, x, y));
                    }
                });
        return series;
    }

    private static String slug(String title) {
        return title.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    }

    /** Entropy percentiles of the first, middle and last step. */
    private static String percentiles(List<StepMetrics> steps) {
        List<StepMetrics> with =
                steps.stream().filter(s -> s.containsValues("entropy/p50")).toList();
        if (with.isEmpty()) {
            return "";
        }
        List<StepMetrics> shown = new ArrayList<>();
        for (int i : new int[] {0, with.size() / 2, with.size() - 1}) {
            if (!shown.contains(with.get(i))) {
                shown.add(with.get(i));
            }
        }
        List<String> head = new ArrayList<>(List.of("percentile"));
        shown.forEach(s -> head.add("step " + s.getStep()));
        List<List<String>> rows = new ArrayList<>();
        for (int p = 0; p <= 100; p += 5) {
            String name = String.format(Locale.ROOT, "entropy/p%02d", p);
            List<String> row = new ArrayList<>(List.of(Integer.toString(p)));
            shown.forEach(s -> row.add(Html.number(s.getValuesOrDefault(name, Double.NaN))));
            rows.add(row);
        }
        return new DataTable("Entropy of response tokens, nats", head, rows)
                .folded("percentiles", "All entropy percentiles");
    }

    /** Responses of the newest step whose file is there; drawn once a step. */
    private String responses(int steps) {
        for (int step = steps; step > Math.max(0, steps - 3); step--) {
            if (step == responsesOfStep) {
                return responses;
            }
            if (Files.exists(new RolloutFiles(directory.resolve("rollouts")).file(step))) {
                responses = ResponseSection.html(directory, step);
                responsesOfStep = step;
                return responses;
            }
        }
        return "";
    }

    /** The last step's value of every metric. */
    private static String everything(List<StepMetrics> steps) {
        if (steps.isEmpty()) {
            return "";
        }
        Set<String> names = new HashSet<>();
        steps.forEach(s -> names.addAll(s.getValuesMap().keySet()));
        StepMetrics first = steps.get(0);
        StepMetrics last = steps.get(steps.size() - 1);
        List<List<String>> rows = new ArrayList<>();
        for (String name : new java.util.TreeSet<>(names)) {
            rows.add(
                    List.of(
                            name,
                            Html.number(first.getValuesOrDefault(name, Double.NaN)),
                            Html.number(last.getValuesOrDefault(name, Double.NaN))));
        }
        return "<h2>Every metric</h2>"
                + new DataTable(
                                "metrics.jsonl has every step",
                                List.of(
                                        "metric",
                                        "step " + first.getStep(),
                                        "step " + last.getStep()),
                                rows)
                        .folded("metrics", "First and last step");
    }

    private String madeBy(Run run) {
        StringBuilder out = new StringBuilder("<h2>Made by</h2><pre>");
        out.append(Html.text("forkpoint run " + quote(directory.resolve("run.yaml").toString())));
        out.append("</pre><details id=\"spec\"><summary>run.yaml</summary><pre>");
        out.append(Html.text(text("run.yaml"))).append("</pre></details>");
        JsonNode versions = json("summary.json").path("versions");
        if (versions.isObject()) {
            Map<String, String> sorted = new TreeMap<>();
            versions.properties().forEach(v -> sorted.put(v.getKey(), v.getValue().asText()));
            out.append("<p class=\"dim\">");
            sorted.forEach(
                    (name, version) -> out.append(Html.text(name + " " + version)).append("; "));
            out.append("</p>");
        }
        out.append("<p class=\"dim\">Started ")
                .append(Html.text(com.google.protobuf.util.Timestamps.toString(run.getStartedAt())))
                .append("</p>");
        return out.toString();
    }

    private static String quote(String word) {
        return word.matches("[A-Za-z0-9_./:@%+=,-]+")
                ? word
                : "'" + word.replace("'", "'\\''") + "'";
    }

    private String text(String name) {
        try {
            return Files.readString(directory.resolve(name));
        } catch (IOException e) {
            return name + " cannot be read";
        }
    }

    private JsonNode json(String name) {
        try {
            Path file = directory.resolve(name);
            return Files.exists(file)
                    ? JSON.readTree(Files.readString(file))
                    : JSON.createObjectNode();
        } catch (IOException e) {
            return JSON.createObjectNode();
        }
    }
}
