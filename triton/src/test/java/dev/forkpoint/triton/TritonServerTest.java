package dev.forkpoint.triton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.forkpoint.triton.RolloutRequest.Chunks;
import dev.forkpoint.triton.RolloutRequest.Sampling;
import dev.forkpoint.triton.TritonException.Code;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real Triton server core in this JVM, with a toy policy in Java behind it. */
@Timeout(600)
@SuppressWarnings("NullAway")
class TritonServerTest {

    @TempDir static Path directory;
    static TritonServer server;
    static TritonPolicy policy;
    static Path steady;

    @BeforeAll
    static void start() {
        String unsupported = TritonRuntime.whyUnsupported();
        assumeThat(unsupported).as("Triton runs here").isNull();
        server =
                TritonServer.start(
                        new TritonServer.Options(
                                directory.resolve("models"), TritonRuntime.load(), 0));
        server.register("toy", ToyEngine::open);
        steady = ToyEngine.write(directory.resolve("steady"), "weights=7\nstep_micros=500\n");
        policy = new TritonPolicy(server, "policy", "toy");
        policy.load(new PolicySpec(3, steady));
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
            assertThat(JvmBackend.LOADED).as("models Triton still holds").hasValue(0);
            assertThat(ToyEngine.ENGINES).as("engines open").hasValue(0);
            assertThat(ToyEngine.SLOTS).hasValue(0);
            assertThat(JvmBackend.openStreams()).isZero();
        }
    }

    private static RolloutRequest request(int maxTokens, int... prompt) {
        return new RolloutRequest(
                "r", prompt, 42, Sampling.PLAIN, maxTokens, new int[0], true, Chunks.WHOLE, 0, 0);
    }

    private static List<Integer> expected(long weights, RolloutRequest request, int n) {
        return IntStream.range(0, n)
                .map(i -> ToyEngine.token(weights, request, i))
                .boxed()
                .toList();
    }

    private static Gathered generate(TritonPolicy policy, RolloutRequest request) {
        Gathered gathered = new Gathered();
        gathered.policy = policy.generate(request, gathered).policy();
        return gathered;
    }

    @Test
    void isLiveReadyAndKnowsItsModel() {
        assertThat(server.live()).isTrue();
        assertThat(server.ready()).isTrue();
        assertThat(server.modelReady("policy")).isTrue();
        assertThat(server.index()).contains("\"policy\"");
        assertThat(server.metadata("policy")).contains("prompt_ids");
        TensorContract.check(server.config("policy"));
    }

    @Test
    void answersAWholeRolloutWithOneResponse() {
        RolloutRequest request = request(100, 1, 2, 3);
        Gathered got = generate(policy, request).await();
        assertThat(got.error).isNull();
        assertThat(got.chunks).hasSize(1);
        assertThat(got.ids).isEqualTo(expected(7, request, 100));
        assertThat(got.versions).hasSize(100).containsOnly(3L);
        assertThat(got.reason).isEqualTo(FinishReason.LENGTH);
        assertThat(got.stats.queueMicros()).isNotNegative();
        assertThat(got.stats.batchSize()).isPositive();
        RolloutChunk chunk = got.chunks.get(0);
        for (int i = 0; i < 100; i++) {
            int token = chunk.tokenIds()[i];
            assertThat(chunk.logProbs()[i]).isEqualTo(-(float) Math.log(2 + token));
            assertThat(chunk.entropies()[i]).isEqualTo(1f / (2 + token));
            assertThat(chunk.collisionProbabilities()[i]).isEqualTo(1f / (2 + token) / 2);
        }
    }

    @Test
    void streamsTheFirstTokenAtOnceThenChunksByNumber() {
        RolloutRequest request = request(100, 4).withChunks(new Chunks(16, 0));
        Gathered got = generate(policy, request).await();
        assertThat(got.ids).isEqualTo(expected(7, request, 100));
        assertThat(got.chunks.stream().map(RolloutChunk::size)).startsWith(1, 16, 16).hasSize(8);
    }

    @Test
    void theLastChunkSaysHowTheResponseEnded() throws Exception {
        RolloutRequest request = request(97, 4).withChunks(new Chunks(16, 0));
        List<TensorContract.Response> responses = new CopyOnWriteArrayList<>();
        CountDownLatch ended = new CountDownLatch(1);
        server.infer(
                "policy",
                request.id(),
                TensorContract.encode(request),
                0,
                new TritonServer.Listener() {
                    @Override
                    public void onResponse(List<Tensor> outputs, boolean last) {
                        responses.add(TensorContract.decodeResponse(outputs));
                    }

                    @Override
                    public void onError(TritonException error) {
                        ended.countDown();
                    }

                    @Override
                    public void onEnd() {
                        ended.countDown();
                    }
                });
        assertThat(ended.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(responses.stream().map(r -> r.chunk().size()))
                .containsExactly(1, 16, 16, 16, 16, 16, 16);
        assertThat(responses.get(6).reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(responses.get(6).stats().batchSize()).isPositive();
    }

    @Test
    void streamsChunksByTime() {
        RolloutRequest request = request(200, 4).withChunks(new Chunks(0, 10));
        Gathered got = generate(policy, request).await();
        assertThat(got.ids).isEqualTo(expected(7, request, 200));
        assertThat(got.chunks.size()).isGreaterThan(3);
    }

    @Test
    void endsAtStopIdsAndAtTheEndOfSequence() {
        RolloutRequest plain = request(3000, 9);
        List<Integer> all = expected(7, plain, 3000);
        int eos = all.indexOf(ToyEngine.END_OF_SEQUENCE);
        assertThat(eos).isPositive();
        RolloutRequest untilEos =
                new RolloutRequest(
                        "r",
                        new int[] {9},
                        42,
                        Sampling.PLAIN,
                        3000,
                        new int[0],
                        false,
                        Chunks.WHOLE,
                        0,
                        0);
        Gathered got = generate(policy, untilEos).await();
        assertThat(got.reason).isEqualTo(FinishReason.STOP);
        assertThat(got.ids).isEqualTo(all.subList(0, eos + 1));
        int stop = all.get(10);
        RolloutRequest untilStop =
                new RolloutRequest(
                        "r",
                        new int[] {9},
                        42,
                        Sampling.PLAIN,
                        3000,
                        new int[] {stop},
                        true,
                        Chunks.WHOLE,
                        0,
                        0);
        got = generate(policy, untilStop).await();
        assertThat(got.reason).isEqualTo(FinishReason.STOP);
        assertThat(got.ids).isEqualTo(all.subList(0, all.indexOf(stop) + 1));
    }

    @Test
    void marksEntropiesAsAbsentWhereTheEngineReportsNone() {
        TritonPolicy bare = new TritonPolicy(server, "bare", "toy");
        bare.load(
                new PolicySpec(
                        1,
                        ToyEngine.write(
                                directory.resolve("bare"), "weights=1\nentropies=false\n")));
        Gathered got = generate(bare, request(5, 1)).await();
        assertThat(got.ids).hasSize(5);
        assertThat(got.chunks.get(0).entropies()).isNull();
        assertThat(got.chunks.get(0).collisionProbabilities()).isNull();
        bare.unload();
    }

    @Test
    void givesTheSameTokensAloneAndAmong256() {
        RolloutRequest[] requests = new RolloutRequest[256];
        List<Gathered> all = new ArrayList<>();
        for (int i = 0; i < requests.length; i++) {
            requests[i] =
                    RolloutRequest.of("r" + i, new int[] {i}, i, 50)
                            .withChunks(new Chunks(i % 3 * 8, 0));
            all.add(generate(policy, requests[i]));
        }
        for (int i = 0; i < requests.length; i++) {
            Gathered got = all.get(i).await();
            assertThat(got.error).isNull();
            assertThat(got.ids).isEqualTo(expected(7, requests[i], got.ids.size()));
            assertThat(got.ids.size() == 50 || got.reason == FinishReason.STOP).isTrue();
        }
    }

    @Test
    void cancelEndsTheStreamAndFreesTheSlot() {
        Gathered got = new Gathered();
        RolloutHandle handle =
                policy.generate(request(90_000, 5).withChunks(new Chunks(1, 0)), got).handle();
        got.awaitTokens(5);
        handle.cancel();
        got.await();
        assertThat(got.reason).isEqualTo(FinishReason.CANCELLED);
        handle.cancel(); // after the end: nothing happens
        RolloutRequest next = request(2, 5);
        assertThat(generate(policy, next).await().ids).isEqualTo(expected(7, next, 2));
    }

    @Test
    void cancelFromInsideTheSinkEndsTheStreamLongBeforeItsEnd() {
        Gathered got = new Gathered();
        RolloutHandle[] handle = new RolloutHandle[1];
        got.each =
                chunk -> {
                    if (got.size() == 30) {
                        Awaitility.await().until(() -> handle[0] != null);
                        handle[0].cancel();
                    }
                };
        handle[0] = policy.generate(request(90_000, 6).withChunks(new Chunks(1, 0)), got).handle();
        got.await();
        assertThat(got.reason).isEqualTo(FinishReason.CANCELLED);
        // what the engine sampled while the handle was awaited may still come
        assertThat(got.size()).isBetween(30, 1000);
    }

    @Test
    void cancellingAThousandStreamsFreesEverySlot() {
        long seed = 5;
        Random random = new Random(seed);
        List<RolloutHandle> handles = new ArrayList<>();
        List<Gathered> all = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            Gathered got = new Gathered();
            all.add(got);
            handles.add(
                    policy.generate(
                                    request(
                                                    90_000,
                                                    i % 1000 == 666 || i % 1000 == 667
                                                            ? 1
                                                            : i % 1000)
                                            .withChunks(new Chunks(random.nextInt(32), 0)),
                                    got)
                            .handle());
            if (random.nextInt(3) == 0) {
                handles.get(random.nextInt(handles.size())).cancel();
            }
        }
        java.util.Collections.shuffle(handles, random);
        handles.forEach(RolloutHandle::cancel);
        all.forEach(got -> assertThat(got.await().reason).isEqualTo(FinishReason.CANCELLED));
        Awaitility.await().untilAsserted(() -> assertThat(ToyEngine.SLOTS).hasValue(0));
        assertThat(JvmBackend.openStreams()).isZero();
    }

    @Test
    void endsLateRolloutsWithDeadlineExceeded() {
        Gathered got = new Gathered();
        policy.generate(request(90_000, 5).withTimeoutMicros(20_000), got).handle();
        got.await();
        assertThat(got.error.code()).isEqualTo(Code.DEADLINE_EXCEEDED);
        assertThat(got.error).hasMessageContaining("20000");
    }

    @Test
    void refusesWhatTheEngineRefusesUnderItsOwnCode() {
        Gathered full = generate(policy, request(1, 666)).await();
        assertThat(full.error.code()).isEqualTo(Code.RESOURCE_EXHAUSTED);
        assertThat(full.error).hasMessage("the engine is full");
        Gathered defect = generate(policy, request(1, 667)).await();
        assertThat(defect.error.code()).isEqualTo(Code.INTERNAL);
        assertThat(defect.error).hasMessageContaining("a defect");
    }

    @Test
    void refusesBadTensorsNamingThem() {
        Tensor prompt = Tensor.ints("prompt_ids", 1);
        Tensor seed = Tensor.longs("seed", 1);
        Tensor max = Tensor.ints("max_tokens", 1);
        assertRefused(() -> infer(prompt, seed), "max_tokens");
        assertRefused(() -> infer(Tensor.floats("prompt_ids", 1), seed, max), "prompt_ids");
        assertRefused(() -> infer(prompt, seed, max, Tensor.ints("bogus", 1)), "bogus");
        assertRefused(() -> infer(prompt, seed, Tensor.ints("max_tokens", 1, 2)), "max_tokens");
        assertRefused(
                () ->
                        infer(
                                new Tensor(
                                        "prompt_ids",
                                        Tensor.Type.INT32,
                                        new long[] {4},
                                        prompt.data()),
                                seed,
                                max),
                "prompt_ids");
        assertRefused(() -> infer(prompt, seed, Tensor.ints("max_tokens", 0)), "max_tokens: 0");
        assertRefused(
                () -> infer(Tensor.ints("prompt_ids", 1, 1000), seed, max), "prompt_ids[1]: 1000");
        assertRefused(() -> infer(Tensor.ints("prompt_ids", -1), seed, max), "prompt_ids[0]: -1");
        assertRefused(
                () -> infer(Tensor.ints("prompt_ids", new int[ToyEngine.CONTEXT]), seed, max),
                "100000 ids");
        assertRefused(() -> infer(Tensor.ints("prompt_ids"), seed, max), "prompt_ids");
        assertRefused(
                () -> infer(prompt, seed, max, Tensor.ints("stop_ids", 5000)), "stop_ids[0]: 5000");
        assertRefused(
                () -> infer(prompt, seed, max, Tensor.doubles("temperature", Double.NaN)),
                "temperature: NaN");
        assertRefused(
                () -> infer(prompt, seed, max, Tensor.doubles("temperature", -1)),
                "temperature: -1");
        assertRefused(() -> infer(prompt, seed, max, Tensor.doubles("top_p", 1.5)), "top_p: 1.5");
        assertRefused(() -> infer(prompt, seed, max, Tensor.ints("top_k", -3)), "top_k: -3");
        assertRefused(() -> infer(prompt, seed, max, Tensor.doubles("min_p", 2)), "min_p: 2");
        assertRefused(
                () -> infer(prompt, seed, max, Tensor.doubles("fork_temperature", 1)),
                "fork_entropy");
        assertRefused(
                () -> infer(prompt, seed, max, Tensor.ints("chunk_tokens", -1)),
                "chunk_tokens: -1");
    }

    private static Gathered infer(Tensor... inputs) {
        Gathered got = new Gathered();
        server.infer("policy", "bad", List.of(inputs), 0, new TritonPolicy.SinkListener(got));
        return got.await();
    }

    private static void assertRefused(java.util.concurrent.Callable<Gathered> call, String named) {
        TritonException error;
        try {
            error = call.call().error;
        } catch (TritonException refused) {
            error = refused;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        assertThat(error).as(named).isNotNull();
        assertThat(error.code()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(error).hasMessageContaining(named);
    }

    @Test
    void refusesModelNamesThatLeadOutOfTheRepository() {
        for (String name :
                List.of("../steady", "a/b", "", ".", "..", "-x", "a\0b", "a".repeat(129))) {
            ThrowingCallable load = () -> server.load(name);
            assertThatThrownBy(load)
                    .isInstanceOf(TritonException.class)
                    .hasMessageContaining("model: '");
        }
        assertThatThrownBy(
                        () ->
                                server.infer(
                                        "nothing",
                                        "",
                                        List.of(),
                                        0,
                                        new TritonPolicy.SinkListener(new Gathered())))
                .isInstanceOf(TritonException.class)
                .hasMessageContaining("nothing");
    }

    @Test
    void swapsThePolicyUnderARunningStreamWithNoGap() {
        TritonPolicy swap = new TritonPolicy(server, "swap", "toy");
        swap.load(
                new PolicySpec(
                        1,
                        ToyEngine.write(directory.resolve("v1"), "weights=1\nstep_micros=2000\n")));
        RolloutRequest endless = request(90_000, 3).withChunks(new Chunks(1, 0));
        RolloutRequest request = request(200, 3).withChunks(new Chunks(1, 0));
        Gathered old = new Gathered();
        RolloutHandle handle = swap.generate(endless, old).handle();
        old.awaitTokens(5);
        int before = JvmBackend.LOADED.get();
        swap.load(new PolicySpec(2, ToyEngine.write(directory.resolve("v2"), "weights=2\n")));
        assertThat(old.ended()).as("the old stream still runs").isFalse();
        Gathered fresh = generate(swap, request).await();
        assertThat(fresh.ids).isEqualTo(expected(2, request, 200));
        assertThat(fresh.versions).containsOnly(2L);
        old.awaitTokens(old.size() + 5);
        handle.cancel();
        assertThat(old.await().ids).isEqualTo(expected(1, endless, old.size()));
        assertThat(old.versions).containsOnly(1L);
        Awaitility.await()
                .untilAsserted(
                        () ->
                                assertThat(JvmBackend.LOADED)
                                        .as("the old engine is closed")
                                        .hasValue(before));
        swap.unload();
    }

    @Test
    void reloadsChangedFilesUnderAnUnchangedConfiguration() {
        TritonPolicy same = new TritonPolicy(server, "same", "toy");
        Path files = ToyEngine.write(directory.resolve("same"), "weights=1\n");
        String config =
                TensorContract.modelConfig(
                        "same",
                        JvmBackend.NAME,
                        "KIND_CPU",
                        Map.of(
                                "engine",
                                "toy",
                                "policy_version",
                                "1",
                                "policy_directory",
                                files.toString()));
        same.load(new PolicySpec(1, files));
        ToyEngine.write(files, "weights=9\n");
        server.load("same", config, Map.of());
        RolloutRequest request = request(3, 3);
        assertThat(generate(same, request).await().ids).isEqualTo(expected(9, request, 3));
        same.unload();
    }

    @Test
    void aLoadThatFailsChangesNothing() {
        TritonPolicy kept = new TritonPolicy(server, "kept", "toy");
        PolicySpec good =
                new PolicySpec(1, ToyEngine.write(directory.resolve("good"), "weights=1\n"));
        kept.load(good);
        Path corrupt = ToyEngine.write(directory.resolve("corrupt"), "weights=not a number\n");
        assertThatThrownBy(() -> kept.load(new PolicySpec(2, corrupt)))
                .isInstanceOf(TritonException.class)
                .hasMessageContaining("not a number");
        assertThatThrownBy(() -> kept.load(new PolicySpec(2, directory.resolve("missing"))))
                .isInstanceOf(TritonException.class)
                .hasMessageContaining("missing");
        assertThatThrownBy(
                        () ->
                                server.load(
                                        "kept",
                                        "{\"backend\":\"forkpoint\",\"max_batch_size\":0}",
                                        Map.of()))
                .isInstanceOf(TritonException.class)
                .hasMessageContaining("tensor_contract");
        assertThat(kept.serving()).isEqualTo(good);
        RolloutRequest request = request(3, 3);
        assertThat(generate(kept, request).await().ids).isEqualTo(expected(1, request, 3));
        kept.unload();
    }

    @Test
    void unloadingUnderARunningStreamLetsItEnd() {
        TritonPolicy last = new TritonPolicy(server, "last", "toy");
        last.load(
                new PolicySpec(
                        1,
                        ToyEngine.write(
                                directory.resolve("last"), "weights=1\nstep_micros=1000\n")));
        RolloutRequest request = request(100, 3).withChunks(new Chunks(1, 0));
        Gathered got = generate(last, request).awaitTokens(3);
        last.unload();
        Awaitility.await().until(() -> !server.modelReady("last"));
        assertThatThrownBy(() -> generate(last, request)).isInstanceOf(TritonException.class);
        assertThat(got.await().ids).isEqualTo(expected(1, request, 100));
    }

    @Test
    void keepsEveryTokensVersionRightOverAHundredSwaps() {
        TritonPolicy swap = new TritonPolicy(server, "hundred", "toy");
        Path[] versions = new Path[101];
        for (int v = 0; v <= 100; v++) {
            versions[v] =
                    ToyEngine.write(
                            directory.resolve("h" + v), "weights=" + v + "\nstep_micros=200\n");
        }
        swap.load(new PolicySpec(0, versions[0]));
        List<Gathered> all = new ArrayList<>();
        List<RolloutRequest> requests = new ArrayList<>();
        for (int v = 1; v <= 100; v++) {
            Awaitility.await()
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> all.stream().filter(g -> !g.ended()).count() < 64);
            for (int i = 0; i < 4; i++) {
                RolloutRequest request = request(60, v, i).withChunks(new Chunks(8, 0));
                requests.add(request);
                all.add(generate(swap, request));
            }
            swap.load(new PolicySpec(v, versions[v]));
        }
        for (int i = 0; i < all.size(); i++) {
            Gathered got = all.get(i).await();
            assertThat(got.error).isNull();
            long version = got.versions.get(0);
            assertThat(version).isEqualTo(got.policy.version());
            assertThat(got.versions).hasSize(60).containsOnly(version);
            assertThat(got.ids).isEqualTo(expected(version, requests.get(i), 60));
        }
        swap.unload();
    }

    @Test
    void publishesTritonsMetricsWithTheTimeTheSamplingTook() {
        generate(policy, request(20, 1)).await();
        List<TritonMetrics.Family> families = TritonMetrics.parse(server.metrics());
        assertThat(sum(families, "nv_inference_request_success")).isPositive();
        assertThat(sum(families, "nv_inference_compute_infer_duration_us"))
                .as("the sampling, not the mere hand-over")
                .isGreaterThan(20 * 500);
    }

    private static double sum(List<TritonMetrics.Family> families, String name) {
        return families.stream()
                .filter(f -> f.name().equals(name))
                .flatMap(f -> f.samples().stream())
                .filter(sample -> "policy".equals(sample.labels().get("model")))
                .mapToDouble(TritonMetrics.Sample::value)
                .sum();
    }
}
