package dev.forkpoint.learner.record;

import com.google.protobuf.util.JsonFormat;
import com.google.protobuf.util.Timestamps;
import dev.forkpoint.policy.checkpoint.Manifest;
import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.ReinforcementSpec;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunSpec;
import dev.forkpoint.proto.learner.v1.RunState;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A directory as a run of a few steps leaves it, with invented numbers. */
public final class FinishedRun {

    public static final int STEPS = 30;

    private final Path directory;
    private final Run run;
    private final List<WatchRunResponse> events = new ArrayList<>();

    private FinishedRun(Path directory, Run run) {
        this.directory = directory;
        this.run = run;
    }

    /** Writes the directory anew. */
    public static FinishedRun write(Path directory, String id) throws IOException {
        if (Files.exists(directory)) {
            try (Stream<Path> old = Files.walk(directory)) {
                for (Path p : old.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(p);
                }
            }
        }
        Files.createDirectories(directory);
        FinishedRun made =
                new FinishedRun(
                        directory,
                        Run.newBuilder()
                                .setRunId(id)
                                .setName("invented")
                                .setDirectory(directory.toString())
                                .setState(RunState.RUN_STATE_SUCCEEDED)
                                .setStepsDone(STEPS)
                                .setStepsTotal(STEPS)
                                .setStartedAt(Timestamps.fromSeconds(1_790_000_000))
                                .setSpec(
                                        RunSpec.newBuilder()
                                                .setName("invented")
                                                .setDescription("Numbers <made up> for a test")
                                                .setSeed(7)
                                                .setReinforcement(
                                                        ReinforcementSpec.newBuilder()
                                                                .setSteps(STEPS)))
                                .build());
        Files.write(directory.resolve("spec.pb"), made.run.toByteArray());
        Files.writeString(directory.resolve("run.yaml"), "name: invented\n");
        made.evaluation(0, 0.31);
        for (int step = 1; step <= STEPS; step++) {
            made.step(step);
        }
        made.evaluation(STEPS, 0.62);
        made.add(WatchRunResponse.newBuilder().setWarning("one <b>warning</b>"));
        made.add(WatchRunResponse.newBuilder().setState(made.run));
        made.rollouts();
        return made;
    }

    private void add(WatchRunResponse.Builder event) throws IOException {
        WatchRunResponse numbered = event.setSequence(events.size() + 1L).build();
        events.add(numbered);
        Files.writeString(
                directory.resolve("events.jsonl"),
                JsonFormat.printer().omittingInsignificantWhitespace().print(numbered) + "\n",
                java.nio.file.StandardOpenOption.CREATE,
                java.nio.file.StandardOpenOption.APPEND);
    }

    private void evaluation(int step, double accuracy) throws IOException {
        add(
                WatchRunResponse.newBuilder()
                        .setEvaluation(
                                EvaluationResult.newBuilder()
                                        .setStep(step)
                                        .setAccuracy(accuracy)
                                        .setCi95Low(accuracy - 0.02)
                                        .setCi95High(accuracy + 0.02)
                                        .setProblems(1024)
                                        .setSamples(4)));
    }

    private void step(int step) throws IOException {
        StepMetrics.Builder m = StepMetrics.newBuilder().setStep(step);
        m.putValues("reward/mean", 0.3 + 0.01 * step);
        m.putValues("reward/correct_fraction", 0.3 + 0.01 * step);
        m.putValues("mask/kept_fraction", 0.2);
        m.putValues("mask/kept_tokens", 4000);
        m.putValues("mask/kept_entropy_share", 0.9 - 0.002 * step);
        m.putValues("entropy/threshold", 0.67 - 0.01 * step);
        m.putValues("entropy/mean", 0.3);
        for (int p = 0; p <= 100; p += 5) {
            m.putValues(String.format("entropy/p%02d", p), p / 100.0);
        }
        m.putValues("clip/high_fraction", 0.01);
        m.putValues("clip/low_fraction", 0.004);
        m.putValues("length/mean", 40.0 + step);
        m.putValues("length/max", 52);
        m.putValues("time/step_seconds", 2.5);
        m.putValues("throughput/tokens_per_second", 8000);
        m.putValues("gradient/norm", 0.4);
        m.putValues("loss", -0.01);
        add(WatchRunResponse.newBuilder().setStep(m));
    }

    private void rollouts() throws IOException {
        Path policy = directory.resolve("policies/0");
        Files.createDirectories(policy);
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(Path.of("../models/countdown-base", name), policy.resolve(name));
        }
        Manifest.of(policy).write(policy);
        List<Integer> ids = IntStream.range(3, 15).boxed().toList();
        List<RolloutRow> rows = new ArrayList<>();
        for (int sample = 0; sample < 2; sample++) {
            rows.add(
                    new RolloutRow(
                            STEPS,
                            5,
                            "Make <24>",
                            "24",
                            sample,
                            STEPS - 1,
                            ids,
                            ids,
                            ids.stream().map(i -> -0.5f).toList(),
                            null,
                            ids.stream().map(i -> i % 2 * 1.2f).toList(),
                            null,
                            ids.stream().map(i -> i % 2 == 1).toList(),
                            (double) sample,
                            (double) sample,
                            sample - 0.5,
                            sample == 1,
                            sample == 1 ? "CORRECT" : "INCORRECT",
                            "STOP"));
        }
        new RolloutFiles(directory.resolve("rollouts")).write(STEPS, rows);
    }

    public Run run() {
        return run;
    }

    public List<WatchRunResponse> events() {
        return events;
    }

    public Path directory() {
        return directory;
    }
}
