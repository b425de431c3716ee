package dev.forkpoint.cli.recipe;

import dev.forkpoint.cli.UsageException;
import dev.forkpoint.proto.learner.v1.DataSpec;
import dev.forkpoint.proto.learner.v1.RunSpec;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Makes the relative paths of a recipe absolute: each is looked for in the working directory,
 * beside the recipe and in the installation, so that a bundled recipe runs from anywhere.
 */
public final class SpecPaths {

    private final List<Path> bases;
    private final Set<Path> found = new LinkedHashSet<>();
    private final List<String> problems = new ArrayList<>();

    private SpecPaths(List<Path> bases) {
        this.bases = bases;
    }

    /**
     * A specification without relative paths.
     *
     * @param spec the same with absolute paths and {@code file:} URIs
     * @param folders those that a policy or data file was found in
     */
    public record Resolved(RunSpec spec, List<Path> folders) {}

    /**
     * Looks for every path of a specification.
     *
     * @param bases folders to look in, in order
     * @throws UsageException naming every field whose path does not exist
     */
    public static Resolved resolve(RunSpec spec, List<Path> bases) {
        return new SpecPaths(bases).resolve(spec);
    }

    private Resolved resolve(RunSpec spec) {
        RunSpec.Builder builder = spec.toBuilder();
        if (builder.hasReinforcement()) {
            var rl = builder.getReinforcementBuilder();
            rl.setPolicy(uri("reinforcement.policy", rl.getPolicy()));
            rl.setReferencePolicy(uri("reinforcement.reference_policy", rl.getReferencePolicy()));
            if (rl.hasData()) {
                data("reinforcement.data", rl.getDataBuilder());
            }
        } else if (builder.hasSupervised()) {
            var supervised = builder.getSupervisedBuilder();
            if (supervised.hasFresh()) {
                var fresh = supervised.getFreshBuilder();
                fresh.setTokenizer(uri("supervised.fresh.tokenizer", fresh.getTokenizer()));
            } else if (supervised.hasPolicy()) {
                supervised.setPolicy(uri("supervised.policy", supervised.getPolicy()));
            }
        }
        if (builder.hasEvaluation() && builder.getEvaluation().hasData()) {
            data("evaluation.data", builder.getEvaluationBuilder().getDataBuilder());
        }
        if (!problems.isEmpty()) {
            throw new UsageException(String.join("\n  ", problems));
        }
        return new Resolved(builder.build(), List.copyOf(found));
    }

    private void data(String field, DataSpec.Builder data) {
        if (data.hasJsonLines()) {
            var lines = data.getJsonLinesBuilder();
            lines.setPath(path(field + ".json_lines.path", lines.getPath()));
        } else if (data.hasParquet()) {
            var parquet = data.getParquetBuilder();
            parquet.setPath(path(field + ".parquet.path", parquet.getPath()));
        }
    }

    private String uri(String field, String value) {
        if (value.isEmpty() || value.matches("[a-z][a-z0-9+.-]*:.*")) {
            if (value.startsWith("file:")) {
                found.add(Path.of(URI.create(value)));
            }
            return value;
        }
        String path = path(field, value);
        return Path.of(path).toUri().toString();
    }

    private String path(String field, String value) {
        if (value.isEmpty()) {
            return value;
        }
        Set<Path> candidates = new LinkedHashSet<>();
        bases.forEach(base -> candidates.add(base.resolve(value).toAbsolutePath().normalize()));
        for (Path candidate : candidates) {
            if (Files.exists(candidate)) {
                found.add(candidate);
                return candidate.toString();
            }
        }
        problems.add(
                "%s: %s does not exist (looked at %s)"
                        .formatted(
                                field,
                                value,
                                String.join(
                                        ", ", candidates.stream().map(Path::toString).toList())));
        return value;
    }
}
