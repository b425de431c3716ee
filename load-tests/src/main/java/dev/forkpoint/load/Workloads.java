package dev.forkpoint.load;

import com.google.rpc.Status;
import dev.forkpoint.proto.entropy.v1.AnalyzeRequest;
import dev.forkpoint.proto.entropy.v1.AnalyzedResponse;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.SummarizeRequest;
import dev.forkpoint.proto.learner.v1.DataSpec;
import dev.forkpoint.proto.learner.v1.ListRunsRequest;
import dev.forkpoint.proto.learner.v1.ReinforcementSpec;
import dev.forkpoint.proto.learner.v1.RunServiceGrpc;
import dev.forkpoint.proto.learner.v1.RunSpec;
import dev.forkpoint.proto.learner.v1.TaskData;
import dev.forkpoint.proto.learner.v1.ValidateRunRequest;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.policy.v1.TokenIds;
import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Split;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The load of each service. */
public final class Workloads {

    private static final long LOAD_SECONDS = 120;
    private static final int USUAL_TOKENS = 32;

    private Workloads() {}

    /**
     * Responses of 32 tokens to prompts of 12.
     *
     * @param policyUri what to load first; null: what is loaded
     * @param timeoutMs time limit of each request
     */
    public static Workload rollout(@Nullable String policyUri, int timeoutMs) {
        StreamWorkload.Messages<GenerateRequest, GenerateResponse> messages =
                new StreamWorkload.Messages<>() {
                    @Override
                    public GenerateRequest request(String id, long number, Workload.Size size) {
                        return GenerateRequest.newBuilder()
                                .setRollout(
                                        RolloutRequest.newBuilder()
                                                .setRequestId(id)
                                                .setPromptIds(ids(number, size, 12))
                                                .setSeed(number)
                                                .setTimeoutMs(timeoutMs)
                                                .setSampling(
                                                        SamplingParameters.newBuilder()
                                                                .setMaxTokens(
                                                                        size == Workload.Size.USUAL
                                                                                ? USUAL_TOKENS
                                                                                : 1)
                                                                .setIgnoreEos(true)))
                                .build();
                    }

                    @Override
                    public GenerateRequest cancel(String id) {
                        return GenerateRequest.newBuilder().setCancel(id).build();
                    }

                    @Override
                    public String id(GenerateResponse answer) {
                        return answer.getRequestId();
                    }

                    @Override
                    public boolean isLast(GenerateResponse answer) {
                        return !answer.hasChunk();
                    }

                    @Override
                    public @Nullable Status failure(GenerateResponse answer) {
                        return answer.hasError() ? answer.getError() : null;
                    }
                };
        return new StreamWorkload<>(
                "rollout",
                RolloutServiceGrpc.getGenerateMethod(),
                messages,
                channel -> {
                    if (policyUri != null) {
                        var unused =
                                RolloutServiceGrpc.newBlockingStub(channel)
                                        .withDeadlineAfter(LOAD_SECONDS, TimeUnit.SECONDS)
                                        .loadPolicy(
                                                dev.forkpoint.proto.rollout.v1.LoadPolicyRequest
                                                        .newBuilder()
                                                        .setPolicy(snapshot(policyUri))
                                                        .build());
                    }
                },
                List.of(
                        dev.forkpoint.proto.rollout.v1.LoadPolicyRequest.newBuilder()
                                .setPolicy(snapshot(policyUri == null ? "file:/none" : policyUri))
                                .build()));
    }

    /**
     * Sequences of 64 tokens.
     *
     * @param policyUri what to load first; null: what is loaded
     */
    public static Workload entropy(@Nullable String policyUri) {
        StreamWorkload.Messages<ScoreRequest, ScoreResponse> messages =
                new StreamWorkload.Messages<>() {
                    @Override
                    public ScoreRequest request(String id, long number, Workload.Size size) {
                        return ScoreRequest.newBuilder()
                                .setSequence(
                                        SequenceToScore.newBuilder()
                                                .setRequestId(id)
                                                .setIds(ids(number, size, 64)))
                                .build();
                    }

                    @Override
                    public ScoreRequest cancel(String id) {
                        return ScoreRequest.newBuilder().setCancel(id).build();
                    }

                    @Override
                    public String id(ScoreResponse answer) {
                        return answer.getRequestId();
                    }

                    @Override
                    public boolean isLast(ScoreResponse answer) {
                        return true;
                    }

                    @Override
                    public @Nullable Status failure(ScoreResponse answer) {
                        return answer.hasError() ? answer.getError() : null;
                    }
                };
        return new StreamWorkload<>(
                "entropy",
                EntropyServiceGrpc.getScoreMethod(),
                messages,
                channel -> {
                    if (policyUri != null) {
                        var unused =
                                EntropyServiceGrpc.newBlockingStub(channel)
                                        .withDeadlineAfter(LOAD_SECONDS, TimeUnit.SECONDS)
                                        .loadPolicy(
                                                dev.forkpoint.proto.entropy.v1.LoadPolicyRequest
                                                        .newBuilder()
                                                        .setPolicy(snapshot(policyUri))
                                                        .build());
                    }
                },
                List.of(
                        dev.forkpoint.proto.entropy.v1.LoadPolicyRequest.newBuilder()
                                .setPolicy(snapshot(policyUri == null ? "file:/none" : policyUri))
                                .build(),
                        SummarizeRequest.newBuilder()
                                .addAllEntropies(List.of(0.5f, 1f, 1.5f, 1f))
                                .setKeepFraction(0.2)
                                .addPercentiles(90)
                                .addHistogramBounds(1)
                                .build(),
                        AnalyzeRequest.newBuilder()
                                .addResponses(
                                        AnalyzedResponse.newBuilder()
                                                .addAllTokenIds(List.of(1, 2, 3))
                                                .addAllEntropies(List.of(0.1f, 0.2f, 0.7f)))
                                .build()));
    }

    /** Boxed numbers, right ones and wrong ones. */
    public static Workload reward() {
        StreamWorkload.Messages<VerifyRequest, VerifyResponse> messages =
                new StreamWorkload.Messages<>() {
                    @Override
                    public VerifyRequest request(String id, long number, Workload.Size size) {
                        long target = number % 90 + 10;
                        String answer = "\\boxed{" + (target - number % 2) + "}";
                        return VerifyRequest.newBuilder()
                                .setItem(
                                        VerifyItem.newBuilder()
                                                .setRequestId(id)
                                                .setVerifier("math")
                                                .setGold(Long.toString(target))
                                                .setPrediction(padded(answer, size)))
                                .build();
                    }

                    @Override
                    public VerifyRequest cancel(String id) {
                        return VerifyRequest.newBuilder().setCancel(id).build();
                    }

                    @Override
                    public String id(VerifyResponse answer) {
                        return answer.getRequestId();
                    }

                    @Override
                    public boolean isLast(VerifyResponse answer) {
                        return true;
                    }

                    @Override
                    public @Nullable Status failure(VerifyResponse answer) {
                        return answer.hasError() ? answer.getError() : null;
                    }
                };
        return new StreamWorkload<>(
                "reward",
                RewardServiceGrpc.getVerifyMethod(),
                messages,
                channel -> {},
                List.of(
                        GenerateProblemsRequest.newBuilder()
                                .setTask("countdown")
                                .setSplit(Split.SPLIT_TRAIN)
                                .setCount(3)
                                .build()));
    }

    /** The learner's control plane: lists of runs. Training itself is measured by bench step. */
    public static Workload learner() {
        return new UnaryWorkload<>(
                "learner",
                RunServiceGrpc.getListRunsMethod(),
                (number, size) ->
                        ListRunsRequest.newBuilder()
                                .setPageSize(1 + (int) (number % 100))
                                .setPageToken(pageToken(size))
                                .build(),
                channel -> {},
                List.of(ValidateRunRequest.newBuilder().setSpec(spec()).build()));
    }

    /** The learner takes messages of 256 MiB. */
    private static String pageToken(Workload.Size size) {
        return switch (size) {
            case TINY, USUAL -> "";
            case HUGE -> "x".repeat(3_000_000);
            case BEYOND -> "x".repeat(270_000_000);
        };
    }

    /** A small run, as the quickstart's. */
    private static RunSpec spec() {
        return RunSpec.newBuilder()
                .setName("load-test")
                .setReinforcement(
                        ReinforcementSpec.newBuilder()
                                .setPolicy("models/countdown-base")
                                .setData(
                                        DataSpec.newBuilder()
                                                .setTask(
                                                        TaskData.newBuilder().setName("countdown")))
                                .setSampling(SamplingParameters.newBuilder().setMaxTokens(52))
                                .setPromptsPerStep(4)
                                .setGroupSize(4)
                                .setSteps(2))
                .build();
    }

    private static PolicySnapshot snapshot(String uri) {
        return PolicySnapshot.newBuilder().setPolicyId("load-test").setUri(uri).build();
    }

    /** Small ids, which every vocabulary has; beyond the limit large ones of five bytes each. */
    private static TokenIds ids(long number, Workload.Size size, int usual) {
        int length =
                switch (size) {
                    case TINY -> 2;
                    case USUAL -> usual;
                    case HUGE -> 3_000_000;
                    case BEYOND -> 14_000_000;
                };
        TokenIds.Builder ids = TokenIds.newBuilder();
        for (int i = 0; i < length; i++) {
            ids.addIds(
                    size == Workload.Size.BEYOND ? Integer.MAX_VALUE : (int) ((number + i) % 16));
        }
        return ids.build();
    }

    private static String padded(String text, Workload.Size size) {
        return switch (size) {
            case TINY -> text;
            case USUAL -> "Let us see. ".repeat(8) + text;
            case HUGE -> "x".repeat(3_000_000) + text;
            case BEYOND -> "x".repeat(20_000_000) + text;
        };
    }
}
