package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import dev.forkpoint.cli.local.LocalServices;
import dev.forkpoint.cli.output.Console;
import dev.forkpoint.cli.output.JsonLines;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Figures of one measurement, and what they were taken with. */
final class BenchReport {

    private final ObjectNode report = JsonLines.object();
    private final ObjectNode settings = JsonLines.object();

    /**
     * @param name of the measurement
     * @param unit of the rate: {@code tokens_per_s} or {@code verifications_per_s}
     * @param amount tokens or verifications of a repetition
     * @param seconds of each repetition
     */
    BenchReport(String name, String unit, double amount, List<Double> seconds) {
        report.put("bench", name);
        report.put(unit, amount / median(seconds));
        report.put("seconds", median(seconds));
        report.put("spread", spread(seconds));
        report.put("repetitions", seconds.size());
    }

    /** One more figure. */
    BenchReport figure(String name, double value) {
        report.set(name, JsonLines.number(value));
        return this;
    }

    /** Figures of several things that were measured in turn. */
    BenchReport list(String name, JsonNode values) {
        report.set(name, values);
        return this;
    }

    /** A setting that the figures depend on. */
    BenchReport setting(String name, Object value) {
        settings.set(name, settings.pojoNode(value));
        return this;
    }

    /** Peak resident memory of this process. */
    BenchReport ownMemory() {
        return memory(List.of(ProcessHandle.current().pid()));
    }

    /** Peak resident memory of the services that did the work, summed. */
    BenchReport memoryOf(@Nullable LocalServices services) {
        return memory(services == null ? List.of() : services.pids().values());
    }

    /** Peak resident memory of these processes, summed. */
    BenchReport memory(Collection<Long> pids) {
        double kib = pids.stream().mapToDouble(BenchReport::peakRssKib).sum();
        report.set(
                "peak_rss_mib", pids.isEmpty() ? report.nullNode() : JsonLines.number(kib / 1024));
        return this;
    }

    /** Writes the report: for people as a list, with the JSON object last either way. */
    void print(Console console, boolean json) {
        report.set("settings", settings);
        ObjectNode versions = report.putObject("versions");
        versions.put("forkpoint", Forkpoint.Version.of());
        versions.put("java", Runtime.version().toString());
        report.set("machine", machine());
        if (!json && console.outTerminal()) {
            for (var entry : report.properties()) {
                JsonNode value = entry.getValue();
                console.note("%-24s %s".formatted(entry.getKey(), value));
            }
        }
        new JsonLines(console.out()).write(report);
    }

    static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int n = sorted.size();
        return n % 2 == 1 ? sorted.get(n / 2) : (sorted.get(n / 2 - 1) + sorted.get(n / 2)) / 2;
    }

    /** (max − min) / median: the noise seen. */
    static double spread(List<Double> values) {
        return (Collections.max(values) - Collections.min(values)) / median(values);
    }

    private static double peakRssKib(long pid) {
        return text(Path.of("/proc", Long.toString(pid), "status"))
                .lines()
                .filter(line -> line.startsWith("VmHWM:"))
                .findFirst()
                .map(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")))
                .orElse(Double.NaN);
    }

    private static ObjectNode machine() {
        ObjectNode machine = JsonLines.object();
        machine.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        machine.put("architecture", System.getProperty("os.arch"));
        machine.put(
                "cpu",
                text(Path.of("/proc/cpuinfo"))
                        .lines()
                        .filter(line -> line.startsWith("model name"))
                        .map(line -> line.replaceFirst(".*:\\s*", ""))
                        .findFirst()
                        .orElse("unknown"));
        machine.put("cores", Runtime.getRuntime().availableProcessors());
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        machine.put("memory_gib", system.getTotalMemorySize() / (double) (1L << 30));
        machine.put(
                "omp_wait_policy",
                Objects.requireNonNullElse(System.getenv("OMP_WAIT_POLICY"), ""));
        return machine;
    }

    private static String text(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            return "";
        }
    }
}
