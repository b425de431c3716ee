package dev.forkpoint.cli.output;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.Progress;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One JSON object an event on standard output, told apart by {@code event}: started, step,
 * evaluation, warning, ended.
 */
final class JsonRunView implements RunView {

    private final JsonLines lines;

    JsonRunView(Console console) {
        this.lines = new JsonLines(console.out());
    }

    @Override
    public void started(Run run, @Nullable String dashboard) {
        ObjectNode line = event("started");
        line.put("run_id", run.getRunId());
        line.put("run_dir", run.getDirectory());
        line.put("dashboard", dashboard);
        line.put("steps_done", run.getStepsDone());
        line.put("steps_total", run.getStepsTotal());
        lines.write(line);
    }

    @Override
    public void progress(Progress progress) {}

    @Override
    public void step(StepMetrics step, boolean isNew) {
        if (isNew) {
            ObjectNode line = event("step");
            line.put("step", step.getStep());
            ObjectNode metrics = line.putObject("metrics");
            new TreeMap<>(step.getValuesMap())
                    .forEach((name, value) -> metrics.set(name, JsonLines.number(value)));
            lines.write(line);
        }
    }

    @Override
    public void evaluation(EvaluationResult result) {
        ObjectNode line = event("evaluation");
        line.put("step", result.getStep());
        line.setAll(accuracy(result));
        line.set("mean_length", JsonLines.number(result.getMeanLength()));
        line.set("mean_entropy", JsonLines.number(result.getMeanEntropy()));
        line.put("policy_version", result.getPolicyVersion());
        lines.write(line);
    }

    @Override
    public void warning(String text) {
        lines.write(event("warning").put("message", text));
    }

    @Override
    public void pause() {}

    @Override
    public void ended(
            Run run, @Nullable EvaluationResult before, @Nullable EvaluationResult after) {
        ObjectNode line = event("ended");
        line.put("state", run.getState().name().replace("RUN_STATE_", ""));
        line.put("run_dir", run.getDirectory());
        line.put("steps_done", run.getStepsDone());
        line.put("error", run.getError().isEmpty() ? null : run.getError());
        line.set("accuracy_before", before == null ? line.nullNode() : accuracy(before));
        line.set("accuracy_after", after == null ? line.nullNode() : accuracy(after));
        JsonNode summary = summary(Path.of(run.getDirectory(), "summary.json"));
        if (summary != null) {
            line.set("summary", summary);
        }
        lines.write(line);
    }

    @Override
    public void close() {}

    private static ObjectNode event(String name) {
        return JsonLines.object().put("event", name);
    }

    private static ObjectNode accuracy(EvaluationResult result) {
        ObjectNode node = JsonLines.object();
        node.set("mean", JsonLines.number(result.getAccuracy()));
        node.putArray("ci95").add(result.getCi95Low()).add(result.getCi95High());
        node.put("problems", result.getProblems());
        node.put("samples", Math.max(1, result.getSamples()));
        return node;
    }

    private static @Nullable JsonNode summary(Path file) {
        try {
            return Files.exists(file) ? JsonMapper.builder().build().readTree(file.toFile()) : null;
        } catch (IOException e) {
            return null;
        }
    }
}
