package dev.forkpoint.rollout.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.forkpoint.policy.FinishReason;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.GenerationTimeoutException;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.SamplingParameters;
import dev.forkpoint.policy.TinyModels;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import dev.forkpoint.triton.TritonRuntime;
import dev.forkpoint.triton.kserve.KserveServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same policy, prompts and seeds give the same rollouts whichever engine samples them. */
@Timeout(900)
class EngineEqualityTest {

    private static final String[] WORDS = "a b c d e f g h i j k l m n o p q r s t".split(" ");

    @TempDir static Path directory;
    static Path first;
    static Path second;
    static DirectEngine direct;
    static TritonEngine triton;
    static KserveServer server;
    static RemoteEngine remote;

    @BeforeAll
    static void start() throws IOException {
        assumeThat(TritonRuntime.whyUnsupported()).as("Triton runs here").isNull();
        first = TinyModels.write(directory.resolve("first"), 1, WORDS);
        second = TinyModels.write(directory.resolve("second"), 2, WORDS);
        PolicyOptions policy = PolicyOptions.defaults().withThreads(2);
        GeneratorOptions generator =
                GeneratorOptions.defaults().withMaxRows(64).withKvBudgetBytes(256L << 20);
        direct = new DirectEngine(policy, generator, Duration.ofSeconds(30));
        triton = new TritonEngine(policy, generator, stats -> {});
        direct.load(snapshot(1), PolicyFiles.of(first));
        triton.load(snapshot(1), PolicyFiles.of(first));
        server =
                KserveServer.start(
                        triton.server(), KserveServer.Options.local().withPolicyRoots(directory));
        remote = new RemoteEngine(List.of("127.0.0.1:" + server.port()), null, 1000, stats -> {});
        remote.load(snapshot(1), PolicyFiles.of(first));
    }

    @AfterAll
    static void stop() {
        if (remote != null) {
            remote.close();
            server.close();
            triton.close();
            direct.close();
        }
    }

    private static PolicySnapshot snapshot(long version) {
        return PolicySnapshot.newBuilder().setPolicyId("test").setVersion(version).build();
    }

    private static List<GenerationRequest> requests(int n) {
        Random random = new Random(n);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            SamplingParameters sampling =
                    SamplingParameters.defaults(1 + random.nextInt(40))
                            .withTemperature(i % 5 == 0 ? 0 : 0.5 + random.nextDouble());
            if (i % 3 == 1) {
                sampling = sampling.withFilters(0.9, 7, 0.01);
            }
            if (i % 4 == 2) {
                sampling = sampling.ignoringEos().withStopIds(5, 6);
            }
            requests.add(
                    new GenerationRequest(
                            random.ints(1 + random.nextInt(30), 3, 20).toArray(),
                            random.nextLong(),
                            sampling));
        }
        return requests;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 8, 256})
    void threeEnginesGiveTheSameRollouts(int concurrent) {
        List<GenerationRequest> requests = requests(concurrent);
        List<Rollout> expected = Waiting.all(direct, requests, true);
        for (RolloutEngine engine : List.of(triton, remote)) {
            for (boolean live : new boolean[] {false, true}) {
                List<Rollout> got = Waiting.all(engine, requests, live);
                for (int i = 0; i < concurrent; i++) {
                    Rollout a = expected.get(i);
                    Rollout b = got.get(i);
                    String what = engine.name() + (live ? " live" : " whole") + " request " + i;
                    assertThat(b.tokenIds()).as(what).isEqualTo(a.tokenIds());
                    assertThat(b.finishReason()).as(what).isEqualTo(a.finishReason());
                    assertThat(b.logProb()).as(what).containsExactly(a.logProb(), within(1e-5f));
                    assertThat(b.entropy()).as(what).containsExactly(a.entropy(), within(1e-5f));
                    assertThat(b.collisionProbability())
                            .as(what)
                            .containsExactly(a.collisionProbability(), within(1e-5f));
                }
            }
        }
    }

    @Test
    void saysWhichPolicyServesAndHowBusyItIs() {
        for (RolloutEngine engine : List.of(direct, triton, remote)) {
            assertThat(engine.served().orElseThrow().config().vocabularySize()).isEqualTo(32);
            assertThat(engine.reportsEntropy()).as(engine.name()).isTrue();
            assertThat(engine.deterministic()).as(engine.name()).isTrue();
            assertThat(engine.queued()).isZero();
        }
    }

    @Test
    void aCancelledRolloutEndsWithTheTokensItHas() {
        for (RolloutEngine engine : List.of(direct, triton, remote)) {
            Waiting waiting = new Waiting();
            RolloutEngine.Accepted accepted =
                    engine.submit(
                            new GenerationRequest(
                                    new int[] {4},
                                    1,
                                    SamplingParameters.defaults(500).ignoringEos()),
                            waiting,
                            true);
            accepted.handle().cancel();
            Rollout rollout = waiting.await();
            assertThat(rollout.finishReason()).as(engine.name()).isEqualTo(FinishReason.CANCELLED);
            assertThat(rollout.tokenIds()).hasSize(waiting.tokens());
        }
    }

    @Test
    void refusesWhatDoesNotFitThePolicyAtOnce() {
        for (RolloutEngine engine : List.of(direct, triton, remote)) {
            assertThatThrownBy(
                            () ->
                                    engine.submit(
                                            new GenerationRequest(
                                                    new int[] {4000},
                                                    1,
                                                    SamplingParameters.defaults(5)),
                                            new Waiting()))
                    .as(engine.name())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("4000");
        }
    }

    /** What a test of an engine that has one place does with it; {@code inside} is its Triton. */
    private interface Full {
        void test(RolloutEngine engine, RolloutEngine inside);
    }

    private static void withOnePlace(Full full) throws IOException {
        PolicyOptions policy = PolicyOptions.defaults().withThreads(1);
        GeneratorOptions generator =
                GeneratorOptions.defaults().withMaxRows(1).withKvBudgetBytes(64L << 20);
        try (DirectEngine oneDirect = new DirectEngine(policy, generator, Duration.ofSeconds(30));
                TritonEngine oneTriton = new TritonEngine(policy, generator, stats -> {});
                KserveServer oneServer =
                        KserveServer.start(
                                oneTriton.server(),
                                KserveServer.Options.local().withPolicyRoots(directory));
                RemoteEngine oneRemote =
                        new RemoteEngine(
                                List.of("127.0.0.1:" + oneServer.port()), null, 1, stats -> {})) {
            for (RolloutEngine engine : List.of(oneDirect, oneTriton, oneRemote)) {
                engine.load(snapshot(1), PolicyFiles.of(first));
                full.test(engine, engine == oneRemote ? oneTriton : engine);
            }
        }
    }

    private static void until(BooleanSupplier holds) {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!holds.getAsBoolean()) {
            assertThat(System.nanoTime()).isLessThan(end);
            LockSupport.parkNanos(100_000);
        }
    }

    private static void untilQueued(RolloutEngine engine, int n) {
        until(() -> engine.queued() == n);
    }

    private static GenerationRequest request(int tokens, int priority, long timeoutMicros) {
        return new GenerationRequest(
                new int[] {4, 5},
                7,
                SamplingParameters.defaults(tokens).ignoringEos(),
                priority,
                timeoutMicros);
    }

    @Test
    void aFullEngineTakesALaterRequestOfMoreUrgencyFirst() throws IOException {
        withOnePlace(
                (engine, inside) -> {
                    Waiting holds = new Waiting();
                    Waiting ordinary = new Waiting();
                    Waiting urgent = new Waiting();
                    RolloutEngine.Accepted held = engine.submit(request(500, 0, 0), holds, true);
                    until(() -> holds.tokens() > 0);
                    engine.submit(request(20, 1, 0), ordinary, true);
                    untilQueued(inside, 1);
                    engine.submit(request(20, -1, 0), urgent, true);
                    untilQueued(inside, 2);
                    held.handle().cancel();
                    List<Integer> tokens = ids(List.of(urgent.await(), ordinary.await())).get(0);
                    assertThat(urgent.firstNanos).as(engine.name()).isLessThan(ordinary.firstNanos);
                    assertThat(tokens).isEqualTo(ids(List.of(ordinary.await())).get(0));
                    assertThat(tokens)
                            .as("priorities change no token")
                            .isEqualTo(
                                    ids(Waiting.all(direct, List.of(request(20, 0, 0)), true))
                                            .get(0));
                });
    }

    @Test
    void aRequestWhoseTimePassesBeforeItsTurnEndsUndecoded() throws IOException {
        withOnePlace(
                (engine, inside) -> {
                    Waiting holds = new Waiting();
                    Waiting late = new Waiting();
                    RolloutEngine.Accepted held = engine.submit(request(500, 0, 0), holds, true);
                    until(() -> holds.tokens() > 0);
                    engine.submit(request(20, 0, 2_000), late, true);
                    assertThatThrownBy(late::await)
                            .as(engine.name())
                            .hasCauseInstanceOf(GenerationTimeoutException.class);
                    untilQueued(inside, 0);
                    held.handle().cancel();
                    holds.await();
                    assertThat(late.tokens()).isZero();
                });
    }

    @Test
    void swapsPoliciesAndKeepsTheOldOneWhenTheNewIsDamaged() throws IOException {
        List<GenerationRequest> requests = requests(8);
        List<Rollout> before = Waiting.all(direct, requests, false);
        try (DirectEngine other =
                        new DirectEngine(
                                PolicyOptions.defaults().withThreads(1),
                                GeneratorOptions.defaults().withKvBudgetBytes(64L << 20),
                                Duration.ofSeconds(30));
                TritonEngine swapped =
                        new TritonEngine(
                                PolicyOptions.defaults().withThreads(1),
                                GeneratorOptions.defaults().withKvBudgetBytes(64L << 20),
                                stats -> {})) {
            other.load(snapshot(2), PolicyFiles.of(second));
            swapped.load(snapshot(1), PolicyFiles.of(first));
            assertThat(ids(Waiting.all(swapped, requests, false))).isEqualTo(ids(before));
            swapped.load(snapshot(2), PolicyFiles.of(second));
            assertThat(swapped.served().orElseThrow().snapshot().getVersion()).isEqualTo(2);
            List<List<Integer>> after = ids(Waiting.all(other, requests, false));
            assertThat(after).isNotEqualTo(ids(before));
            assertThat(ids(Waiting.all(swapped, requests, false))).isEqualTo(after);
            Path damaged = Files.createDirectories(directory.resolve("damaged"));
            for (Path file : Files.list(second).toList()) {
                byte[] content = Files.readAllBytes(file);
                Files.write(
                        damaged.resolve(file.getFileName()),
                        file.toString().endsWith(".safetensors")
                                ? java.util.Arrays.copyOf(content, content.length / 2)
                                : content);
            }
            assertThatThrownBy(() -> swapped.load(snapshot(3), PolicyFiles.of(damaged)))
                    .isInstanceOf(IOException.class);
            assertThatThrownBy(
                            () ->
                                    swapped.load(
                                            snapshot(3),
                                            PolicyFiles.of(directory.resolve("missing"))))
                    .isInstanceOf(IOException.class);
            assertThat(swapped.served().orElseThrow().snapshot().getVersion()).isEqualTo(2);
            assertThat(ids(Waiting.all(swapped, requests, false))).isEqualTo(after);
        }
    }

    private static List<List<Integer>> ids(List<Rollout> rollouts) {
        return rollouts.stream()
                .map(r -> java.util.Arrays.stream(r.tokenIds()).boxed().toList())
                .toList();
    }
}
