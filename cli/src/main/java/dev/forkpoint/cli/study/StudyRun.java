package dev.forkpoint.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.forkpoint.cli.FailureException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a finished run of a study came to.
 *
 * @param variation its variation
 * @param seed its seed
 * @param before held-out accuracy before training, in [0, 1]; NaN where not evaluated
 * @param solved [problems], share of correct samples after training
 * @param keptFraction mean over steps of the realised kept fraction
 * @param entropyShare mean over steps of the share of all entropy that kept tokens hold; NaN where
 *     the step's selection is not one (source CURRENT)
 * @param curves metric → value by step
 */
public record StudyRun(
        String variation,
        int seed,
        double before,
        double[] solved,
        double keptFraction,
        double entropyShare,
        Map<String, TreeMap<Integer, Double>> curves) {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    /** Accuracy after training, in [0, 1]. */
    public double accuracy() {
        return Arrays.stream(solved).average().orElse(Double.NaN);
    }

    /** The run in a directory, when it is finished. */
    public static Optional<StudyRun> read(Path directory, String variation, int seed) {
        Path file = directory.resolve("summary.json");
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            JsonNode summary = JSON.readTree(Files.readString(file));
            int steps = summary.path("steps").asInt();
            Path evaluation = directory.resolve("evaluations/step-%06d.json".formatted(steps));
            if (!Files.isRegularFile(evaluation)) {
                throw new FailureException(
                        evaluation
                                + " is missing: the run was not evaluated after training (the"
                                + " recipe needs an evaluation)");
            }
            JsonNode correct = JSON.readTree(Files.readString(evaluation));
            double samples = correct.path("samples").asDouble();
            double[] solved = new double[correct.path("correct").size()];
            for (int p = 0; p < solved.length; p++) {
                solved[p] = correct.path("correct").get(p).asDouble() / samples;
            }
            Map<String, TreeMap<Integer, Double>> curves = new TreeMap<>();
            List<Double> shares = new ArrayList<>();
            for (String line : Files.readAllLines(directory.resolve("metrics.jsonl"))) {
                JsonNode metrics = JSON.readTree(line);
                int step = metrics.path("step").asInt();
                for (StudyReport.Curve c : StudyReport.CURVES) {
                    if (metrics.hasNonNull(c.metric())) {
                        curves.computeIfAbsent(c.metric(), k -> new TreeMap<>())
                                .put(step, metrics.get(c.metric()).asDouble());
                    }
                }
                if (metrics.hasNonNull("mask/kept_entropy_share")) {
                    shares.add(metrics.get("mask/kept_entropy_share").asDouble());
                }
            }
            return Optional.of(
                    new StudyRun(
                            variation,
                            seed,
                            summary.path("accuracy_before").path("mean").asDouble(Double.NaN),
                            solved,
                            summary.path("kept_fraction").path("mean").asDouble(Double.NaN),
                            shares.stream().mapToDouble(d -> d).average().orElse(Double.NaN),
                            curves));
        } catch (IOException e) {
            throw new FailureException(
                    directory
                            + " cannot be read ("
                            + e.getMessage()
                            + "); move it away and the study makes it again",
                    e);
        }
    }
}
