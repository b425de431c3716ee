package dev.forkpoint.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.util.concurrent.Uninterruptibles;
import dev.forkpoint.cli.Cli;
import dev.forkpoint.cli.ServiceDoubles;
import dev.forkpoint.proto.learner.v1.RunState;
import dev.forkpoint.proto.learner.v1.StartRunRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class AblateCommandTest {

    @TempDir Path folder;
    private ServiceDoubles services;

    @BeforeEach
    void start() throws IOException {
        services = new ServiceDoubles();
        services.atStart = AblateCommandTest::leave;
        Files.writeString(
                folder.resolve("s.yaml"),
                """
                name: s
                recipe: quickstart
                baseline: top
                variations:
                  top: []
                  all: ["reinforcement.objective.selector.all={}"]
                hypotheses:
                  - {says: "Top beats all.", higher: top, lower: all}
                """);
    }

    @AfterEach
    void stop() {
        services.close();
    }

    /** What a finished run leaves: top solves more than all, later seeds a little more. */
    private static void leave(StartRunRequest request) {
        Path run = Path.of(request.getRunDirectory());
        long seed = request.getSpec().getSeed();
        boolean top = request.getSpec().getName().endsWith(".top");
        try {
            Files.createDirectories(run.resolve("evaluations"));
            Files.writeString(
                    run.resolve("evaluations/step-000002.json"),
                    "{\"samples\": 4, \"correct\": [%d, %d, 2, 4]}".formatted(top ? 3 : 1, seed));
            Files.writeString(
                    run.resolve("metrics.jsonl"), "{\"step\":1,\"mask/kept_fraction\":0.2}\n");
            Files.writeString(run.resolve("spec.pb"), "");
            Files.writeString(
                    run.resolve("summary.json"),
                    "{\"steps\": 2, \"kept_fraction\": {\"mean\": %s}}".formatted(top ? 0.2 : 1));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Cli.Result ablate(String... more) {
        return Cli.run(
                Stream.concat(
                                Stream.of(
                                        "ablate",
                                        folder.resolve("s.yaml").toString(),
                                        "--study-dir",
                                        folder.resolve("out").toString(),
                                        "--address",
                                        "127.0.0.1:" + services.port()),
                                Stream.of(more))
                        .toArray(String[]::new));
    }

    @Test
    void runsEveryVariationWithEverySeedAndWritesTheReport() throws IOException {
        Cli.Result result = ablate("--seeds", "2", "--steps", "2");
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(services.starts)
                .extracting(s -> s.getSpec().getName() + " " + s.getSpec().getSeed())
                .containsExactly("s.top 1", "s.all 1", "s.top 2", "s.all 2");
        assertThat(services.starts.get(0).getSpec().getReinforcement().getSteps()).isEqualTo(2);
        assertThat(result.out()).contains("top (baseline)", "Top beats all. Supported", "0.500");
        String page = Files.readString(folder.resolve("out/report.html"));
        assertThat(page)
                .contains("forkpoint ablate", "--seeds 2 --steps 2", "Top beats all. Supported");
    }

    @Test
    void severalSetsOfServicesShareTheRuns() throws IOException {
        assertThat(ablate("--seeds", "3").code()).isZero();
        String alone = Files.readString(folder.resolve("out/study.json"));
        Files.move(folder.resolve("out"), folder.resolve("alone"));
        services.starts.clear();
        try (ServiceDoubles second = new ServiceDoubles()) {
            CountDownLatch both = new CountDownLatch(2);
            services.atStart =
                    second.atStart =
                            request -> {
                                leave(request);
                                both.countDown();
                                assertThat(
                                                Uninterruptibles.awaitUninterruptibly(
                                                        both, 30, TimeUnit.SECONDS))
                                        .isTrue();
                            };
            Cli.Result result = ablate("--seeds", "3", "--address", "127.0.0.1:" + second.port());
            assertThat(result.code()).as(result.err()).isZero();
            assertThat(services.starts).isNotEmpty();
            assertThat(second.starts).isNotEmpty();
            assertThat(services.starts.size() + second.starts.size()).isEqualTo(6);
        }
        assertThat(Files.readString(folder.resolve("out/study.json"))).isEqualTo(alone);
        assertThat(ablate("--parallel", "2").err()).contains("--parallel");
    }

    @Test
    void goesOnWithoutRepeatingFinishedRunsAndEndsWithTheSameTable() throws IOException {
        assertThat(ablate("--seeds", "2").code()).isZero();
        String table = Files.readString(folder.resolve("out/study.json"));
        services.starts.clear();
        Files.delete(folder.resolve("out/all/seed-1/summary.json"));
        Files.delete(folder.resolve("out/all/seed-1/spec.pb")); // killed before it began
        Cli.Result result = ablate("--seeds", "2");
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(services.starts).hasSize(1);
        assertThat(services.starts.get(0).getSpec().getName()).isEqualTo("s.all");
        assertThat(Files.readString(folder.resolve("out/study.json"))).isEqualTo(table);
        services.starts.clear();
        assertThat(ablate("--seeds", "2").code()).isZero();
        assertThat(services.starts).isEmpty();
    }

    @Test
    void aRunThatFailsStopsTheStudyAndSaysHowToGoOn() {
        services.end = RunState.RUN_STATE_FAILED;
        Cli.Result result = ablate("--seeds", "1");
        assertThat(result.code()).isEqualTo(1);
        assertThat(services.starts).hasSize(1);
        assertThat(result.err()).contains("The study goes on with the same command");
    }

    @Test
    void anotherRecipeDoesNotTakeTheseResultsForItsOwn() {
        assertThat(ablate("--seeds", "1").code()).isZero();
        Cli.Result result = ablate("--seeds", "1", "--steps", "7");
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err())
                .contains("was begun by another recipe", "choose another --study-dir");
    }

    @Test
    void namesWhatIsWrong() {
        assertThat(ablate("--only", "tip").err()).contains("--only: tip (allowed: top, all)");
        assertThat(ablate("--set", "reinforcement.stepz=3").err())
                .contains("variation top", "stepz");
        Cli.Result unknown = Cli.run("ablate", "control");
        assertThat(unknown.code()).isEqualTo(2);
        assertThat(unknown.err()).contains("no study control (bundled: controls, ");
        assertThat(Cli.run("ablate", "controls", "--seeds", "0").code()).isEqualTo(2);
    }
}
