package dev.forkpoint.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.forkpoint.cli.Cli;
import dev.forkpoint.cli.ServiceDoubles;
import dev.forkpoint.proto.learner.v1.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RunCommandTest {

    private static final String QUICKSTART = Cli.ROOT.resolve("recipes/quickstart.yaml").toString();

    @TempDir Path folder;
    private ServiceDoubles services;

    @BeforeEach
    void start() throws IOException {
        services = new ServiceDoubles();
        services.runDirectory = folder.resolve("a run").toString();
    }

    @AfterEach
    void stop() {
        services.close();
    }

    private String learner() {
        return "127.0.0.1:" + services.port();
    }

    @Test
    void printsOneJsonObjectAnEventAndNothingElse() throws IOException {
        Files.createDirectories(Path.of(services.runDirectory));
        Files.writeString(Path.of(services.runDirectory, "summary.json"), "{\"steps\": 2}");
        Cli.Result result = Cli.run("run", QUICKSTART, "--json", "--address", learner());
        assertThat(result.code()).as(result.err()).isZero();
        List<JsonNode> events = result.json();
        assertThat(events)
                .extracting(event -> event.get("event").asText())
                .containsExactly(
                        "started", "evaluation", "step", "step", "warning", "evaluation", "ended");
        assertThat(events.get(2).get("metrics").toString())
                .isEqualTo(
                        "{\"loss\":0.5,\"mask/kept_fraction\":0.2,\"policy/odd\":null,\"reward/mean\":0.25}");
        JsonNode ended = events.get(6);
        assertThat(ended.get("state").asText()).isEqualTo("SUCCEEDED");
        assertThat(ended.get("accuracy_before").get("mean").asDouble()).isEqualTo(0.3);
        assertThat(ended.get("accuracy_after").get("ci95").get(0).asDouble()).isEqualTo(0.58);
        assertThat(ended.get("summary").get("steps").asInt()).isEqualTo(2);
    }

    @Test
    void tellsPeopleStepsAccuracyAndWhereThingsAre() {
        Cli.Result result = Cli.run("run", QUICKSTART, "--address", learner());
        assertThat(result.code()).isZero();
        assertThat(result.err())
                .contains("step 1/2  loss 0.5000  reward 0.250  kept 0.2000")
                .contains("before training: held-out accuracy 30.0 %")
                .contains("warning: the machine is busy");
        assertThat(result.out())
                .contains("before  30.0 % (95 % interval 28.0 – 32.0; 64 problems × 4 samples")
                .contains("after   60.0 %")
                .contains("gain    +30.0 points; the intervals lie apart")
                .contains(services.runDirectory);
    }

    @Test
    void showsAProgressBarOnATerminal() {
        services.endless = false;
        Cli.Result result = Cli.runAtTerminal("run", QUICKSTART, "--address", learner());
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.err()).contains("training").contains("2/2");
    }

    @Test
    void aFailedRunIsExitCodeOneAndSaysHowToGoOn() {
        services.end = RunState.RUN_STATE_FAILED;
        Cli.Result result = Cli.run("run", QUICKSTART, "--address", learner());
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err())
                .contains("the run failed: the disk is full")
                .contains("forkpoint resume '" + services.runDirectory + "'");
    }

    @Test
    void aRunThatFailedForAFileItsRecipeNamesIsBadInput() {
        services.end = RunState.RUN_STATE_FAILED;
        services.stepsDone = 0;
        services.error = "reinforcement.policy: /p/tokenizer.json: missing";
        Cli.Result result = Cli.run("run", QUICKSTART, "--address", learner());
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err())
                .contains("reinforcement.policy: /p/tokenizer.json: missing")
                .contains("Nothing was trained")
                .doesNotContain("forkpoint resume");

        services.error = "rollout-service: connection lost";
        assertThat(Cli.run("run", QUICKSTART, "--address", learner()).code()).isEqualTo(1);
    }

    @Test
    void whatTheLearnerRefusesIsBadInput() {
        Cli.Result result =
                Cli.run(
                        "run",
                        QUICKSTART,
                        "--set",
                        "reinforcement.groupSize=1",
                        "--address",
                        learner());
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err()).contains("spec.reinforcement.group_size: 1 (expected: 2 or more)");
    }

    @Test
    void dryRunPrintsWhatTheLearnerMadeOfIt() {
        Cli.Result result =
                Cli.run("run", QUICKSTART, "--dry-run", "--set", "seed=5", "--address", learner());
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.out()).contains("keep: 2").contains("seed: \"5\"");
        assertThat(services.starts).isEmpty();
    }

    @Test
    void anInterruptSavesTheRunAndSaysHowToGoOn() throws Exception {
        services.endless = true;
        CompletableFuture<Cli.Result> result = new CompletableFuture<>();
        Thread command =
                new Thread(
                        () -> result.complete(Cli.run("run", QUICKSTART, "--address", learner())));
        command.start();
        assertThat(services.watched.await(30, TimeUnit.SECONDS)).isTrue();
        command.interrupt();
        Cli.Result ended = result.get(30, TimeUnit.SECONDS);
        assertThat(ended.code()).as(ended.err()).isEqualTo(130);
        assertThat(services.stops).hasValue(1);
        assertThat(ended.err())
                .contains("saved after step 2")
                .contains("forkpoint resume '" + services.runDirectory + "'");
    }

    @Test
    void pretrainRefusesARecipeOfAnotherKind() {
        Cli.Result result = Cli.run("pretrain", QUICKSTART, "--address", learner());
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err()).contains("has no supervised part");
    }

    @Test
    void aRunDirectoryThatHoldsSomethingIsRefused() throws IOException {
        Files.writeString(folder.resolve("file"), "x");
        Cli.Result result =
                Cli.run("quickstart", "--run-dir", folder.toString(), "--address", learner());
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err()).contains("is not empty").contains("forkpoint resume");
        assertThat(services.starts).isEmpty();
    }

    @Test
    void resumingWhatIsNoRunIsBadUsage() {
        Cli.Result nothing = Cli.run("resume", folder.resolve("none").toString());
        assertThat(nothing.code()).isEqualTo(2);
        assertThat(nothing.err()).contains("no run directory at");
        Cli.Result other = Cli.run("resume", folder.toString());
        assertThat(other.code()).isEqualTo(2);
        assertThat(other.err()).contains("has no spec.pb");
    }

    @Test
    void aPathOfTheRecipeThatDoesNotExistIsNamedWithWhereItWasLookedFor() {
        Cli.Result result = Cli.run("run", QUICKSTART, "--set", "reinforcement.policy=models/none");
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err())
                .contains("reinforcement.policy: models/none does not exist")
                .contains(Cli.ROOT.resolve("models/none").toString());
    }
}
