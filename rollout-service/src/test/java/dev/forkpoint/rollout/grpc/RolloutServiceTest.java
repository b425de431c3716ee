package dev.forkpoint.rollout.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.rpc.Code;
import dev.forkpoint.policy.TinyModels;
import dev.forkpoint.proto.policy.v1.FinishReason;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.policy.v1.TokenIds;
import dev.forkpoint.proto.rollout.v1.ChunkPolicy;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.GetPolicyRequest;
import dev.forkpoint.proto.rollout.v1.LoadPolicyRequest;
import dev.forkpoint.proto.rollout.v1.Rollout;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The service over a real socket, on a tiny random policy. */
@QuarkusTest
@QuarkusTestResource(value = RolloutServiceTest.Policies.class, restrictToAnnotatedClass = true)
@SuppressWarnings("NullAway.Init")
class RolloutServiceTest {

    /** Two policies under the allow-list, and one beside it. */
    public static final class Policies implements QuarkusTestResourceLifecycleManager {
        @Override
        public Map<String, String> start() {
            try {
                Path root = Files.createTempDirectory("rollout-test").toRealPath();
                Path allowed = root.resolve("allowed");
                Path first = TinyModels.write(allowed.resolve("first"), 1, WORDS);
                TinyModels.write(allowed.resolve("second"), 2, WORDS);
                TinyModels.write(root.resolve("elsewhere"), 3, WORDS);
                return Map.of(
                        "quarkus.http.test-port",
                        "0",
                        "forkpoint.rollout.engine",
                        "direct",
                        "forkpoint.rollout.policy",
                        first.toUri().toString(),
                        "forkpoint.policy.allowed-uris",
                        allowed.toUri().toString());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void stop() {}
    }

    private static final String[] WORDS = "a b c d e f g h i j k l m n o p q r s t".split(" ");

    @TestHTTPResource("/")
    URL url;

    private ManagedChannel channel;

    @BeforeEach
    void connect() {
        channel =
                NettyChannelBuilder.forAddress(url.getHost(), url.getPort()).usePlaintext().build();
    }

    @AfterEach
    void disconnect() throws InterruptedException {
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }

    private static Path policy(String name) {
        // the resource's class is loaded twice: its folder is found again through the URI
        return Path.of(
                URI.create(
                        org.eclipse.microprofile.config.ConfigProvider.getConfig()
                                .getValue("forkpoint.policy.allowed-uris", String.class)
                                .concat(name)));
    }

    private static RolloutRequest.Builder request(String id, long seed, int maxTokens) {
        return RolloutRequest.newBuilder()
                .setRequestId(id)
                .setPromptIds(TokenIds.newBuilder().addAllIds(List.of(3, 4, 5)))
                .setSeed(seed)
                .setSampling(
                        SamplingParameters.newBuilder().setMaxTokens(maxTokens).setIgnoreEos(true));
    }

    private List<GenerateResponse> generate(List<RolloutRequest> requests) throws Exception {
        List<GenerateResponse> answers = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch done = new CountDownLatch(1);
        Throwable[] failure = new Throwable[1];
        StreamObserver<GenerateRequest> in =
                RolloutServiceGrpc.newStub(channel)
                        .withDeadlineAfter(60, TimeUnit.SECONDS)
                        .generate(
                                new StreamObserver<>() {
                                    @Override
                                    public void onNext(GenerateResponse value) {
                                        answers.add(value);
                                    }

                                    @Override
                                    public void onError(Throwable t) {
                                        failure[0] = t;
                                        done.countDown();
                                    }

                                    @Override
                                    public void onCompleted() {
                                        done.countDown();
                                    }
                                });
        for (RolloutRequest r : requests) {
            in.onNext(GenerateRequest.newBuilder().setRollout(r).build());
        }
        in.onCompleted();
        assertThat(done.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(failure[0]).isNull();
        return answers;
    }

    private static Rollout only(List<GenerateResponse> answers, String id) {
        List<GenerateResponse> of =
                answers.stream()
                        .filter(a -> a.getRequestId().equals(id) && a.hasRollout())
                        .toList();
        assertThat(of).hasSize(1);
        return of.get(0).getRollout();
    }

    @Test
    void answersEveryRequestOnceAndTheSameWhateverRunsBeside() throws Exception {
        List<RolloutRequest> many =
                IntStream.range(0, 40).mapToObj(i -> request("r" + i, i, 12).build()).toList();

        List<GenerateResponse> together = generate(many);

        assertThat(together).hasSize(40);
        for (int i = 0; i < 40; i += 13) {
            Rollout alone = only(generate(List.of(many.get(i))), "r" + i);
            Rollout among = only(together, "r" + i);
            assertThat(among.getTokenIdsList()).isEqualTo(alone.getTokenIdsList()).hasSize(12);
            assertThat(among.getLogProbsList()).isEqualTo(alone.getLogProbsList());
            assertThat(among.getEntropiesList()).isEqualTo(alone.getEntropiesList());
            assertThat(among.getFinishReason()).isEqualTo(FinishReason.FINISH_REASON_LENGTH);
        }
    }

    @Test
    void chunksJoinToTheRollout() throws Exception {
        RolloutRequest r =
                request("r", 7, 20).setChunks(ChunkPolicy.newBuilder().setEveryTokens(3)).build();

        List<GenerateResponse> answers = generate(List.of(r));

        Rollout whole = only(answers, "r");
        List<Integer> joined = new ArrayList<>();
        for (GenerateResponse a : answers) {
            if (a.hasChunk()) {
                assertThat(a.getChunk().getFirstPosition()).isEqualTo(joined.size());
                joined.addAll(a.getChunk().getTokenIdsList());
            }
        }
        assertThat(joined).isEqualTo(whole.getTokenIdsList());
        assertThat(answers.get(answers.size() - 1).hasRollout()).isTrue();
    }

    @Test
    void endsWithTheTokenThatCompletesAStopText() throws Exception {
        Rollout free = only(generate(List.of(request("r", 5, 30).build())), "r");
        int stop = free.getTokenIds(9);
        int expected = free.getTokenIdsList().indexOf(stop) + 1;

        RolloutRequest.Builder stopped = request("r", 5, 30);
        stopped.getSamplingBuilder().addStopTexts(WORDS[Math.max(0, stop - 3)]);
        Rollout cut = only(generate(List.of(stopped.build())), "r");

        if (stop >= 3) {
            assertThat(cut.getTokenIdsList())
                    .isEqualTo(free.getTokenIdsList().subList(0, expected));
            assertThat(cut.getFinishReason()).isEqualTo(FinishReason.FINISH_REASON_STOP);
        }
    }

    @Test
    void aBadRequestFailsAloneAndNamesTheField() throws Exception {
        RolloutRequest outside =
                request("outside", 1, 5)
                        .setPromptIds(TokenIds.newBuilder().addIds(3).addIds(99_999))
                        .build();
        RolloutRequest tooLong = request("long", 1, 100_000).build();
        RolloutRequest stale = request("stale", 1, 5).setPolicyVersion(41).build();

        List<GenerateResponse> answers =
                generate(
                        List.of(
                                outside,
                                tooLong,
                                stale,
                                request("urgent", 1, 5).setPriority(-101).build(),
                                request("good", 1, 5).setPriority(100).build()));

        assertThat(only(answers, "good").getTokenIdsCount()).isEqualTo(5);
        assertThat(error(answers, "outside")).contains("prompt_ids.ids[1]", "99999");
        assertThat(error(answers, "long")).contains("max_tokens", "512");
        assertThat(error(answers, "stale")).contains("policy_version", "41");
        assertThat(error(answers, "urgent")).contains("priority", "-101", "-100 to 100");
    }

    @Test
    void aRequestThatDoesNotEndWithinItsTimeLimitFailsAlone() throws Exception {
        List<GenerateResponse> answers =
                generate(
                        List.of(
                                request("late", 1, 500).setTimeoutMs(1).build(),
                                request("good", 1, 5).setTimeoutMs(50_000).build()));

        assertThat(only(answers, "good").getTokenIdsCount()).isEqualTo(5);
        assertThat(error(answers, "late")).contains("timeout_ms: 1 passed");
        assertThat(answers.stream().filter(GenerateResponse::hasError))
                .singleElement()
                .satisfies(
                        a ->
                                assertThat(a.getError().getCode())
                                        .isEqualTo(Code.DEADLINE_EXCEEDED_VALUE));
    }

    private static String error(List<GenerateResponse> answers, String id) {
        return answers.stream()
                .filter(a -> a.getRequestId().equals(id))
                .findFirst()
                .orElseThrow()
                .getError()
                .getMessage();
    }

    @Test
    void servesANewPolicyAndKeepsTheOldOneWhenALoadFails() throws Exception {
        RolloutServiceGrpc.RolloutServiceBlockingStub stub =
                RolloutServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
        Rollout before = only(generate(List.of(request("r", 3, 16).build())), "r");

        load(stub, policy("second").toUri(), 1);
        Rollout after = only(generate(List.of(request("r", 3, 16).build())), "r");
        assertThat(after.getPolicyVersion()).isEqualTo(1);
        assertThat(after.getTokenIdsList()).isNotEqualTo(before.getTokenIdsList());

        assertThatThrownBy(() -> load(stub, policy("../elsewhere").toUri(), 2))
                .isInstanceOf(StatusRuntimeException.class)
                .hasMessageContaining("PERMISSION_DENIED");
        assertThatThrownBy(() -> load(stub, policy("missing").toUri(), 2))
                .isInstanceOf(StatusRuntimeException.class)
                .hasMessageContaining("FAILED_PRECONDITION");
        assertThat(stub.getPolicy(GetPolicyRequest.getDefaultInstance()).getPolicy().getVersion())
                .isEqualTo(1);

        load(stub, policy("first").toUri(), 0);
        Rollout again = only(generate(List.of(request("r", 3, 16).build())), "r");
        assertThat(again.getTokenIdsList()).isEqualTo(before.getTokenIdsList());
    }

    private static void load(
            RolloutServiceGrpc.RolloutServiceBlockingStub stub, URI uri, long version) {
        stub.loadPolicy(
                LoadPolicyRequest.newBuilder()
                        .setPolicy(
                                PolicySnapshot.newBuilder()
                                        .setPolicyId("test")
                                        .setVersion(version)
                                        .setUri(uri.toString()))
                        .build());
    }

    @Test
    void aCancelledRequestIsAnsweredAndFreesItsPlace() throws Exception {
        CountDownLatch answered = new CountDownLatch(1);
        List<GenerateResponse> answers = Collections.synchronizedList(new ArrayList<>());
        StreamObserver<GenerateRequest> in =
                RolloutServiceGrpc.newStub(channel)
                        .withDeadlineAfter(60, TimeUnit.SECONDS)
                        .generate(
                                new StreamObserver<>() {
                                    @Override
                                    public void onNext(GenerateResponse value) {
                                        answers.add(value);
                                    }

                                    @Override
                                    public void onError(Throwable t) {
                                        answered.countDown();
                                    }

                                    @Override
                                    public void onCompleted() {
                                        answered.countDown();
                                    }
                                });
        in.onNext(GenerateRequest.newBuilder().setRollout(request("r", 1, 500)).build());
        in.onNext(GenerateRequest.newBuilder().setCancel("r").build());
        in.onCompleted();

        assertThat(answered.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(answers).hasSize(1);
        assertThat(answers.get(0).getRollout().getFinishReason())
                .isEqualTo(FinishReason.FINISH_REASON_CANCELLED);
        assertThat(
                        RolloutServiceGrpc.newBlockingStub(channel)
                                .getPolicy(GetPolicyRequest.getDefaultInstance())
                                .getActiveSequences())
                .isZero();
    }

    @Test
    void twoRequestsOfOneIdAreRefused() throws Exception {
        List<GenerateResponse> answers =
                generate(List.of(request("r", 1, 400).build(), request("r", 2, 4).build()));

        assertThat(answers).hasSize(2);
        assertThat(answers.stream().filter(GenerateResponse::hasError))
                .singleElement()
                .satisfies(
                        a ->
                                assertThat(a.getError().getCode())
                                        .isEqualTo(Code.ALREADY_EXISTS_VALUE));
    }

    @Test
    void healthAndMetricsShareThePort() throws Exception {
        assertThat(get("q/health/ready")).contains("\"UP\"");
        assertThat(get("q/metrics")).contains("forkpoint_rollout_queued_sequences");
    }

    private String get(String path) throws Exception {
        HttpResponse<String> response =
                HttpClient.newHttpClient()
                        .send(
                                HttpRequest.newBuilder(url.toURI().resolve("/" + path)).build(),
                                HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).isEqualTo(200);
        return response.body();
    }
}
