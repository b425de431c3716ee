package dev.forkpoint.reward.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.collect.ImmutableList;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.Code;
import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.GenerateProblemsResponse;
import dev.forkpoint.proto.reward.v1.ListTasksRequest;
import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.PredictionForm;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Split;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.VerifierInfo;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.quarkus.test.junit.QuarkusTest;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@QuarkusTest
@NullUnmarked
class RewardServiceTest {
    @ConfigProperty(name = "quarkus.http.test-port")
    int port;

    private ManagedChannel channel;

    @BeforeEach
    void connect() {
        channel =
                ManagedChannelBuilder.forAddress("127.0.0.1", port)
                        .usePlaintext()
                        .maxInboundMessageSize(64 << 20)
                        .build();
    }

    @AfterEach
    void disconnect() {
        channel.shutdownNow();
    }

    @Test
    void everyItemGetsExactlyOneAnswerByItsId() throws Exception {
        List<VerifyItem> items =
                IntStream.range(0, 20_000)
                        .mapToObj(
                                i ->
                                        item("id-" + i, i % 2 == 0 ? "math" : "exact", "" + i)
                                                .setPrediction("" + (i % 3 == 0 ? i : i + 1))
                                                .setForm(PredictionForm.PREDICTION_FORM_ANSWER)
                                                .build())
                        .toList();

        Map<String, VerifyResponse> answers = verify(items);

        assertThat(answers).hasSize(items.size());
        for (int i = 0; i < items.size(); i++) {
            VerifyResponse answer = answers.get("id-" + i);
            assertThat(answer.getVerification().getReward()).isEqualTo(i % 3 == 0 ? 1 : 0);
        }
    }

    @Test
    void aBadItemIsAnErrorOnThatItemAloneAndTheStreamLivesOn() throws Exception {
        Struct unknownOption =
                Struct.newBuilder()
                        .putFields("tolerence", Value.newBuilder().setNumberValue(1).build())
                        .build();
        Map<String, VerifyResponse> answers =
                verify(
                        ImmutableList.of(
                                item("unknown", "maths", "1").setPrediction("1").build(),
                                item("option", "math", "1")
                                        .setPrediction("1")
                                        .setOptions(unknownOption)
                                        .build(),
                                item("fields", "countdown", "").setPrediction("answer 1").build(),
                                item("gold", "math", "x + + * 3")
                                        .setPrediction("\\boxed{3}")
                                        .build(),
                                item("no gold", "math", "").setPrediction("\\boxed{3}").build(),
                                item("huge", "math", "4")
                                        .setPrediction("lorem ipsum ".repeat(850_000))
                                        .build(),
                                item("empty", "math", "4").build(),
                                item("good", "math", "1").setPrediction("\\boxed{1}").build()));

        assertThat(answers.get("unknown").getError().getCode())
                .isEqualTo(Code.NOT_FOUND.getNumber());
        assertThat(answers.get("option").getError().getMessage())
                .contains("options.tolerence")
                .contains("budget");
        assertThat(answers.get("fields").getError().getMessage()).contains("task.numbers: missing");
        assertThat(answers.get("gold").getVerification().getVerdict())
                .isEqualTo(Verdict.VERDICT_UNPARSABLE_GOLD);
        assertThat(answers.get("gold").getVerification().hasReward()).isFalse();
        assertThat(answers.get("no gold").getVerification().hasReward()).isFalse();
        assertThat(answers.get("huge").getVerification().getVerdict())
                .isEqualTo(Verdict.VERDICT_NO_ANSWER);
        assertThat(answers.get("empty").getVerification().getVerdict())
                .isEqualTo(Verdict.VERDICT_NO_ANSWER);
        assertThat(answers.get("good").getVerification().getReward()).isEqualTo(1);
    }

    @Test
    void everyProblemIsSolvedByItsGoldAndAnyPartCanBeAskedForAlone() throws Exception {
        GenerateProblemsRequest request =
                GenerateProblemsRequest.newBuilder()
                        .setTask("countdown")
                        .setSplit(Split.SPLIT_HELD_OUT)
                        .setSeed(7)
                        .setCount(1_000)
                        .setDemonstrations(true)
                        .build();
        List<Problem> all = problems(request);
        List<Problem> part = problems(request.toBuilder().setStart(990).setCount(5).build());

        assertThat(all).hasSize(1_000);
        assertThat(part).isEqualTo(all.subList(990, 995));
        Map<String, VerifyResponse> answers =
                verify(
                        all.stream()
                                .map(
                                        problem ->
                                                item(
                                                                "" + problem.getIndex(),
                                                                problem.getVerifier(),
                                                                problem.getGold())
                                                        .setPrediction(
                                                                "answer "
                                                                        + problem.getGold()
                                                                        + " <eos>")
                                                        .setTask(problem.getTask())
                                                        .build())
                                .toList());
        assertThat(answers.values()).allMatch(answer -> answer.getVerification().getReward() == 1);
    }

    @Test
    void wrongRequestsForProblemsAreRefused() {
        GenerateProblemsRequest.Builder request =
                GenerateProblemsRequest.newBuilder()
                        .setTask("countdown")
                        .setSplit(Split.SPLIT_TRAIN);
        assertThatThrownBy(() -> problems(request.build()))
                .isInstanceOf(StatusRuntimeException.class)
                .hasMessageContaining("count: 0 (allowed: 1 to 1000000)");
        assertThatThrownBy(() -> problems(request.clone().setTask("chess").setCount(1).build()))
                .hasMessageContaining("NOT_FOUND")
                .hasMessageContaining("countdown");
        assertThatThrownBy(() -> problems(request.clone().setCount(1).clearSplit().build()))
                .hasMessageContaining("split");
    }

    @Test
    void cancellingAnIdAnswersTheOthers() throws Exception {
        Collector collector = new Collector();
        StreamObserver<VerifyRequest> requests =
                RewardServiceGrpc.newStub(channel).verify(collector);
        for (int i = 0; i < 2_000; i++) {
            requests.onNext(
                    VerifyRequest.newBuilder()
                            .setItem(
                                    item("id-" + i, "math", "\\sqrt{2}")
                                            .setPrediction("\\boxed{\\sqrt2}"))
                            .build());
            if (i % 2 == 1) {
                requests.onNext(VerifyRequest.newBuilder().setCancel("id-" + i).build());
            }
        }
        requests.onCompleted();
        collector.done.get(30, TimeUnit.SECONDS);
        for (int i = 0; i < 2_000; i += 2) {
            assertThat(collector.answers).containsKey("id-" + i);
        }
    }

    @Test
    void listsVerifiersAndTasksWithTheirOptions() throws Exception {
        RewardServiceGrpc.RewardServiceBlockingStub stub =
                RewardServiceGrpc.newBlockingStub(channel);
        List<VerifierInfo> verifiers =
                stub.listVerifiers(ListVerifiersRequest.getDefaultInstance()).getVerifiersList();
        assertThat(verifiers)
                .extracting(VerifierInfo::getName)
                .contains("countdown", "math", "exact", "numeric", "format");
        assertThat(verifiers).allMatch(verifier -> !verifier.getSummary().isBlank());
        String tasks =
                JsonFormat.printer().print(stub.listTasks(ListTasksRequest.getDefaultInstance()));
        assertThat(tasks).contains("countdown").contains("solution_share");
    }

    @Test
    void metricsCountVerdictsByVerifier() throws Exception {
        verify(List.of(item("a", "math", "1").setPrediction("\\boxed{1}").build()));
        HttpResponse<String> metrics =
                HttpClient.newHttpClient()
                        .send(
                                HttpRequest.newBuilder(
                                                URI.create(
                                                        "http://127.0.0.1:" + port + "/q/metrics"))
                                        .build(),
                                HttpResponse.BodyHandlers.ofString());
        assertThat(metrics.body())
                .contains(
                        "forkpoint_reward_verifications_total{verdict=\"correct\",verifier=\"math\"");
    }

    private static VerifyItem.Builder item(String id, String verifier, String gold) {
        return VerifyItem.newBuilder().setRequestId(id).setVerifier(verifier).setGold(gold);
    }

    private List<Problem> problems(GenerateProblemsRequest request) {
        List<Problem> problems = new ArrayList<>();
        Iterator<GenerateProblemsResponse> batches =
                RewardServiceGrpc.newBlockingStub(channel).generateProblems(request);
        batches.forEachRemaining(batch -> problems.addAll(batch.getProblemsList()));
        return problems;
    }

    private Map<String, VerifyResponse> verify(List<VerifyItem> items) throws Exception {
        Collector collector = new Collector();
        StreamObserver<VerifyRequest> requests =
                RewardServiceGrpc.newStub(channel).verify(collector);
        for (VerifyItem item : items) {
            requests.onNext(VerifyRequest.newBuilder().setItem(item).build());
        }
        requests.onCompleted();
        collector.done.get(60, TimeUnit.SECONDS);
        return collector.answers;
    }

    private static final class Collector implements StreamObserver<VerifyResponse> {
        final Map<String, VerifyResponse> answers = new ConcurrentHashMap<>();
        final CompletableFuture<Void> done = new CompletableFuture<>();

        @Override
        public void onNext(VerifyResponse answer) {
            if (answers.put(answer.getRequestId(), answer) != null) {
                done.completeExceptionally(
                        new AssertionError("two answers to " + answer.getRequestId()));
            }
        }

        @Override
        public void onError(Throwable t) {
            done.completeExceptionally(t);
        }

        @Override
        public void onCompleted() {
            done.complete(null);
        }
    }
}
