package dev.forkpoint.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The report of a load test: {@code load.json}, and {@code load.html}, which opens offline. */
public final class Report {

    private static final JsonMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    /**
     * All that is in the JSON form.
     *
     * @param command what was asked
     * @param machine processors, Java, load average
     * @param ratios figure by figure, now over the baseline; absent figures are left out
     */
    public record Content(
            String command,
            String time,
            Map<String, String> machine,
            List<LoadTest.Result> services,
            List<Ratio> ratios) {}

    /** One figure against the baseline. */
    public record Ratio(String figure, double baseline, double now, double ratio) {}

    private Report() {}

    /**
     * @param baseline an earlier {@code load.json}; null: none to compare with
     */
    public static Content of(String command, List<LoadTest.Result> results, @Nullable Path baseline)
            throws IOException {
        return new Content(
                command,
                Instant.now().toString(),
                Map.of(
                        "processors",
                        Integer.toString(Runtime.getRuntime().availableProcessors()),
                        "java",
                        Runtime.version().toString(),
                        "system",
                        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
                        "load average at the end",
                        number(
                                ManagementFactory.getOperatingSystemMXBean()
                                        .getSystemLoadAverage())),
                results,
                baseline == null ? List.of() : ratios(JSON.readTree(baseline.toFile()), results));
    }

    private static List<Ratio> ratios(JsonNode baseline, List<LoadTest.Result> results) {
        List<Ratio> out = new ArrayList<>();
        for (LoadTest.Result now : results) {
            for (JsonNode then : baseline.path("services")) {
                if (!then.path("service").asText().equals(now.service())) {
                    continue;
                }
                ratio(
                        out,
                        now.service() + " saturation, requests/s",
                        then.path("saturationPerSecond").asDouble(),
                        now.saturationPerSecond());
                for (Measurement phase : now.phases()) {
                    for (JsonNode earlier : then.path("phases")) {
                        if (earlier.path("phase").asText().equals(phase.phase())) {
                            ratio(
                                    out,
                                    now.service() + " " + phase.phase() + ", p99 ms",
                                    earlier.path("latencyMs").path("p99").asDouble(),
                                    phase.latencyMs().getOrDefault("p99", 0.0));
                        }
                    }
                }
            }
        }
        return out;
    }

    private static void ratio(List<Ratio> out, String figure, double then, double now) {
        if (then > 0 && now > 0) {
            out.add(new Ratio(figure, then, now, now / then));
        }
    }

    /** Writes both forms into a folder, which is made when missing. */
    public static void write(Content content, Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("load.json"), JSON.writeValueAsString(content) + "\n");
        Files.writeString(folder.resolve("load.html"), html(content));
    }

    static String html(Content content) {
        StringBuilder out = new StringBuilder();
        out.append(
                """
                <!doctype html>
                <html lang="en"><head><meta charset="utf-8"><title>Forkpoint load test</title>
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <style>
                :root { color-scheme: light dark; }
                body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
                table { border-collapse: collapse; margin: 1rem 0; }
                th, td { padding: .2rem .7rem; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); text-align: right; }
                th:first-child, td:first-child { text-align: left; white-space: nowrap; }
                .no { font-weight: bold; color: #c62828; }
                svg { max-width: 100%; } svg .bar { fill: #3567b0; } svg text { fill: currentColor; font-size: 12px; }
                </style></head><body>
                <h1>Load test</h1>
                """);
        out.append("<p><code>").append(escaped(content.command())).append("</code>, ");
        out.append(escaped(content.time())).append("</p><p>");
        content.machine().forEach((k, v) -> out.append(escaped(k + " " + v)).append(" · "));
        out.append(
                "the client shares the machine with the service it measures where that is local:"
                        + " percentiles are reported, not gated.</p>\n");
        summary(content, out);
        for (LoadTest.Result result : content.services()) {
            service(result, out);
        }
        if (!content.ratios().isEmpty()) {
            out.append(
                    "<h2>Against the baseline</h2>\n<table><tr><th>figure</th><th>baseline</th>");
            out.append("<th>now</th><th>ratio</th></tr>\n");
            for (Ratio r : content.ratios()) {
                row(out, r.figure(), number(r.baseline()), number(r.now()), number(r.ratio()));
            }
            out.append("</table>\n");
        }
        return out.append("</body></html>\n").toString();
    }

    private static void summary(Content content, StringBuilder out) {
        out.append(
                "<table><tr><th>service</th><th>saturation, requests/s</th><th>holds</th></tr>\n");
        for (LoadTest.Result r : content.services()) {
            long holds = r.checks().stream().filter(LoadTest.Check::holds).count();
            row(
                    out,
                    r.service(),
                    number(r.saturationPerSecond()),
                    holds + " of " + r.checks().size());
        }
        out.append("</table>\n");
    }

    private static void service(LoadTest.Result result, StringBuilder out) {
        out.append("<h2>").append(escaped(result.service())).append("</h2>\n");
        chart(result, out);
        out.append("<table><tr><th>phase</th><th>served/s</th><th>sent</th><th>served</th>");
        out.append("<th>shed</th><th>held back</th><th>failed</th><th>p50 ms</th><th>p99 ms</th>");
        out.append(
                "<th>max ms</th><th>shed p99 ms</th><th>heap MiB</th><th>resident MiB</th></tr>\n");
        for (Measurement m : result.phases()) {
            row(
                    out,
                    m.phase(),
                    number(m.servedPerSecond()),
                    Long.toString(m.sent()),
                    Long.toString(m.served()),
                    Long.toString(m.shed()),
                    Long.toString(m.held()),
                    m.failures().isEmpty() ? "0" : m.failures().toString(),
                    number(m.latencyMs().get("p50")),
                    number(m.latencyMs().get("p99")),
                    number(m.latencyMs().get("max")),
                    number(m.shedMs().get("p99")),
                    number(result.heapMib().get(m.phase())),
                    number(result.residentMib().get(m.phase())));
        }
        out.append("</table>\n<table><tr><th>must hold</th><th>does</th><th>found</th></tr>\n");
        for (LoadTest.Check c : result.checks()) {
            out.append("<tr><td>").append(escaped(c.name())).append("</td><td>");
            out.append(c.holds() ? "yes" : "<span class=\"no\">no</span>").append("</td><td>");
            out.append(escaped(c.found())).append("</td></tr>\n");
        }
        out.append("</table>\n");
        if (result.soak() != null) {
            soak(result.soak(), out);
        }
        out.append("<details><summary>").append(result.fuzz().calls());
        out.append(" calls with nonsense, by method and status</summary><table>\n");
        result.fuzz().statuses().forEach((k, v) -> row(out, k, Long.toString(v)));
        out.append("</table></details>\n");
    }

    /** Memory every tenth of the soak. */
    private static void soak(Soak soak, StringBuilder out) {
        out.append("<p>Soak at ").append(number(soak.perSecond()));
        out.append(" requests/s. Growth over the second half: resident memory ");
        out.append(percent(soak.residentGrowth())).append(", used heap with garbage ");
        out.append(percent(soak.heapGrowth())).append(".</p>\n<table><tr><th>after, s</th>");
        out.append("<th>resident MiB</th><th>used heap MiB</th></tr>\n");
        int every = Math.max(1, soak.memory().size() / 10);
        for (int i = every - 1; i < soak.memory().size(); i += every) {
            Soak.Sample sample = soak.memory().get(i);
            row(
                    out,
                    number(sample.seconds()),
                    number(sample.residentMib()),
                    number(sample.heapMib()));
        }
        out.append("</table>\n");
    }

    private static String percent(@Nullable Double share) {
        return share == null ? "not known" : String.format(Locale.ROOT, "%+.2f %%", 100 * share);
    }

    /**
     * Served requests a second of each step of the ramp; the table beneath has the same numbers.
     */
    private static void chart(LoadTest.Result result, StringBuilder out) {
        List<Measurement> ramp =
                result.phases().stream().filter(m -> m.phase().startsWith("closed loop")).toList();
        double top = ramp.stream().mapToDouble(Measurement::servedPerSecond).max().orElse(0);
        if (top <= 0) {
            return;
        }
        out.append(
                "<svg role=\"img\" aria-label=\"Served requests a second by requests outstanding; numbers in the table\" viewBox=\"0 0 600 %d\">\n"
                        .formatted(ramp.size() * 24 + 4));
        for (int i = 0; i < ramp.size(); i++) {
            Measurement m = ramp.get(i);
            int y = i * 24 + 4;
            double width = Math.max(1, 400 * m.servedPerSecond() / top);
            out.append(
                    String.format(
                            Locale.ROOT,
                            "<text x=\"0\" y=\"%d\">%d outstanding</text><rect class=\"bar\" x=\"110\" y=\"%d\" width=\"%.1f\" height=\"18\"/><text x=\"%.1f\" y=\"%d\">%s/s</text>%n",
                            y + 14,
                            m.concurrency(),
                            y,
                            width,
                            116 + width,
                            y + 14,
                            number(m.servedPerSecond())));
        }
        out.append("</svg>\n");
    }

    private static void row(StringBuilder out, String... cells) {
        out.append("<tr>");
        for (String cell : cells) {
            out.append("<td>").append(escaped(cell)).append("</td>");
        }
        out.append("</tr>\n");
    }

    private static String number(@Nullable Double value) {
        if (value == null) {
            return "–";
        }
        return String.format(Locale.ROOT, value >= 100 ? "%.0f" : "%.2f", value);
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
