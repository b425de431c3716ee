package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The launcher, the command and four real services, on a short budget. */
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class QuickstartIT {

    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Path POLICY = Cli.ROOT.resolve("models/countdown-base");

    /** A few steps of few problems; everything else is the quickstart's. */
    private static final List<String> SHORT =
            List.of(
                    "--set", "reinforcement.steps=4",
                    "--set", "reinforcement.prompts_per_step=8",
                    "--set", "reinforcement.group_size=8",
                    "--set", "reinforcement.responses_per_update=32",
                    "--set", "evaluation.problems=48",
                    "--set", "evaluation.samples=2",
                    "--set", "evaluation.every_steps=0",
                    "--set", "checkpoint.every_steps=1");

    @TempDir Path folder;
    private final List<Process> started = new ArrayList<>();

    @AfterEach
    void endEverything() {
        started.forEach(process -> process.descendants().forEach(ProcessHandle::destroyForcibly));
        started.forEach(Process::destroyForcibly);
    }

    private Process start(List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Cli.ROOT.resolve("forkpoint").toString());
        command.addAll(arguments);
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectOutput(out())
                        .redirectInput(new File("/dev/null"));
        // Maven, which runs this test, has just built everything.
        builder.environment().put("FORKPOINT_SKIP_BUILD", "1");
        Process process = builder.start();
        started.add(process);
        return process;
    }

    private File out() {
        return folder.resolve("out-" + started.size()).toFile();
    }

    private Cli.Result forkpoint(String... arguments) throws Exception {
        File out = out();
        Process process = start(List.of(arguments));
        String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        int code = process.waitFor();
        return new Cli.Result(code, Files.readString(out.toPath()), err);
    }

    private static List<String> quickstart(Path run, String... more) {
        List<String> arguments =
                new ArrayList<>(List.of("quickstart", "--run-dir", run.toString()));
        arguments.addAll(SHORT);
        arguments.addAll(List.of(more));
        return arguments;
    }

    private static List<JsonNode> lines(Path file) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    /** The metrics of a run that do not depend on the clock. */
    private static List<String> replayable(Path run) throws IOException {
        return lines(run.resolve("metrics.jsonl")).stream()
                .map(
                        line ->
                                line.properties().stream()
                                        .filter(
                                                entry ->
                                                        entry.getKey()
                                                                .matches(
                                                                        "step|loss|(reward|entropy|mask|advantage|length)/.*"))
                                        .map(entry -> entry.getKey() + "=" + entry.getValue())
                                        .sorted()
                                        .collect(Collectors.joining(" ")))
                .toList();
    }

    @Test
    void trainsThroughFourProcessesAndWritesWhatItPromises() throws Exception {
        Path run = folder.resolve("runs/a run");
        Cli.Result result =
                forkpoint(quickstart(run, "--json", "--seed", "5").toArray(String[]::new));
        assertThat(result.code()).as(result.err()).isZero();
        List<JsonNode> events = result.json();
        assertThat(events.get(0).get("event").asText()).isEqualTo("started");
        JsonNode ended = events.get(events.size() - 1);
        assertThat(ended.get("state").asText()).isEqualTo("SUCCEEDED");

        List<JsonNode> metrics = lines(run.resolve("metrics.jsonl"));
        assertThat(metrics).hasSize(4);
        for (JsonNode step : metrics) {
            assertThat(step.get("mask/kept_fraction").asDouble()).isBetween(0.2, 0.21);
        }
        JsonNode summary = JSON.readTree(run.resolve("summary.json").toFile());
        assertThat(summary.get("seed").asLong()).isEqualTo(5);
        assertThat(summary.get("steps").asInt()).isEqualTo(4);
        assertThat(summary.get("entropy_source").asText()).isEqualTo("RECOMPUTED");
        for (String key : List.of("accuracy_before", "accuracy_after")) {
            JsonNode accuracy = summary.get(key);
            assertThat(accuracy.get("problems").asInt()).isEqualTo(48);
            assertThat(accuracy.get("samples").asInt()).isEqualTo(2);
            assertThat(accuracy.get("ci95").get(0).asDouble())
                    .isLessThanOrEqualTo(accuracy.get("mean").asDouble());
        }
        assertThat(summary.fieldNames())
                .toIterable()
                .contains(
                        "wall_seconds",
                        "policy_base",
                        "policy_final",
                        "engine",
                        "kept_fraction",
                        "tokens_generated",
                        "tokens_trained");
        for (String file : List.of("run.yaml", "report.html", "checkpoints", "rollouts", "logs")) {
            assertThat(run.resolve(file)).exists();
        }

        // The final policy is a policy: an evaluation of it on the run's own held-out problems
        // agrees.
        Path last = newest(run.resolve("policies"));
        Cli.Result eval =
                forkpoint(
                        "eval",
                        "--json",
                        "--policy",
                        last.toString(),
                        "--data",
                        "task:countdown?split=held_out&seed=777&count=48",
                        "--samples",
                        "8");
        assertThat(eval.code()).as(eval.err()).isZero();
        assertThat(eval.json().get(0).get("accuracy").get("mean").asDouble())
                .isCloseTo(summary.get("accuracy_after").get("mean").asDouble(), within(0.25));
    }

    private static Path newest(Path policies) throws IOException {
        try (Stream<Path> versions = Files.list(policies)) {
            return versions.filter(p -> p.getFileName().toString().matches("\\d+"))
                    .max(
                            java.util.Comparator.comparingLong(
                                    p -> Long.parseLong(p.getFileName().toString())))
                    .orElseThrow();
        }
    }

    @Test
    void aRunKilledAnywhereGoesOnToTheSameNumbers() throws Exception {
        Path whole = folder.resolve("whole");
        Cli.Result undisturbed = forkpoint(quickstart(whole).toArray(String[]::new));
        assertThat(undisturbed.code()).as(undisturbed.err()).isZero();

        Path killed = folder.resolve("killed");
        Process process = start(quickstart(killed));
        BufferedReader errors =
                new BufferedReader(
                        new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
        StringBuilder seen = new StringBuilder();
        String line;
        do {
            line = errors.readLine();
            seen.append(line).append('\n');
        } while (line != null && !line.startsWith("step 2/"));
        assertThat(line).as(seen.toString()).isNotNull();
        List<ProcessHandle> services = process.descendants().toList();
        assertThat(services).hasSize(4);
        process.destroyForcibly();
        for (ProcessHandle service : services) {
            service.onExit().get(60, TimeUnit.SECONDS);
        }

        Cli.Result resumed = forkpoint("resume", killed.toString());
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(resumed.out()).contains("finished after 4 steps");
        assertThat(replayable(killed)).isEqualTo(replayable(whole));
    }

    @Test
    void badInputIsNamedWithTheRightExitCodeAndLeavesNothingBehind() throws Exception {
        Path truncated = copyOfPolicy("truncated");
        Path weights = truncated.resolve("model.safetensors");
        try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        Path noTokenizer = copyOfPolicy("no-tokenizer");
        Files.delete(noTokenizer.resolve("tokenizer.json"));
        Path empty = Files.writeString(folder.resolve("empty.jsonl"), "");
        Path run = folder.resolve("runs/bad");

        refused(
                run,
                "keep_fraction",
                "--set",
                "reinforcement.objective.selector.top.keep_fraction=0");
        refused(
                run,
                "keep_fraction",
                "--set",
                "reinforcement.objective.selector.top.keep_fraction=1.5");
        refused(run, "sampling.max_tokens", "--set", "reinforcement.sampling.max_tokens=100000");
        refused(run, "group_size", "--set", "reinforcement.group_size=0");
        refused(run, "model.safetensors", "--set", "reinforcement.policy=" + truncated);
        refused(run, "tokenizer.json", "--set", "reinforcement.policy=" + noTokenizer);
        refused(
                run,
                "nothing-here",
                "--set",
                "reinforcement.policy=" + folder.resolve("nothing-here"));
        refused(run, "empty.jsonl", "--set", "reinforcement.data.json_lines.path=" + empty);
        refused(run, "countdwn", "--set", "reinforcement.data.task.name=countdwn");
        refused(run, "optimizer.learning_rate", "--set", "optimizer.learning_rate=-1");
        refused(run, "nearest known one is steps", "--set", "reinforcement.stepps=1");

        Cli.Result context =
                forkpoint(
                        "generate",
                        "--json",
                        "--policy",
                        POLICY.toString(),
                        "--prompt",
                        "1 2 3 -> 6 :",
                        "--max-tokens",
                        "1000000");
        assertThat(context.code()).as(context.err()).isEqualTo(2);
        assertThat(context.err()).contains("max_tokens");
        Cli.Result ids =
                forkpoint(
                        "score",
                        "--json",
                        "--policy",
                        POLICY.toString(),
                        "--input",
                        Files.writeString(folder.resolve("ids.jsonl"), "{\"ids\": [1, 1000000]}")
                                .toString());
        assertThat(ids.code()).as(ids.err()).isEqualTo(2);
        assertThat(ids.err()).contains("ids.jsonl:1").contains("1000000");
        Cli.Result weightsCut =
                forkpoint("generate", "--policy", truncated.toString(), "--prompt", "1");
        assertThat(weightsCut.code()).as(weightsCut.err()).isEqualTo(2);
        assertThat(weightsCut.err()).contains("model.safetensors");
    }

    private void refused(Path run, String message, String... assignments) throws Exception {
        Cli.Result result = forkpoint(quickstart(run, assignments).toArray(String[]::new));
        assertThat(result.err()).contains(message).doesNotContain("\tat ");
        assertThat(result.code()).as(result.err()).isEqualTo(2);
        assertThat(run).as("a refused run leaves no directory").doesNotExist();
    }

    private Path copyOfPolicy(String name) throws IOException {
        Path copy = Files.createDirectories(folder.resolve(name));
        try (Stream<Path> files = Files.list(POLICY)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        // A manifest would name any change; a foreign checkpoint has none.
        Files.deleteIfExists(copy.resolve("forkpoint_manifest.json"));
        return copy;
    }

    @Test
    void aPythonClientCallsEachService() throws Exception {
        Python python = Python.with("grpc", "google.rpc.status_pb2");
        Path ready = folder.resolve("ready.json");
        Process serve =
                start(
                        List.of(
                                "serve",
                                "--policy",
                                POLICY.toString(),
                                "--ready-file",
                                ready.toString(),
                                "--run-root",
                                folder.resolve("runs").toString()));
        BufferedReader errors =
                new BufferedReader(
                        new InputStreamReader(serve.getErrorStream(), StandardCharsets.UTF_8));
        String line;
        do {
            line = errors.readLine();
        } while (line != null && !line.startsWith("ready"));
        Cli.Result result =
                python.run(
                        Cli.ROOT.resolve("proto/python/examples/call_every_service.py").toString(),
                        ready.toString());
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.out())
                .contains("rollout: 8 responses")
                .containsPattern(
                        "entropy: log-probs differ from the sampler's by at most (0|\\d\\.\\de-0[4-9])")
                .containsPattern("reward: \\d of 8 correct")
                .contains("learner: 0 runs");
        List<ProcessHandle> services = serve.descendants().toList();
        serve.destroy();
        assertThat(serve.waitFor()).isZero();
        for (ProcessHandle service : services) {
            service.onExit().get(30, TimeUnit.SECONDS);
        }
    }
}
