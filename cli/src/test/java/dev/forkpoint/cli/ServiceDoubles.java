package dev.forkpoint.cli;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.Struct;
import com.google.protobuf.Timestamp;
import com.google.protobuf.Value;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.GetRunRequest;
import dev.forkpoint.proto.learner.v1.GetRunResponse;
import dev.forkpoint.proto.learner.v1.ResumeRunRequest;
import dev.forkpoint.proto.learner.v1.ResumeRunResponse;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunServiceGrpc;
import dev.forkpoint.proto.learner.v1.RunState;
import dev.forkpoint.proto.learner.v1.StartRunRequest;
import dev.forkpoint.proto.learner.v1.StartRunResponse;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import dev.forkpoint.proto.learner.v1.StopRunRequest;
import dev.forkpoint.proto.learner.v1.StopRunResponse;
import dev.forkpoint.proto.learner.v1.ValidateRunRequest;
import dev.forkpoint.proto.learner.v1.ValidateRunResponse;
import dev.forkpoint.proto.learner.v1.WatchRunRequest;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import dev.forkpoint.proto.policy.v1.FinishReason;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.GenerateProblemsResponse;
import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.ListVerifiersResponse;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifierInfo;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.GetPolicyRequest;
import dev.forkpoint.proto.rollout.v1.GetPolicyResponse;
import dev.forkpoint.proto.rollout.v1.LoadPolicyRequest;
import dev.forkpoint.proto.rollout.v1.LoadPolicyResponse;
import dev.forkpoint.proto.rollout.v1.Rollout;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import dev.forkpoint.proto.rollout.v1.TokenChunk;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * All four services behind one real gRPC port, with small models that can be computed by hand: a
 * response's tokens follow from its seed, a token's score from its id, and a verdict from equality.
 */
public final class ServiceDoubles implements AutoCloseable {

    private final Server server;
    private final ExecutorService batches = Executors.newSingleThreadExecutor();

    /** What a run does, beside what it is told to tell. */
    public volatile Consumer<StartRunRequest> atStart = request -> {};

    /** Rollout requests as they came. */
    public final List<RolloutRequest> rollouts = Collections.synchronizedList(new ArrayList<>());

    /** Sequences as they came. */
    public final List<SequenceToScore> sequences = Collections.synchronizedList(new ArrayList<>());

    /** Items as they came. */
    public final List<VerifyItem> items = Collections.synchronizedList(new ArrayList<>());

    /** Runs asked for. */
    public final List<StartRunRequest> starts = Collections.synchronizedList(new ArrayList<>());

    /** How often a run was stopped. */
    public final AtomicInteger stops = new AtomicInteger();

    /** Open once somebody watches a run. */
    public final CountDownLatch watched = new CountDownLatch(1);

    /** Whether rollouts carry entropies. */
    public volatile boolean reportsEntropy = true;

    /** So many rollout requests are shed before one is taken. */
    public final AtomicInteger shed = new AtomicInteger();

    /** Whether a watched run goes on until it is stopped. */
    public volatile boolean endless;

    /** How a watched run ends. */
    public volatile RunState end = RunState.RUN_STATE_SUCCEEDED;

    /** Why a failed run failed. */
    public volatile String error = "the disk is full";

    /** Steps that a run says it has done. */
    public volatile int stepsDone = 2;

    /** Directory of runs. */
    public volatile String runDirectory = "/runs/double";

    private final List<StreamObserver<WatchRunResponse>> watchers =
            Collections.synchronizedList(new ArrayList<>());

    public ServiceDoubles() throws IOException {
        this(0);
    }

    public ServiceDoubles(int port) throws IOException {
        server =
                ServerBuilder.forPort(port)
                        .addService(new RolloutDouble())
                        .addService(new EntropyDouble())
                        .addService(new RewardDouble())
                        .addService(new RunDouble())
                        .build()
                        .start();
    }

    public int port() {
        return server.getPort();
    }

    /** Value of {@code --address} for every service. */
    public String address() {
        String at = "=127.0.0.1:" + port();
        return "rollout" + at + ",entropy" + at + ",reward" + at + ",learner" + at;
    }

    @Override
    public void close() {
        server.shutdownNow();
        batches.shutdownNow();
    }

    /** Response tokens of a seed: 1 to 5 ids below 100. */
    public static List<Integer> tokens(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int length = 1 + random.nextInt(5);
        return IntStream.range(0, length).mapToObj(i -> random.nextInt(100)).toList();
    }

    public static String text(long seed) {
        return String.join(" ", tokens(seed).stream().map(id -> "t" + id).toList());
    }

    private static Status invalid(String field, String description) {
        return Status.newBuilder()
                .setCode(io.grpc.Status.Code.INVALID_ARGUMENT.value())
                .setMessage(field + ": " + description)
                .addDetails(
                        Any.pack(
                                ErrorInfo.newBuilder()
                                        .setReason("INVALID_FIELD")
                                        .setDomain("forkpoint.dev")
                                        .build()))
                .addDetails(
                        Any.pack(
                                BadRequest.newBuilder()
                                        .addFieldViolations(
                                                BadRequest.FieldViolation.newBuilder()
                                                        .setField(field)
                                                        .setDescription(description))
                                        .build()))
                .build();
    }

    private final class RolloutDouble extends RolloutServiceGrpc.RolloutServiceImplBase {

        /** Answers what came within a moment, newest first. */
        @Override
        public StreamObserver<GenerateRequest> generate(StreamObserver<GenerateResponse> answers) {
            return new StreamObserver<>() {
                private final List<RolloutRequest> waiting = new ArrayList<>();

                @Override
                public void onNext(GenerateRequest message) {
                    RolloutRequest request = message.getRollout();
                    rollouts.add(request);
                    if (shed.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
                        answers.onNext(
                                GenerateResponse.newBuilder()
                                        .setRequestId(request.getRequestId())
                                        .setError(overloaded())
                                        .build());
                        return;
                    }
                    synchronized (this) {
                        waiting.add(request);
                    }
                    batches.execute(this::flushSoon);
                }

                private void flushSoon() {
                    try {
                        TimeUnit.MILLISECONDS.sleep(20);
                    } catch (InterruptedException e) {
                        return;
                    }
                    flush();
                }

                private synchronized void flush() {
                    Collections.reverse(waiting);
                    waiting.forEach(request -> answer(request, answers));
                    waiting.clear();
                }

                @Override
                public void onError(Throwable failure) {}

                @Override
                public void onCompleted() {
                    flush();
                    answers.onCompleted();
                }
            };
        }

        private void answer(RolloutRequest request, StreamObserver<GenerateResponse> answers) {
            GenerateResponse.Builder answer =
                    GenerateResponse.newBuilder().setRequestId(request.getRequestId());
            if (request.getPromptText().equals("too long")) {
                answers.onNext(answer.setError(invalid("prompt", "too long")).build());
                return;
            }
            List<Integer> ids = tokens(request.getSeed());
            List<Float> entropies = ids.stream().map(id -> id / 50f).toList();
            if (request.hasChunks()) {
                for (int i = 0; i < ids.size(); i++) {
                    answers.onNext(
                            GenerateResponse.newBuilder()
                                    .setRequestId(request.getRequestId())
                                    .setChunk(
                                            TokenChunk.newBuilder()
                                                    .setFirstPosition(i)
                                                    .addTokenIds(ids.get(i))
                                                    .addEntropies(entropies.get(i))
                                                    .setText("t" + ids.get(i)))
                                    .build());
                }
            }
            answers.onNext(
                    answer.setRollout(
                                    Rollout.newBuilder()
                                            .addPromptIds(7)
                                            .addAllPromptIds(request.getPromptIds().getIdsList())
                                            .addAllTokenIds(ids)
                                            .addAllLogProbs(
                                                    ids.stream().map(id -> -id / 100f).toList())
                                            .addAllEntropies(reportsEntropy ? entropies : List.of())
                                            .setFinishReason(
                                                    ids.size() == 5
                                                            ? FinishReason.FINISH_REASON_LENGTH
                                                            : FinishReason.FINISH_REASON_STOP)
                                            .setPolicyVersion(3)
                                            .setText(text(request.getSeed())))
                            .build());
        }

        private Status overloaded() {
            return Status.newBuilder()
                    .setCode(io.grpc.Status.Code.RESOURCE_EXHAUSTED.value())
                    .addDetails(Any.pack(ErrorInfo.newBuilder().setReason("OVERLOADED").build()))
                    .addDetails(
                            Any.pack(
                                    RetryInfo.newBuilder()
                                            .setRetryDelay(
                                                    Duration.newBuilder().setNanos(1_000_000))
                                            .build()))
                    .build();
        }

        @Override
        public void loadPolicy(
                LoadPolicyRequest request, StreamObserver<LoadPolicyResponse> answers) {
            answers.onNext(LoadPolicyResponse.getDefaultInstance());
            answers.onCompleted();
        }

        @Override
        public void getPolicy(GetPolicyRequest request, StreamObserver<GetPolicyResponse> answers) {
            answers.onNext(
                    GetPolicyResponse.newBuilder()
                            .setPolicy(
                                    PolicySnapshot.newBuilder()
                                            .setPolicyId("double")
                                            .setVersion(3)
                                            .setUri("file:///models/double/"))
                            .setEngine("direct")
                            .setContextLength(64)
                            .build());
            answers.onCompleted();
        }
    }

    private final class EntropyDouble extends EntropyServiceGrpc.EntropyServiceImplBase {

        @Override
        public StreamObserver<ScoreRequest> score(StreamObserver<ScoreResponse> answers) {
            return new StreamObserver<>() {
                @Override
                public void onNext(ScoreRequest message) {
                    SequenceToScore sequence = message.getSequence();
                    sequences.add(sequence);
                    ScoreResponse.Builder answer =
                            ScoreResponse.newBuilder().setRequestId(sequence.getRequestId());
                    List<Integer> ids =
                            sequence.hasIds()
                                    ? sequence.getIds().getIdsList()
                                    : sequence.getText().chars().boxed().toList();
                    if (ids.size() < 2) {
                        answers.onNext(
                                answer.setError(invalid("ids", "one token (expected: two)"))
                                        .build());
                        return;
                    }
                    TokenScores.Builder scores = TokenScores.newBuilder().setFirstPosition(1);
                    ids.stream()
                            .skip(1)
                            .forEach(
                                    id -> {
                                        scores.addLogProbs(-id / 100f);
                                        scores.addEntropies(
                                                (float) (id / 50f / sequence.getTemperature()));
                                    });
                    if (sequence.hasText()) {
                        scores.addAllTokenIds(ids);
                    }
                    answers.onNext(answer.setScores(scores).build());
                }

                @Override
                public void onError(Throwable failure) {}

                @Override
                public void onCompleted() {
                    answers.onCompleted();
                }
            };
        }
    }

    private final class RewardDouble extends RewardServiceGrpc.RewardServiceImplBase {

        @Override
        public StreamObserver<VerifyRequest> verify(StreamObserver<VerifyResponse> answers) {
            return new StreamObserver<>() {
                @Override
                public void onNext(VerifyRequest message) {
                    VerifyItem item = message.getItem();
                    items.add(item);
                    Verification.Builder verification =
                            Verification.newBuilder()
                                    .setExtracted(item.getPrediction())
                                    .setMicros(item.getPrediction().length());
                    if (item.getGold().startsWith("?")) {
                        verification
                                .setVerdict(Verdict.VERDICT_UNPARSABLE_GOLD)
                                .setReason("cannot read the gold");
                    } else {
                        boolean right =
                                item.getGold().isEmpty()
                                        ? item.getPrediction().length() % 2 == 0
                                        : item.getGold().equals(item.getPrediction());
                        verification
                                .setVerdict(
                                        right ? Verdict.VERDICT_CORRECT : Verdict.VERDICT_INCORRECT)
                                .setReward(right ? 1 : 0)
                                .setReason("compared as text");
                    }
                    answers.onNext(
                            VerifyResponse.newBuilder()
                                    .setRequestId(item.getRequestId())
                                    .setVerification(verification)
                                    .build());
                }

                @Override
                public void onError(Throwable failure) {}

                @Override
                public void onCompleted() {
                    answers.onCompleted();
                }
            };
        }

        @Override
        public void listVerifiers(
                ListVerifiersRequest request, StreamObserver<ListVerifiersResponse> answers) {
            answers.onNext(
                    ListVerifiersResponse.newBuilder()
                            .addVerifiers(
                                    VerifierInfo.newBuilder().setName("exact").setNeedsGold(true))
                            .addVerifiers(VerifierInfo.newBuilder().setName("even"))
                            .build());
            answers.onCompleted();
        }

        @Override
        public void generateProblems(
                GenerateProblemsRequest request, StreamObserver<GenerateProblemsResponse> answers) {
            GenerateProblemsResponse.Builder answer = GenerateProblemsResponse.newBuilder();
            for (int i = 0; i < request.getCount(); i++) {
                answer.addProblems(
                        Problem.newBuilder()
                                .setIndex(i)
                                .setPrompt(request.getTask() + " " + request.getSeed() + " " + i)
                                .setTask(
                                        Struct.newBuilder()
                                                .putFields(
                                                        "target",
                                                        Value.newBuilder()
                                                                .setNumberValue(i)
                                                                .build()))
                                .setVerifier("even"));
            }
            answers.onNext(answer.build());
            answers.onCompleted();
        }
    }

    private final class RunDouble extends RunServiceGrpc.RunServiceImplBase {

        private Run.Builder run(RunState state) {
            return Run.newBuilder()
                    .setRunId("run-1")
                    .setName("double")
                    .setDirectory(runDirectory)
                    .setState(state)
                    .setStepsDone(stepsDone)
                    .setStepsTotal(2)
                    .setError(state == RunState.RUN_STATE_FAILED ? error : "");
        }

        @Override
        public void startRun(StartRunRequest request, StreamObserver<StartRunResponse> answers) {
            starts.add(request);
            if (request.getSpec().getReinforcement().getGroupSize() == 1) {
                answers.onError(
                        StatusProto.toStatusRuntimeException(
                                invalid(
                                        "spec.reinforcement.group_size",
                                        "1 (expected: 2 or more)")));
                return;
            }
            atStart.accept(request);
            answers.onNext(
                    StartRunResponse.newBuilder().setRun(run(RunState.RUN_STATE_RUNNING)).build());
            answers.onCompleted();
        }

        @Override
        public void resumeRun(ResumeRunRequest request, StreamObserver<ResumeRunResponse> answers) {
            answers.onNext(
                    ResumeRunResponse.newBuilder().setRun(run(RunState.RUN_STATE_RUNNING)).build());
            answers.onCompleted();
        }

        @Override
        public void validateRun(
                ValidateRunRequest request, StreamObserver<ValidateRunResponse> answers) {
            ValidateRunResponse.Builder answer = ValidateRunResponse.newBuilder();
            answer.setResolved(request.getSpec());
            answer.getResolvedBuilder().getCheckpointBuilder().setKeep(2);
            answers.onNext(answer.build());
            answers.onCompleted();
        }

        @Override
        public void getRun(GetRunRequest request, StreamObserver<GetRunResponse> answers) {
            answers.onNext(GetRunResponse.newBuilder().setRun(run(end)).build());
            answers.onCompleted();
        }

        @Override
        public void stopRun(StopRunRequest request, StreamObserver<StopRunResponse> answers) {
            stops.incrementAndGet();
            end = RunState.RUN_STATE_STOPPED;
            answers.onNext(
                    StopRunResponse.newBuilder().setRun(run(RunState.RUN_STATE_STOPPED)).build());
            answers.onCompleted();
            watchers.forEach(
                    watcher -> {
                        try {
                            watcher.onCompleted();
                        } catch (StatusRuntimeException | IllegalStateException e) {
                            // that watcher is gone
                        }
                    });
        }

        @Override
        public void watchRun(WatchRunRequest request, StreamObserver<WatchRunResponse> answers) {
            evaluation(answers, 0, 0.30, 0.28, 0.32);
            for (int step = 1; step <= 2; step++) {
                answers.onNext(
                        event().setStep(
                                        StepMetrics.newBuilder()
                                                .setStep(step)
                                                .putValues("loss", 0.5 / step)
                                                .putValues("reward/mean", 0.25 * step)
                                                .putValues("mask/kept_fraction", 0.2)
                                                .putValues("policy/odd", Double.NaN))
                                .build());
            }
            answers.onNext(event().setWarning("the machine is busy").build());
            watched.countDown();
            if (endless) {
                watchers.add(answers);
                return;
            }
            evaluation(answers, 2, 0.60, 0.58, 0.62);
            answers.onNext(event().setState(run(end)).build());
            answers.onCompleted();
        }

        private void evaluation(
                StreamObserver<WatchRunResponse> answers,
                int step,
                double mean,
                double low,
                double high) {
            answers.onNext(
                    event().setEvaluation(
                                    EvaluationResult.newBuilder()
                                            .setStep(step)
                                            .setAccuracy(mean)
                                            .setCi95Low(low)
                                            .setCi95High(high)
                                            .setProblems(64)
                                            .setSamples(4))
                            .build());
        }

        private WatchRunResponse.Builder event() {
            return WatchRunResponse.newBuilder()
                    .setTime(
                            Timestamp.newBuilder()
                                    .setSeconds(System.currentTimeMillis() / 1000 + 1));
        }
    }
}
