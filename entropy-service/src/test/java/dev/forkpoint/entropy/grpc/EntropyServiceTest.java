package dev.forkpoint.entropy.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.policy.TinyModels;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.ListPoliciesRequest;
import dev.forkpoint.proto.entropy.v1.LoadPolicyRequest;
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.SummarizeRequest;
import dev.forkpoint.proto.entropy.v1.SummarizeResponse;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.entropy.v1.UnloadPolicyRequest;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.TokenIds;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The service over a real socket, on tiny random policies. */
@QuarkusTest
@QuarkusTestResource(value = EntropyServiceTest.Policies.class, restrictToAnnotatedClass = true)
@SuppressWarnings("NullAway.Init")
class EntropyServiceTest {

    /** Three policies under the allow-list; the budget holds two beside the initial one. */
    public static final class Policies implements QuarkusTestResourceLifecycleManager {
        @Override
        public Map<String, String> start() {
            try {
                Path root = Files.createTempDirectory("entropy-test").toRealPath();
                for (int i = 0; i < 3; i++) {
                    TinyModels.write(root.resolve("p" + i), i + 1, WORDS);
                }
                return Map.of(
                        "quarkus.http.test-port", "0",
                        "forkpoint.entropy.policy", root.resolve("p0").toUri().toString(),
                        "forkpoint.policy.allowed-uris", root.toUri().toString());
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

    private static <A> CompletableFuture<List<A>> collect(List<StreamObserver<A>> into) {
        CompletableFuture<List<A>> all = new CompletableFuture<>();
        List<A> answers = Collections.synchronizedList(new ArrayList<>());
        into.add(
                new StreamObserver<>() {
                    @Override
                    public void onNext(A value) {
                        answers.add(value);
                    }

                    @Override
                    public void onError(Throwable t) {
                        all.completeExceptionally(t);
                    }

                    @Override
                    public void onCompleted() {
                        all.complete(answers);
                    }
                });
        return all;
    }

    private <Q, A> List<A> stream(
            Function<StreamObserver<A>, StreamObserver<Q>> call, List<Q> requests)
            throws Exception {
        List<StreamObserver<A>> observer = new ArrayList<>();
        CompletableFuture<List<A>> answers = collect(observer);
        StreamObserver<Q> in = call.apply(observer.get(0));
        requests.forEach(in::onNext);
        in.onCompleted();
        return answers.get(60, TimeUnit.SECONDS);
    }

    private List<ScoreResponse> score(List<SequenceToScore> sequences) throws Exception {
        return stream(
                EntropyServiceGrpc.newStub(channel)::score,
                sequences.stream()
                        .map(s -> ScoreRequest.newBuilder().setSequence(s).build())
                        .toList());
    }

    private static SequenceToScore.Builder sequence(String id, int... ids) {
        return SequenceToScore.newBuilder()
                .setRequestId(id)
                .setPolicyId("initial")
                .setIds(TokenIds.newBuilder().addAllIds(IntStream.of(ids).boxed().toList()));
    }

    @Test
    void scoresAreBitEqualAloneAndAmongOthers() throws Exception {
        List<SequenceToScore> many =
                IntStream.range(0, 50)
                        .mapToObj(
                                i ->
                                        sequence(
                                                        "s" + i,
                                                        IntStream.range(0, 5 + i % 17)
                                                                .map(t -> 3 + (i * 7 + t) % 20)
                                                                .toArray())
                                                .build())
                        .toList();

        List<ScoreResponse> together = score(many);

        assertThat(together).hasSize(50);
        for (int i = 0; i < 50; i += 7) {
            String id = "s" + i;
            TokenScores among =
                    together.stream()
                            .filter(a -> a.getRequestId().equals(id))
                            .findFirst()
                            .orElseThrow()
                            .getScores();
            TokenScores alone = score(List.of(many.get(i))).get(0).getScores();
            assertThat(among).isEqualTo(alone);
            assertThat(among.getLogProbsCount()).isEqualTo(4 + i % 17);
        }
    }

    @Test
    void reportsFromTheFirstPositionAskedForAtTheTemperatureAskedFor() throws Exception {
        TokenScores all = score(List.of(sequence("a", 3, 4, 5, 6, 7).build())).get(0).getScores();
        TokenScores part =
                score(List.of(sequence("a", 3, 4, 5, 6, 7).setFirstPosition(3).build()))
                        .get(0)
                        .getScores();
        TokenScores cold =
                score(List.of(sequence("a", 3, 4, 5, 6, 7).setTemperature(0.5).build()))
                        .get(0)
                        .getScores();

        assertThat(part.getFirstPosition()).isEqualTo(3);
        assertThat(part.getLogProbsList()).isEqualTo(all.getLogProbsList().subList(2, 4));
        for (int t = 0; t < 4; t++) {
            assertThat(cold.getEntropies(t)).isLessThan(all.getEntropies(t));
            assertThat(all.getCollisionProbabilities(t)).isBetween(0f, 1f);
        }
    }

    @Test
    void aBadSequenceFailsAlone() throws Exception {
        List<ScoreResponse> answers =
                score(
                        List.of(
                                sequence("short", 3).build(),
                                sequence("outside", 3, 70_000).build(),
                                sequence("version", 3, 4).setPolicyVersion(9).build(),
                                sequence("good", 3, 4).build()));

        assertThat(answers).hasSize(4);
        for (ScoreResponse a : answers) {
            switch (a.getRequestId()) {
                case "short" -> assertThat(a.getError().getMessage()).contains("1 tokens");
                case "outside" -> assertThat(a.getError().getMessage()).contains("ids.ids[1]");
                case "version" -> assertThat(a.getError().getMessage()).contains("version 9");
                default -> assertThat(a.hasScores()).isTrue();
            }
        }
    }

    @Test
    void scoresUnderSeveralVersionsAtOnce() throws Exception {
        EntropyServiceGrpc.EntropyServiceBlockingStub stub =
                EntropyServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
        for (int version = 1; version <= 2; version++) {
            stub.loadPolicy(
                    LoadPolicyRequest.newBuilder()
                            .setPolicy(
                                    PolicySnapshot.newBuilder()
                                            .setPolicyId("run")
                                            .setVersion(version)
                                            .setUri(root() + "p" + version))
                            .build());
        }

        List<ScoreResponse> answers =
                score(
                        List.of(
                                sequence("one", 3, 4, 5)
                                        .setPolicyId("run")
                                        .setPolicyVersion(1)
                                        .build(),
                                sequence("two", 3, 4, 5)
                                        .setPolicyId("run")
                                        .setPolicyVersion(2)
                                        .build()));

        assertThat(answers.get(0).getScores().getLogProbsList())
                .isNotEqualTo(answers.get(1).getScores().getLogProbsList());
        assertThat(stub.listPolicies(ListPoliciesRequest.getDefaultInstance()).getPoliciesList())
                .hasSizeGreaterThanOrEqualTo(3);
        for (int version = 1; version <= 2; version++) {
            stub.unloadPolicy(
                    UnloadPolicyRequest.newBuilder()
                            .setPolicyId("run")
                            .setVersion(version)
                            .build());
        }
        assertThatThrownBy(
                        () ->
                                stub.unloadPolicy(
                                        UnloadPolicyRequest.newBuilder()
                                                .setPolicyId("run")
                                                .setVersion(1)
                                                .build()))
                .hasMessageContaining("NOT_FOUND");
    }

    private static String root() {
        return ConfigProvider.getConfig().getValue("forkpoint.policy.allowed-uris", String.class);
    }

    @Test
    void summarisesWhatIsSentInParts() throws Exception {
        List<SummarizeResponse> answers =
                stream(
                        EntropyServiceGrpc.newStub(channel)::summarize,
                        List.of(
                                SummarizeRequest.newBuilder()
                                        .setKeepFraction(0.5)
                                        .addEntropies(0.1f)
                                        .addEntropies(0.4f)
                                        .build(),
                                SummarizeRequest.newBuilder()
                                        .addEntropies(0.2f)
                                        .addEntropies(0.3f)
                                        .build()));

        assertThat(answers).hasSize(1);
        SummarizeResponse s = answers.get(0);
        assertThat(s.getCount()).isEqualTo(4);
        assertThat(s.getKeptCount()).isEqualTo(2);
        assertThat(s.getThreshold()).isEqualTo(0.3f);
        assertThat(s.getKeptEntropyShare()).isCloseTo(0.7, within(1e-6));
    }
}
