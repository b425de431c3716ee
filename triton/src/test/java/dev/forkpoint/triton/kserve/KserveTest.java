package dev.forkpoint.triton.kserve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.forkpoint.proto.kserve.v2.GRPCInferenceServiceGrpc;
import dev.forkpoint.proto.kserve.v2.ModelInferRequest;
import dev.forkpoint.proto.kserve.v2.ModelStatisticsRequest;
import dev.forkpoint.proto.kserve.v2.ModelStreamInferResponse;
import dev.forkpoint.proto.kserve.v2.RepositoryIndexRequest;
import dev.forkpoint.triton.FinishReason;
import dev.forkpoint.triton.Gathered;
import dev.forkpoint.triton.PolicySpec;
import dev.forkpoint.triton.RolloutHandle;
import dev.forkpoint.triton.RolloutRequest;
import dev.forkpoint.triton.RolloutRequest.Chunks;
import dev.forkpoint.triton.RolloutRequest.Sampling;
import dev.forkpoint.triton.TensorContract;
import dev.forkpoint.triton.ToyEngine;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonPolicy;
import dev.forkpoint.triton.TritonRuntime;
import dev.forkpoint.triton.TritonServer;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Both halves of KServe v2 against each other over sockets, in front of a real Triton with a toy
 * policy.
 */
@Timeout(600)
@SuppressWarnings("NullAway")
class KserveTest {

    @TempDir static Path directory;
    static TritonServer triton;
    static KserveServer server;
    static KserveClient client;

    @BeforeAll
    static void start() throws IOException {
        String unsupported = TritonRuntime.whyUnsupported();
        assumeThat(unsupported).as("Triton runs here").isNull();
        triton =
                TritonServer.start(
                        new TritonServer.Options(
                                directory.resolve("models"), TritonRuntime.load(), 0));
        triton.register(TritonPolicy.ENGINE, ToyEngine::open);
        new TritonPolicy(triton, "policy", TritonPolicy.ENGINE)
                .load(new PolicySpec(3, policy("v3", 7)));
        server =
                KserveServer.start(triton, KserveServer.Options.local().withPolicyRoots(directory));
        client = client(server);
    }

    @AfterAll
    static void stop() {
        if (triton != null) {
            client.close();
            server.close();
            triton.close();
            assertThat(ToyEngine.SLOTS).hasValue(0);
        }
    }

    private static KserveClient client(KserveServer server) {
        return new KserveClient("127.0.0.1:" + server.port(), null, Duration.ofSeconds(60));
    }

    private static Path policy(String name, long weights) {
        return ToyEngine.write(
                directory.resolve(name), "weights=" + weights + "\nstep_micros=300\n");
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

    private static Gathered generate(KserveClient client, RolloutRequest request) {
        Gathered got = new Gathered();
        infer(client, request, got);
        return got;
    }

    private static RolloutHandle infer(KserveClient client, RolloutRequest request, Gathered got) {
        return client.infer(
                "policy",
                request.id(),
                TensorContract.encode(request),
                request.timeoutMicros(),
                new TritonPolicy.SinkListener(got));
    }

    @Test
    void answersHealthMetadataAndTheContract() {
        assertThat(client.live()).isTrue();
        assertThat(client.ready()).isTrue();
        assertThat(client.modelReady("policy")).isTrue();
        assertThat(client.checkContract("policy").getBackend()).isEqualTo("forkpoint");
        assertThatThrownBy(() -> client.checkContract("nothing"))
                .isInstanceOf(TritonException.class);
    }

    @Test
    void answersStatisticsAndTheIndex() {
        generate(client, request(3, 1)).await();
        ManagedChannel channel =
                Grpc.newChannelBuilder(
                                "127.0.0.1:" + server.port(), InsecureChannelCredentials.create())
                        .build();
        var stub = GRPCInferenceServiceGrpc.newBlockingStub(channel);
        var statistics =
                stub.modelStatistics(ModelStatisticsRequest.newBuilder().setName("policy").build());
        assertThat(statistics.getModelStats(0).getInferenceStats().getSuccess().getCount())
                .isPositive();
        assertThat(statistics.getModelStats(0).getInferenceStats().getComputeInfer().getNs())
                .as("the sampling is in Triton's statistics")
                .isGreaterThan(3 * 300_000L);
        var index =
                stub.repositoryIndex(RepositoryIndexRequest.newBuilder().setReady(true).build());
        assertThat(index.getModelsList())
                .anyMatch(m -> m.getName().equals("policy") && m.getState().equals("READY"));
        channel.shutdownNow();
    }

    @Test
    void aDecoupledModelIsRefusedOutsideOfAStream() {
        ManagedChannel channel =
                Grpc.newChannelBuilder(
                                "127.0.0.1:" + server.port(), InsecureChannelCredentials.create())
                        .build();
        var stub = GRPCInferenceServiceGrpc.newBlockingStub(channel);
        assertThatThrownBy(
                        () ->
                                stub.modelInfer(
                                        ModelInferRequest.newBuilder()
                                                .setModelName("policy")
                                                .build()))
                .hasMessageContaining("ModelStreamInfer");
        channel.shutdownNow();
    }

    @Test
    void givesWholeRolloutsAndChunksAsTheEngineDoes() {
        RolloutRequest whole = request(100, 1, 2, 3);
        Gathered got = generate(client, whole).await();
        assertThat(got.error).isNull();
        assertThat(got.chunks).hasSize(1);
        assertThat(got.ids).isEqualTo(expected(7, whole, 100));
        assertThat(got.versions).hasSize(100).containsOnly(3L);
        assertThat(got.reason).isEqualTo(FinishReason.LENGTH);
        assertThat(got.stats.batchSize()).isPositive();
        Gathered chunks = generate(client, whole.withChunks(new Chunks(16, 0))).await();
        assertThat(chunks.chunks.size()).isGreaterThan(5);
        assertThat(chunks.ids).isEqualTo(got.ids);
        assertThat(chunks.logProbs).isEqualTo(got.logProbs);
    }

    @Test
    void refusalsKeepTheirCodeAndText() {
        Gathered full = generate(client, request(1, 666)).await();
        assertThat(full.error.code()).isEqualTo(Code.RESOURCE_EXHAUSTED);
        assertThat(full.error).hasMessage("the engine is full");
        Gathered outside = generate(client, request(1, 5000)).await();
        assertThat(outside.error.code()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(outside.error).hasMessageContaining("prompt_ids[0]: 5000");
    }

    @Test
    void cancellingAStreamFreesItsSlot() {
        Gathered got = new Gathered();
        RolloutHandle handle = infer(client, request(90_000, 5).withChunks(new Chunks(8, 0)), got);
        got.awaitTokens(5);
        handle.cancel();
        assertThat(got.await().reason).isEqualTo(FinishReason.CANCELLED);
        Awaitility.await().untilAsserted(() -> assertThat(ToyEngine.SLOTS).hasValue(0));
    }

    @Test
    void aClientThatVanishesFreesItsSlots() {
        KserveClient gone = client(server);
        List<Gathered> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add(generate(gone, request(90_000, i).withChunks(new Chunks(8, 0))));
        }
        all.forEach(got -> got.awaitTokens(1));
        gone.close();
        all.forEach(got -> assertThat(got.await().error.code()).isEqualTo(Code.UNAVAILABLE));
        Awaitility.await().untilAsserted(() -> assertThat(ToyEngine.SLOTS).hasValue(0));
    }

    @Test
    void endsLateRolloutsWithDeadlineExceeded() {
        Gathered got = generate(client, request(90_000, 5).withTimeoutMicros(20_000)).await();
        assertThat(got.error.code()).isEqualTo(Code.DEADLINE_EXCEEDED);
    }

    @Test
    void aClientThatDoesNotReadLosesItsStreamAndHoldsUpNobody() throws IOException {
        try (KserveServer strict =
                KserveServer.start(
                        triton, KserveServer.Options.local().withMaxStreamBytes(100_000))) {
            ManagedChannel channel =
                    Grpc.newChannelBuilder(
                                    "127.0.0.1:" + strict.port(),
                                    InsecureChannelCredentials.create())
                            .build();
            AtomicReference<ClientCallStreamObserver<ModelInferRequest>> call =
                    new AtomicReference<>();
            AtomicReference<Status> status = new AtomicReference<>();
            RolloutRequest endless = request(90_000, 5).withChunks(new Chunks(1, 0));
            var requests =
                    GRPCInferenceServiceGrpc.newStub(channel)
                            .modelStreamInfer(
                                    new ClientResponseObserver<
                                            ModelInferRequest, ModelStreamInferResponse>() {
                                        @Override
                                        public void beforeStart(
                                                ClientCallStreamObserver<ModelInferRequest>
                                                        stream) {
                                            stream.disableAutoRequestWithInitial(1);
                                            call.set(stream);
                                        }

                                        @Override
                                        public void onNext(ModelStreamInferResponse value) {}

                                        @Override
                                        public void onError(Throwable t) {
                                            status.set(Status.fromThrowable(t));
                                        }

                                        @Override
                                        public void onCompleted() {}
                                    });
            requests.onNext(Messages.request("policy", "slow", TensorContract.encode(endless)));
            RolloutRequest other = request(200, 1).withChunks(new Chunks(16, 0));
            assertThat(generate(client, other).await().ids).isEqualTo(expected(7, other, 200));
            Awaitility.await()
                    .untilAsserted(
                            () ->
                                    assertThat(ToyEngine.SLOTS)
                                            .as("the slow client's slot is free")
                                            .hasValue(0));
            call.get().request(1_000_000);
            Awaitility.await().untilAsserted(() -> assertThat(status.get()).isNotNull());
            assertThat(status.get().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
            assertThat(status.get().getDescription()).contains("reads too slowly");
            channel.shutdownNow();
        }
    }

    @Test
    void remoteLoadTakesOnlyDirectoriesUnderItsRoots() throws IOException {
        Path outside = Files.createTempDirectory("outside");
        ToyEngine.write(outside, "weights=1\n");
        Path link = Files.createSymbolicLink(directory.resolve("link"), outside);
        for (Path path :
                List.of(outside, link, directory.resolve("v3/../../" + outside.getFileName()))) {
            assertThatThrownBy(
                            () ->
                                    client.load(
                                            "policy",
                                            TritonPolicy.modelConfig(
                                                    "policy",
                                                    TritonPolicy.ENGINE,
                                                    new PolicySpec(9, path)),
                                            Map.of()))
                    .isInstanceOfSatisfying(
                            TritonException.class,
                            e -> assertThat(e.code()).isEqualTo(Code.INVALID_ARGUMENT))
                    .hasMessageContaining("policy_directory");
        }
        assertThatThrownBy(
                        () ->
                                client.load(
                                        "code",
                                        "{\"backend\": \"python\"}",
                                        Map.of("1/model.py", new byte[] {1})))
                .isInstanceOfSatisfying(
                        TritonException.class,
                        e -> assertThat(e.code()).isEqualTo(Code.UNSUPPORTED))
                .hasMessageContaining("python");
        try (KserveServer closedServer = KserveServer.start(triton, KserveServer.Options.local())) {
            KserveClient closedClient = client(closedServer);
            assertThatThrownBy(() -> closedClient.load("policy", null, Map.of()))
                    .hasMessageContaining("no remote load");
            assertThatThrownBy(() -> closedClient.unload("policy"))
                    .hasMessageContaining("no remote load");
            closedClient.close();
        }
    }

    @Test
    void aPythonClientReadsAStreamThroughThePublicProtocol() throws Exception {
        Path python = Python.with("grpc", "google.protobuf", "grpc_tools");
        Process process =
                new ProcessBuilder(
                                python.toString(),
                                Path.of("src/test/resources/python/kserve_client.py").toString(),
                                Path.of("src/main/protobuf").toAbsolutePath().toString(),
                                "127.0.0.1:" + server.port())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(300, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        RolloutRequest request = request(20, 1, 2);
        assertThat(output.lines().toList())
                .contains(
                        "tokens " + expected(7, request, 20),
                        "versions [3]",
                        "finish 2",
                        "cancelled CANCELLED");
    }
}
