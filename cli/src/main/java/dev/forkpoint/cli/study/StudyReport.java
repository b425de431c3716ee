package dev.forkpoint.cli.study;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.lab.page.DataTable;
import dev.forkpoint.lab.page.Html;
import dev.forkpoint.lab.page.LineChart;
import dev.forkpoint.lab.page.Page;
import dev.forkpoint.lab.page.Series;
import dev.forkpoint.lab.statistics.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A study's page, its JSON, and its table for a terminal. */
public final class StudyReport {

    /**
     * A curve that every run has.
     *
     * @param metric name in metrics.jsonl
     */
    record Curve(String title, String unit, String metric) {}

    static final List<Curve> CURVES =
            List.of(
                    new Curve("Correct responses in training", "share", "reward/correct_fraction"),
                    new Curve("Mean entropy of response tokens", "nats", "entropy/mean"),
                    new Curve("Kept fraction", "share of tokens", "mask/kept_fraction"),
                    new Curve("Kept entropy", "share of all entropy", "mask/kept_entropy_share"),
                    new Curve("Response length", "tokens, mean", "length/mean"),
                    new Curve("Gradient norm before clipping", "L2", "gradient/norm"));

    private StudyReport() {}

    /** Column heads of {@link #table}. */
    public static final List<String> HEAD =
            List.of(
                    "variation",
                    "seeds",
                    "accuracy, %",
                    "95 % interval",
                    "kept, %",
                    "entropy held, %",
                    "minus baseline",
                    "95 % interval",
                    "p (Holm)",
                    "p (sign flip)");

    /** Rows of the table, as text. */
    public static List<List<String>> table(StudyResult result) {
        List<List<String>> rows = new ArrayList<>();
        for (StudyResult.Row r : result.rows()) {
            List<String> cells = new ArrayList<>();
            cells.add(
                    r.variation()
                            + (r.variation().equals(result.study().baseline())
                                    ? " (baseline)"
                                    : ""));
            cells.add(Integer.toString(r.seeds()));
            cells.add(format("%.1f", 100 * r.accuracy().mean()));
            cells.add(interval("%.1f", r.accuracy()) + (r.seeds() == 1 ? ", problems alone" : ""));
            cells.add(format("%.1f", 100 * r.keptFraction()));
            cells.add(format("%.1f", 100 * r.entropyShare()));
            cells.add(r.versus().map(c -> format("%+.1f", 100 * c.difference().mean())).orElse(""));
            cells.add(
                    r.versus()
                            .map(
                                    c ->
                                            c.seeds() == 1
                                                    ? "one seed"
                                                    : interval("%+.1f", c.difference()))
                            .orElse(""));
            cells.add(format("%.3f", r.holm()));
            cells.add(r.versus().map(c -> format("%.3f", c.signFlip())).orElse(""));
            rows.add(cells);
        }
        return rows;
    }

    private static String format(String format, double value) {
        return Double.isNaN(value) ? "" : String.format(Locale.ROOT, format, value);
    }

    private static String interval(String format, Interval i) {
        return format(format, 100 * i.low()) + " to " + format(format, 100 * i.high());
    }

    /**
     * The page.
     *
     * @param command that made it
     */
    public static String html(StudyResult result, String command) {
        Study study = result.study();
        StringBuilder out = new StringBuilder();
        out.append("<h1>Study: ").append(Html.text(study.name())).append("</h1><p>");
        out.append(Html.text(study.description())).append("</p>");
        long wanted = (long) study.variations().size() * study.seeds();
        long done = result.all().count();
        if (done < wanted) {
            out.append("<p><b>")
                    .append(done)
                    .append(" of ")
                    .append(wanted)
                    .append(" runs are finished.</b></p>");
        }
        if (!result.verdicts().isEmpty()) {
            out.append("<h2>Hypotheses</h2><ul>");
            result.verdicts()
                    .forEach(
                            v ->
                                    out.append("<li>")
                                            .append(Html.text(v.sentence()))
                                            .append("</li>"));
            out.append("</ul>");
        }
        out.append("<p>").append(Html.text(result.limits())).append("</p>");
        out.append(new DataTable("Held-out accuracy after training", HEAD, table(result)).html());
        out.append("<h2>Learning curves</h2><p class=\"dim\">Mean over seeds; the band spans the")
                .append(" lowest and the highest seed.</p><div class=\"charts\">");
        for (Curve c : CURVES) {
            List<Series> series = new ArrayList<>();
            result.runs().forEach((name, runs) -> add(series, name, runs, c.metric));
            if (!series.isEmpty()) {
                out.append(
                        new LineChart(
                                        c.metric.replace('/', '-').replace('_', '-'),
                                        c.title,
                                        c.unit,
                                        "step",
                                        series)
                                .html());
            }
        }
        out.append("</div><h2>Every run</h2>").append(runs(result));
        out.append("<h2>Made by</h2><pre>").append(Html.text(command)).append("</pre>");
        return Page.html("Study " + study.name(), out.toString());
    }

    private static void add(List<Series> series, String name, List<StudyRun> runs, String metric) {
        TreeMap<Integer, double[]> byStep = new TreeMap<>(); // sum, count, lowest, highest
        for (StudyRun run : runs) {
            run.curves()
                    .getOrDefault(metric, new TreeMap<>())
                    .forEach(
                            (step, value) -> {
                                double[] s =
                                        byStep.computeIfAbsent(
                                                step,
                                                k ->
                                                        new double[] {
                                                            0,
                                                            0,
                                                            Double.POSITIVE_INFINITY,
                                                            Double.NEGATIVE_INFINITY
                                                        });
                                s[0] += value;
                                s[1]++;
                                s[2] = Math.min(s[2], value);
                                s[3] = Math.max(s[3], value);
                            });
        }
        if (!byStep.isEmpty()) {
            double[][] values = byStep.values().toArray(double[][]::new);
            double[] x = byStep.keySet().stream().mapToDouble(s -> s).toArray();
            series.add(
                    new Series(
                            name,
                            x,
                            column(values, v -> v[0] / v[1]),
                            column(values, v -> v[2]),
                            column(values, v -> v[3])));
        }
    }

    private static double[] column(
            double[][] values, java.util.function.ToDoubleFunction<double[]> of) {
        return java.util.Arrays.stream(values).mapToDouble(of).toArray();
    }

    private static String runs(StudyResult result) {
        List<List<String>> rows = new ArrayList<>();
        result.all()
                .forEach(
                        r ->
                                rows.add(
                                        List.of(
                                                r.variation(),
                                                Integer.toString(r.seed()),
                                                format("%.1f", 100 * r.before()),
                                                format("%.1f", 100 * r.accuracy()),
                                                format("%.1f", 100 * r.keptFraction()),
                                                format("%.1f", 100 * r.entropyShare()))));
        return new DataTable(
                        "Finished runs",
                        List.of(
                                "variation",
                                "seed",
                                "before, %",
                                "after, %",
                                "kept, %",
                                "entropy held, %"),
                        rows)
                .html();
    }

    /** Everything that the page says, and each run's accuracy. */
    public static ObjectNode json(StudyResult result, String command) {
        ObjectNode out = JsonLines.object();
        out.put("study", result.study().name());
        out.put("command", command);
        out.put("baseline", result.study().baseline());
        out.put("limits", result.limits());
        ArrayNode rows = out.putArray("variations");
        for (StudyResult.Row r : result.rows()) {
            ObjectNode row = rows.addObject();
            row.put("name", r.variation());
            row.put("seeds", r.seeds());
            row.set("accuracy", interval(r.accuracy()));
            row.put(
                    "accuracy_interval",
                    r.seeds() == 1 ? "bootstrap over problems" : "t over seeds");
            row.set("accuracy_resampled", interval(r.resampled()));
            row.set("kept_fraction", JsonLines.number(r.keptFraction()));
            row.set("kept_entropy_share", JsonLines.number(r.entropyShare()));
            r.versus()
                    .ifPresent(
                            c -> {
                                ObjectNode v = row.putObject("minus_baseline");
                                v.put("seeds", c.seeds());
                                v.set("difference", interval(c.difference()));
                                v.set("p_paired_t", JsonLines.number(c.student()));
                                v.set("p_paired_t_holm", JsonLines.number(r.holm()));
                                v.set("p_sign_flip", JsonLines.number(c.signFlip()));
                            });
            ObjectNode seeds = row.putObject("accuracy_by_seed");
            result.runs()
                    .getOrDefault(r.variation(), List.of())
                    .forEach(run -> seeds.put(Integer.toString(run.seed()), run.accuracy()));
        }
        ArrayNode hypotheses = out.putArray("hypotheses");
        for (StudyResult.Verdict v : result.verdicts()) {
            hypotheses
                    .addObject()
                    .put("says", v.hypothesis().says())
                    .put("outcome", v.outcome().name())
                    .put("sentence", v.sentence());
        }
        return out;
    }

    private static ObjectNode interval(Interval i) {
        ObjectNode node = JsonLines.object();
        node.set("mean", JsonLines.number(i.mean()));
        node.putArray("ci95").add(JsonLines.number(i.low())).add(JsonLines.number(i.high()));
        return node;
    }

    /** Runs by variation, in the study's order. */
    public static Map<String, List<StudyRun>> grouped(Study study, List<StudyRun> runs) {
        Map<String, List<StudyRun>> grouped = new java.util.LinkedHashMap<>();
        study.variations()
                .keySet()
                .forEach(
                        v ->
                                grouped.put(
                                        v,
                                        runs.stream()
                                                .filter(r -> r.variation().equals(v))
                                                .toList()));
        return grouped;
    }
}
