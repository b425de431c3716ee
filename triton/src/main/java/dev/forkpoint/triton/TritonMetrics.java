package dev.forkpoint.triton;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Triton's metrics, read from its Prometheus text, so that they can be joined to another registry.
 */
public final class TritonMetrics {

    private static final Pattern SAMPLE =
            Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)})?\\s+(\\S+)(?:\\s+\\d+)?");
    private static final Pattern LABEL =
            Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\\]|\\\\.)*)\",?");

    private TritonMetrics() {}

    /**
     * One metric.
     *
     * @param type counter, gauge, histogram or summary, as Triton calls it
     */
    public record Family(String name, String type, String help, List<Sample> samples) {}

    /**
     * @param name the family's, or for a summary or histogram with a suffix
     * @param labels in the order of the text
     */
    public record Sample(String name, Map<String, String> labels, double value) {}

    /** The families of a text as {@link TritonServer#metrics} gives it, in its order. */
    public static List<Family> parse(String text) {
        Map<String, Family> families = new LinkedHashMap<>();
        Map<String, String> help = new LinkedHashMap<>();
        Family current = null;
        for (String line : text.split("\n")) {
            if (line.startsWith("# HELP ")) {
                String[] parts = line.split(" ", 4);
                help.put(parts[2], parts.length > 3 ? parts[3] : "");
            } else if (line.startsWith("# TYPE ")) {
                String[] parts = line.split(" ", 4);
                current =
                        families.computeIfAbsent(
                                parts[2],
                                name ->
                                        new Family(
                                                name,
                                                parts[3].trim(),
                                                help.getOrDefault(name, ""),
                                                new ArrayList<>()));
            } else if (!line.isBlank() && !line.startsWith("#")) {
                Sample sample = sample(line);
                Family family =
                        current != null && sample.name().startsWith(current.name())
                                ? current
                                : families.computeIfAbsent(
                                        sample.name(),
                                        name -> new Family(name, "untyped", "", new ArrayList<>()));
                family.samples().add(sample);
            }
        }
        return List.copyOf(families.values());
    }

    private static Sample sample(String line) {
        Matcher m = SAMPLE.matcher(line.trim());
        if (!m.matches()) {
            throw new IllegalArgumentException("not a line of Prometheus text: " + line);
        }
        Map<String, String> labels = new LinkedHashMap<>();
        if (m.group(2) != null) {
            Matcher label = LABEL.matcher(m.group(2));
            while (label.find()) {
                labels.put(
                        label.group(1),
                        label.group(2)
                                .replace("\\\"", "\"")
                                .replace("\\n", "\n")
                                .replace("\\\\", "\\"));
            }
        }
        return new Sample(m.group(1), labels, value(m.group(3)));
    }

    private static double value(String text) {
        return switch (text) {
            case "+Inf" -> Double.POSITIVE_INFINITY;
            case "-Inf" -> Double.NEGATIVE_INFINITY;
            default -> Double.parseDouble(text);
        };
    }
}
