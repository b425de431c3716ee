package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
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

        List<JsonNode> metrics = RunFiles.metrics(run);
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

    @Test
    @EnabledOnOs(
            value = OS.LINUX,
            architectures = "amd64",
            disabledReason = "Triton is packaged for Linux on x86-64")
    void doctorLoadsTritonAsTheRolloutServiceDoes() throws Exception {
        JsonNode checks = forkpoint("doctor", "--json").json().get(0).get("checks");
        List<String> levels = new ArrayList<>();
        for (JsonNode check : checks) {
            if (check.get("check").asText().equals("triton")) {
                levels.add(check.get("level").asText());
            }
        }
        assertThat(levels).as(checks.toString()).containsExactly("ok");
    }

    /** {@code -Dforkpoint.screenshots=FOLDER} keeps what was seen. */
    @Test
    void itsPagesOpenInABrowserWhileItRunsAndAfterwards() throws Exception {
        try (Chromium browser = Chromium.start(folder.resolve("profile"))) {
            Path run = folder.resolve("run");
            Process process = start(quickstart(run));
            BufferedReader errors =
                    new BufferedReader(
                            new InputStreamReader(
                                    process.getErrorStream(), StandardCharsets.UTF_8));
            String address = "";
            String line = errors.readLine();
            while (line != null && !line.startsWith("step 1/")) {
                if (line.startsWith("live page ")) {
                    address = line.substring("live page ".length());
                }
                line = errors.readLine();
            }
            browser.open(address, 1600);
            assertThat(
                            browser.evaluate(
                                            "document.querySelectorAll('a[href^=\"/runs/\"]').length")
                                    .asInt())
                    .isEqualTo(1);
            String page =
                    browser.evaluate("document.querySelector('a[href^=\"/runs/\"]').href").asText();
            for (int width : new int[] {400, 1600}) {
                look(browser, page, width, "live");
            }
            // the page follows the run by itself
            browser.evaluate(
                    "new Promise(done => { const look = () => document.body.innerText.includes('after step 4')"
                            + " || document.body.innerText.match(/4 of 4/) ? done(1) : setTimeout(look, 100);"
                            + " look(); })");
            errors.transferTo(java.io.Writer.nullWriter());
            assertThat(process.waitFor()).isZero();
            for (int width : new int[] {400, 1600}) {
                look(browser, run.resolve("report.html").toUri().toString(), width, "report");
            }
            assertThat(browser.errors()).isEmpty();
        }
    }

    private static void look(Chromium browser, String address, int width, String name)
            throws IOException {
        browser.open(address, width);
        assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
                .as("%s, %d px: nothing is cut off at the side", name, width)
                .isLessThanOrEqualTo(width);
        assertThat(browser.evaluate("document.querySelectorAll('svg').length").asInt())
                .isPositive();
        String screenshots = System.getProperty("forkpoint.screenshots", "");
        if (!screenshots.isEmpty()) {
            browser.screenshot(Path.of(screenshots, name + "-" + width + ".png"));
        }
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

    /**
     * Two kills, or as many as {@code -Dforkpoint.kills} says: of the whole process tree and of
     * each service in turn, at moments drawn from a seed, with and without sampling ahead.
     */
    @Test
    @Timeout(value = 60, unit = TimeUnit.MINUTES)
    void aRunKilledAnywhereGoesOnToTheSameNumbers() throws Exception {
        List<String> victims =
                List.of("forkpoint-cli", "rollout-", "learner-", "entropy-", "reward-");
        Map<Integer, Path> whole = new HashMap<>();
        Random random = new Random(7);
        for (int kill = 0; kill < Integer.getInteger("forkpoint.kills", 2); kill++) {
            int staleness = kill % 2;
            String[] ahead = {"--set", "reinforcement.max_staleness=" + staleness};
            if (!whole.containsKey(staleness)) {
                Path run = folder.resolve("whole-" + staleness);
                Cli.Result result = forkpoint(quickstart(run, ahead).toArray(String[]::new));
                assertThat(result.code()).as(result.err()).isZero();
                assertThat(staleness(run))
                        .containsExactly(0.0, 1.0 * staleness, 1.0 * staleness, 1.0 * staleness);
                whole.put(staleness, run);
            }
            String victim = victims.get(kill % victims.size());
            int step = 1 + random.nextInt(3);
            int delay = random.nextInt(1500);
            String what = "kill %d of %s %d ms after step %d".formatted(kill, victim, delay, step);

            Path killed = folder.resolve("killed-" + kill);
            Process process = start(quickstart(killed, ahead));
            List<ProcessHandle> services = awaitStep(process, step);
            Thread.sleep(delay);
            if (victim.equals("forkpoint-cli")) {
                process.destroyForcibly();
            } else {
                services.stream()
                        .filter(s -> s.info().commandLine().orElse("").contains(victim + "service"))
                        .findFirst()
                        .orElseThrow()
                        .destroyForcibly();
                process.getErrorStream().transferTo(OutputStream.nullOutputStream());
            }
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(what).isTrue();
            for (ProcessHandle service : services) {
                service.onExit().get(60, TimeUnit.SECONDS);
            }
            assertThat(process.exitValue()).as(what).isNotZero();

            Cli.Result resumed = forkpoint("resume", killed.toString());
            assertThat(resumed.code()).as(what + ": " + resumed.err()).isZero();
            assertThat(resumed.out()).contains("finished after 4 steps");
            assertThat(RunFiles.replayable(killed))
                    .as(what)
                    .isEqualTo(RunFiles.replayable(whole.get(staleness)));
            assertThat(newest(killed.resolve("policies")).resolve("model.safetensors"))
                    .as(what)
                    .hasSameBinaryContentAs(
                            newest(whole.get(staleness).resolve("policies"))
                                    .resolve("model.safetensors"));
        }
    }

    @Test
    void aLoraRunTrainsServesAndResumesItsAdapter() throws Exception {
        String[] lora = {
            "--set", "lora.rank=4",
            "--set", "lora.alpha=8",
            "--set", "optimizer.learning_rate=0.002",
            "--set", "reinforcement.steps=3"
        };
        Path whole = folder.resolve("whole");
        Cli.Result result = forkpoint(quickstart(whole, lora).toArray(String[]::new));
        assertThat(result.code()).as(result.err()).isZero();
        for (JsonNode step : RunFiles.metrics(whole)) {
            // rollout-service sampled with the adapter that the learner has, or they would part
            assertThat(step.get("mismatch/logprob_max_abs").asDouble()).isLessThan(2e-4);
        }
        Path last = newest(whole.resolve("policies"));
        assertThat(last.resolve("model.safetensors")).doesNotExist();
        assertThat(Files.mismatch(adapter(last), adapter(whole.resolve("policies/0"))))
                .isNotEqualTo(-1);

        Path killed = folder.resolve("killed");
        Process process = start(quickstart(killed, lora));
        List<ProcessHandle> services = awaitStep(process, 1);
        process.destroyForcibly();
        for (ProcessHandle service : services) {
            service.onExit().get(60, TimeUnit.SECONDS);
        }
        Cli.Result resumed = forkpoint("resume", killed.toString());
        assertThat(resumed.code()).as(resumed.err()).isZero();
        assertThat(adapter(newest(killed.resolve("policies"))))
                .hasSameBinaryContentAs(adapter(last));

        Cli.Result served =
                forkpoint(
                        "generate",
                        "--max-tokens",
                        "16",
                        "--json",
                        "--policy",
                        last.toString(),
                        "--prompt",
                        "Using 3, 5");
        assertThat(served.code()).as(served.err()).isZero();
        assertThat(served.json()).hasSize(1);
    }

    private static Path adapter(Path policy) {
        return policy.resolve("adapter_model.safetensors");
    }

    private static List<Double> staleness(Path run) throws IOException {
        return RunFiles.metrics(run).stream()
                .map(line -> line.get("policy/staleness").asDouble())
                .toList();
    }

    /** Waits for the end of a step; returns the services. */
    private static List<ProcessHandle> awaitStep(Process process, int step) throws IOException {
        BufferedReader errors =
                new BufferedReader(
                        new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
        StringBuilder seen = new StringBuilder();
        String line;
        do {
            line = errors.readLine();
            seen.append(line).append('\n');
        } while (line != null && !line.startsWith("step " + step + "/"));
        assertThat(line).as(seen.toString()).isNotNull();
        List<ProcessHandle> services = process.descendants().toList();
        assertThat(services).hasSize(4);
        return services;
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
        Path malformed = Files.writeString(folder.resolve("malformed.jsonl"), "{\"problem\": 3");
        Path ready = serve("--allow", folder.toString());

        refused(ready, "keep_fraction", "reinforcement.objective.selector.top.keep_fraction=0");
        refused(ready, "keep_fraction", "reinforcement.objective.selector.top.keep_fraction=1.5");
        refused(ready, "sampling.max_tokens", "reinforcement.sampling.max_tokens=100000");
        refused(ready, "group_size", "reinforcement.group_size=0");
        refused(ready, "optimizer.learning_rate", "optimizer.learning_rate=-1");
        refused(ready, "nearest known one is steps", "reinforcement.stepps=1");
        refused(ready, "model.safetensors", "reinforcement.policy=" + truncated);
        refused(ready, "tokenizer.json", "reinforcement.policy=" + noTokenizer);
        refused(ready, "no/such/policy", "reinforcement.policy=no/such/policy");
        refused(ready, "not under", "reinforcement.policy=/etc");
        refused(ready, "empty.jsonl", "reinforcement.data.json_lines.path=" + empty);
        refused(ready, "malformed.jsonl:1", "reinforcement.data.json_lines.path=" + malformed);
        refused(ready, "countdwn", "reinforcement.data.task.name=countdwn");
        refused(ready, "options.depht", "reinforcement.data.task.options.depht=3");
        refused(ready, "verifier.name", "reinforcement.verifier.name=nope");

        Cli.Result context =
                forkpoint(
                        "generate",
                        "--json",
                        "--address",
                        ready.toString(),
                        "--prompt",
                        "1 2 3 -> 6 :",
                        "--max-tokens",
                        "1000000");
        assertThat(context.code()).as(context.err()).isEqualTo(2);
        assertThat(context.err()).contains("max_tokens");
        Path ids = Files.writeString(folder.resolve("ids.jsonl"), "{\"ids\": [1, 1000000]}");
        Cli.Result unknown =
                forkpoint(
                        "score",
                        "--json",
                        "--address",
                        ready.toString(),
                        "--input",
                        ids.toString());
        assertThat(unknown.code()).as(unknown.err()).isEqualTo(2);
        assertThat(unknown.err()).contains("ids.jsonl:1").contains("1000000");

        Cli.Result cut = forkpoint("generate", "--policy", truncated.toString(), "--prompt", "1");
        assertThat(cut.code()).as(cut.err()).isEqualTo(2);
        assertThat(cut.err()).contains("model.safetensors");
    }

    private void refused(Path ready, String message, String assignment) throws Exception {
        Path run = folder.resolve("runs/refused-" + started.size());
        List<String> arguments = quickstart(run, "--address", ready.toString());
        arguments.addAll(List.of("--set", assignment));
        Cli.Result result = forkpoint(arguments.toArray(String[]::new));
        assertThat(result.err()).as(assignment).contains(message).doesNotContain("\tat ");
        assertThat(result.code()).as(assignment + ": " + result.err()).isEqualTo(2);
        if (Files.exists(run)) {
            try (Stream<Path> snapshots = Files.list(run.resolve("policies"))) {
                assertThat(snapshots.filter(p -> !Files.exists(p.resolve("model.safetensors"))))
                        .as("half-written snapshots")
                        .isEmpty();
            }
        }
    }

    /** Starts serve with the bundled policy and returns its ready file. */
    private Path serve(String... more) throws IOException {
        Path ready = folder.resolve("ready.json");
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "serve",
                                "--policy",
                                POLICY.toString(),
                                "--ready-file",
                                ready.toString(),
                                "--run-root",
                                folder.resolve("runs").toString()));
        arguments.addAll(List.of(more));
        Process serve = start(arguments);
        BufferedReader errors =
                new BufferedReader(
                        new InputStreamReader(serve.getErrorStream(), StandardCharsets.UTF_8));
        StringBuilder seen = new StringBuilder();
        String line;
        do {
            line = errors.readLine();
            seen.append(line).append('\n');
        } while (line != null && !line.startsWith("ready"));
        assertThat(line).as(seen.toString()).isNotNull();
        return ready;
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
        Path ready = serve();
        Process serve = started.get(started.size() - 1);
        Cli.Result result =
                python.run(
                        Cli.ROOT.resolve("proto/python/examples/call_every_service.py").toString(),
                        ready.toString());
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.out())
                .contains("rollout: 8 responses")
                .containsPattern(
                        "entropy: log-probs differ from the sampler's by at most (0\\.0e\\+00|\\d\\.\\de-(0[4-9]|1\\d))")
                .containsPattern("reward: \\d of 8 correct")
                .contains("learner: 0 runs");

        Cli.Result loop =
                python.run(
                        Cli.ROOT.resolve("proto/python/examples/own_loop.py").toString(),
                        ready.toString(),
                        POLICY.toString(),
                        "--steps",
                        "2");
        assertThat(loop.code()).as(loop.err()).isZero();
        assertThat(loop.json())
                .hasSize(2)
                .allSatisfy(
                        step -> {
                            double tokens = step.get("tokens").asDouble();
                            assertThat(step.get("kept").asDouble())
                                    .isEqualTo(Math.ceil(0.2 * tokens));
                            assertThat(step.get("gradient_norm").asDouble()).isPositive();
                        });
        List<ProcessHandle> services = serve.descendants().toList();
        serve.destroy();
        assertThat(serve.waitFor()).isZero();
        for (ProcessHandle service : services) {
            service.onExit().get(30, TimeUnit.SECONDS);
        }
    }
}
