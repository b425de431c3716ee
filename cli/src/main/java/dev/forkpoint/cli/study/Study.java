package dev.forkpoint.cli.study;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.forkpoint.cli.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A study file: variations of one recipe, each run with several seeds.
 *
 * @param name of the study, letters, digits, {@code . _ -}
 * @param description what is asked
 * @param recipe bundled recipe's name, or a path from the study file
 * @param set {@code path=value} for every run
 * @param seeds how many seeds, 1, 2, …
 * @param baseline the variation that others are compared with
 * @param variations name → {@code path=value} of its own
 * @param hypotheses what the study can answer
 */
public record Study(
        String name,
        String description,
        String recipe,
        List<String> set,
        int seeds,
        String baseline,
        Map<String, List<String>> variations,
        List<Hypothesis> hypotheses) {

    private static final YAMLMapper YAML =
            YAMLMapper.builder(
                            YAMLFactory.builder()
                                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                                    .build())
                    .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .build();

    /**
     * A statement about held-out accuracy after training.
     *
     * @param says the statement
     * @param higher the variation that comes out higher
     * @param lower than this one
     * @param margin points by which {@code higher} may be below and the statement still hold (“as
     *     good as”); 0: it must be above
     */
    public record Hypothesis(
            String says,
            String higher,
            String lower,
            @JsonProperty("margin_points") double margin) {}

    /** As it stands in the file, where anything may be missing. */
    private record File(
            @Nullable String name,
            @Nullable String description,
            @Nullable String recipe,
            @Nullable List<String> set,
            int seeds,
            @Nullable String baseline,
            @Nullable LinkedHashMap<String, @Nullable List<String>> variations,
            @Nullable List<Hypothesis> hypotheses) {
        @JsonCreator
        File {}
    }

    /**
     * Reads a study file.
     *
     * @throws UsageException naming what is wrong
     */
    public static Study read(Path file) {
        File f;
        try {
            f = YAML.readValue(Files.readString(file), File.class);
        } catch (UnrecognizedPropertyException e) {
            throw new UsageException(
                    "%s: unknown key %s (known: %s)"
                            .formatted(file, e.getPropertyName(), e.getKnownPropertyIds()),
                    e);
        } catch (JsonProcessingException e) {
            throw new UsageException(file + ": not a study: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new UsageException("no study at " + file.toAbsolutePath(), e);
        }
        if (f == null) {
            throw new UsageException(file + ": empty (expected: a study)");
        }
        List<String> problems = new ArrayList<>();
        Map<String, List<String>> variations = new LinkedHashMap<>();
        if (f.variations != null) {
            f.variations.forEach((k, v) -> variations.put(k, v == null ? List.of() : v));
        }
        if (f.name == null || !f.name.matches("[A-Za-z0-9._-]{1,64}")) {
            problems.add("name: " + f.name + " (expected: 1 to 64 of A-Z a-z 0-9 . _ -)");
        }
        if (f.recipe == null) {
            problems.add("recipe: missing (expected: a bundled recipe's name or a path)");
        }
        if (variations.isEmpty()) {
            problems.add("variations: none (expected: at least one)");
        }
        for (String v : variations.keySet()) {
            if (!v.matches("[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")) {
                problems.add("variations: " + v + " (expected: 1 to 64 of A-Z a-z 0-9 . _ -)");
            }
        }
        if (f.seeds < 0 || f.seeds > 1000) {
            problems.add("seeds: " + f.seeds + " (expected: 1 to 1000)");
        }
        requireVariation(problems, "baseline", f.baseline, variations);
        List<Hypothesis> hypotheses = f.hypotheses == null ? List.of() : f.hypotheses;
        for (int i = 0; i < hypotheses.size(); i++) {
            String at = "hypotheses[" + i + "].";
            requireVariation(problems, at + "higher", hypotheses.get(i).higher, variations);
            requireVariation(problems, at + "lower", hypotheses.get(i).lower, variations);
            if (hypotheses.get(i).says == null) {
                problems.add(at + "says: missing (expected: the statement)");
            }
            if (!(hypotheses.get(i).margin >= 0)) {
                problems.add(
                        at
                                + "margin_points: "
                                + hypotheses.get(i).margin
                                + " (expected: 0 or more)");
            }
        }
        if (!problems.isEmpty() || f.name == null || f.recipe == null || f.baseline == null) {
            throw new UsageException(file + ":\n  " + String.join("\n  ", problems));
        }
        return new Study(
                f.name,
                f.description == null ? "" : f.description,
                f.recipe,
                f.set == null ? List.of() : f.set,
                f.seeds == 0 ? 3 : f.seeds,
                f.baseline,
                variations,
                hypotheses);
    }

    private static void requireVariation(
            List<String> problems,
            String field,
            @Nullable String name,
            Map<String, List<String>> variations) {
        if (name == null || !variations.containsKey(name)) {
            problems.add(
                    "%s: %s (allowed: %s)"
                            .formatted(field, name, String.join(", ", variations.keySet())));
        }
    }

    /**
     * The study with some of its variations; the baseline always stays, and hypotheses about others
     * go.
     */
    public Study only(List<String> names) {
        List<String> unknown = names.stream().filter(n -> !variations.containsKey(n)).toList();
        if (!unknown.isEmpty()) {
            throw new UsageException(
                    "--only: %s (allowed: %s)"
                            .formatted(
                                    String.join(", ", unknown),
                                    String.join(", ", variations.keySet())));
        }
        Map<String, List<String>> kept = new LinkedHashMap<>(variations);
        kept.keySet().removeIf(v -> !names.contains(v) && !v.equals(baseline));
        return new Study(
                name,
                description,
                recipe,
                set,
                seeds,
                baseline,
                kept,
                hypotheses.stream()
                        .filter(h -> kept.containsKey(h.higher) && kept.containsKey(h.lower))
                        .toList());
    }
}
