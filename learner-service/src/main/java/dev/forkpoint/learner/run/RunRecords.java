package dev.forkpoint.learner.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.learner.data.PromptSource;
import dev.forkpoint.learner.record.RolloutFiles;
import dev.forkpoint.learner.record.RolloutRow;
import dev.forkpoint.learner.record.TensorBoardEvents;
import dev.forkpoint.policy.checkpoint.AtomicFiles;
import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a run leaves for people: metrics.jsonl, evaluations, summary.json. */
final class RunRecords {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final RunContext run;
    private final Optional<PromptSource> evaluationSource;
    private final String engine;
    private final RolloutFiles rollouts;
    private @Nullable TensorBoardEvents board;

    /**
     * @param evaluationSource problems of their own for evaluations
     * @param engine what sampled
     */
    RunRecords(RunContext run, Optional<PromptSource> evaluationSource, String engine) {
        this.run = run;
        this.evaluationSource = evaluationSource;
        this.engine = engine;
        this.rollouts = new RolloutFiles(run.directory.rollouts());
    }

    PromptSource evaluationSource(PromptSource otherwise) {
        return evaluationSource.orElse(otherwise);
    }

    /** Forgets what a resumed run will write again. */
    void truncate(RunProgress progress) throws IOException {
        if (Files.exists(run.directory.metrics())) {
            try (FileChannel channel =
                    FileChannel.open(run.directory.metrics(), StandardOpenOption.WRITE)) {
                channel.truncate(progress.metricsBytes());
            }
        }
        rollouts.truncate(progress.step());
        board = drawAgain(progress);
        run.events.retain(
                e ->
                        !(e.hasStep() && e.getStep().getStep() > progress.step())
                                && !(e.hasEvaluation()
                                        && e.getEvaluation().getStep() > progress.step()));
        try (Stream<Path> policies = Files.list(run.directory.policies())) {
            for (Path p : policies.toList()) {
                if (version(p) > progress.policyVersion()) {
                    AtomicFiles.delete(p);
                }
            }
        }
    }

    /** The curves of the steps that metrics.jsonl has, at the times that its steps took. */
    private TensorBoardEvents drawAgain(RunProgress progress) throws IOException {
        double time = System.currentTimeMillis() / 1e3 - progress.trainingSeconds();
        TensorBoardEvents events =
                TensorBoardEvents.begin(run.directory.root().resolve("tensorboard"), time);
        if (Files.exists(run.directory.metrics())) {
            for (String line : Files.readAllLines(run.directory.metrics())) {
                JsonNode metrics = JSON.readTree(line);
                Map<String, Double> values = new TreeMap<>();
                metrics.properties().forEach(p -> values.put(p.getKey(), p.getValue().asDouble()));
                values.remove("step");
                time += values.getOrDefault("time/step_seconds", 0.0);
                events.step(metrics.get("step").asLong(), values, time);
            }
        }
        return events;
    }

    /** The Parquet file of a step's rollouts. */
    void rollouts(int step, List<RolloutRow> rows) throws IOException {
        rollouts.write(step, rows);
    }

    private static long version(Path policy) {
        String name = policy.getFileName().toString();
        return name.matches("\\d{1,18}") ? Long.parseLong(name) : Long.MAX_VALUE;
    }

    /** One line of metrics.jsonl; returns the file's length in bytes. */
    long step(StepMetrics step) throws IOException {
        ObjectNode line = JSON.createObjectNode();
        line.put("step", step.getStep());
        new TreeMap<>(step.getValuesMap()).forEach(line::put);
        Files.write(
                run.directory.metrics(),
                (JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8),
                StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
        if (board != null) {
            board.step(step.getStep(), step.getValuesMap(), System.currentTimeMillis() / 1e3);
        }
        return Files.size(run.directory.metrics());
    }

    /**
     * Tells of an evaluation, and keeps what each problem came to in evaluations/, for paired
     * tests.
     */
    void evaluated(Evaluator.Evaluation evaluation) {
        EvaluationResult result = evaluation.result();
        ObjectNode file = JSON.createObjectNode();
        file.put("step", result.getStep());
        file.put("policy_version", result.getPolicyVersion());
        file.put("seed", run.spec.getEvaluation().getSeed());
        file.put("samples", result.getSamples());
        file.set("correct", JSON.valueToTree(evaluation.correct()));
        try {
            Files.createDirectories(run.directory.root().resolve("evaluations"));
            run.directory.write(
                    String.format("evaluations/step-%06d.json", result.getStep()),
                    JSON.writeValueAsString(file) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        run.events.add(WatchRunResponse.newBuilder().setEvaluation(result));
    }

    /** The evaluation made after a step; 0 before the first. */
    Optional<EvaluationResult> evaluation(int step) {
        return run.events.stored().stream()
                .filter(e -> e.hasEvaluation() && e.getEvaluation().getStep() == step)
                .map(WatchRunResponse::getEvaluation)
                .findFirst();
    }

    /** After a checkpoint: journals of its steps, and snapshots that nobody needs. */
    void forget(int step, long version) throws IOException {
        try (Stream<Path> journals = Files.list(run.directory.journal(0).getParent())) {
            for (Path p : journals.toList()) {
                if (p.getFileName()
                                .toString()
                                .compareTo(run.directory.journal(step).getFileName().toString())
                        <= 0) {
                    Files.delete(p);
                }
            }
        }
        int keep = run.spec.getCheckpoint().getKeepPolicies();
        if (run.spec.getReinforcement().getMaxStaleness() > 0) {
            keep = Math.max(keep, 2); // a resumed run samples its next step from the one before
        }
        try (Stream<Path> policies = Files.list(run.directory.policies())) {
            for (Path p : policies.toList()) {
                long v = version(p);
                if (v > 0 && v <= version - keep) {
                    AtomicFiles.delete(p);
                }
            }
        }
    }

    /** summary.json of a finished run. */
    void summarise(RunProgress progress, PolicySnapshot policy) throws IOException {
        ObjectNode s = JSON.createObjectNode();
        s.put("run_id", run.runId);
        s.put("name", run.spec.getName());
        evaluation(0).ifPresent(e -> s.set("accuracy_before", accuracy(e)));
        if (progress.step() > 0) {
            evaluation(progress.step()).ifPresent(e -> s.set("accuracy_after", accuracy(e)));
        }
        s.put("steps", progress.step());
        s.put("updates", progress.updates());
        s.put("wall_seconds", progress.trainingSeconds());
        s.put("policy_final", run.directory.policy(policy.getVersion()).toString());
        s.put("policy_version", policy.getVersion());
        s.put("seed", run.spec.getSeed());
        s.put("tokens_generated", progress.tokensGenerated());
        s.put("tokens_trained", progress.tokensTrained());
        if (run.spec.hasReinforcement()) {
            s.put("policy_base", run.spec.getReinforcement().getPolicy());
            s.put("engine", engine);
            s.put(
                    "entropy_source",
                    run.spec
                            .getReinforcement()
                            .getObjective()
                            .getEntropySource()
                            .name()
                            .replace("ENTROPY_SOURCE_", "")
                            .toUpperCase(Locale.ROOT));
            ObjectNode kept = s.putObject("kept_fraction");
            kept.put("min", progress.keptSteps() == 0 ? 0 : progress.keptMin());
            kept.put(
                    "mean",
                    progress.keptSteps() == 0 ? 0 : progress.keptSum() / progress.keptSteps());
            kept.put("max", progress.keptMax());
        }
        s.set("versions", JSON.valueToTree(Versions.all()));
        run.directory.write(
                "summary.json", JSON.writerWithDefaultPrettyPrinter().writeValueAsString(s) + "\n");
    }

    private static ObjectNode accuracy(EvaluationResult e) {
        ObjectNode node = JSON.createObjectNode();
        node.put("mean", e.getAccuracy());
        node.putArray("ci95").add(e.getCi95Low()).add(e.getCi95High());
        node.put("problems", e.getProblems());
        node.put("samples", e.getSamples());
        node.put("mean_length", e.getMeanLength());
        return node;
    }
}
