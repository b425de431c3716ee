package dev.forkpoint.cli.command;

import com.google.rpc.Status;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.learner.v1.AccumulateRequest;
import dev.forkpoint.proto.learner.v1.ApplyUpdateRequest;
import dev.forkpoint.proto.learner.v1.CreateTrainerRequest;
import dev.forkpoint.proto.learner.v1.EntropySource;
import dev.forkpoint.proto.learner.v1.LearnerServiceGrpc;
import dev.forkpoint.proto.learner.v1.LearnerServiceGrpc.LearnerServiceBlockingStub;
import dev.forkpoint.proto.learner.v1.ObjectiveSpec;
import dev.forkpoint.proto.learner.v1.OptimizerSpec;
import dev.forkpoint.proto.learner.v1.PublishPolicyRequest;
import dev.forkpoint.proto.learner.v1.Sequence;
import dev.forkpoint.proto.learner.v1.SubmitSequencesRequest;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.TokenIds;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.LoadPolicyRequest;
import dev.forkpoint.proto.rollout.v1.Rollout;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint bench step}: the loop of one step, driven from here through the services. */
@Command(
        name = "step",
        description =
                "Seconds of a whole iteration through the services: sample, score, select, update, publish, load. The reward is the parity of the token ids, and no response ends early.")
final class BenchStepCommand implements Callable<Integer> {

    private static final long CALL_SECONDS = 900;

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private BenchCommand bench;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchPolicy policy;

    @Option(
            names = "--responses",
            paramLabel = "N",
            defaultValue = "512",
            description = "Responses of an iteration. Default: ${DEFAULT-VALUE}")
    private int responses;

    @Option(
            names = "--group",
            paramLabel = "G",
            defaultValue = "16",
            description = "Responses of a prompt. Default: ${DEFAULT-VALUE}")
    private int group;

    @Option(
            names = "--max-tokens",
            paramLabel = "T",
            defaultValue = "64",
            description = "Tokens of each response. Default: ${DEFAULT-VALUE}")
    private int maxTokens;

    @Option(
            names = "--updates",
            paramLabel = "U",
            defaultValue = "4",
            description = "Updates of an iteration. Default: ${DEFAULT-VALUE}")
    private int updates;

    @Option(
            names = "--rho",
            paramLabel = "R",
            defaultValue = "0.2",
            description = "Share of response tokens that carry gradient. Default: ${DEFAULT-VALUE}")
    private double rho;

    @Option(
            names = "--entropy-source",
            paramLabel = "SOURCE",
            defaultValue = "RECOMPUTED",
            description =
                    "RECOMPUTED: every response is scored by entropy-service; ROLLOUT: the engine's entropies. Default: ${DEFAULT-VALUE}")
    @SuppressWarnings("NullAway.Init")
    private Source source;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "Rollout engine. Default: the service's own")
    private @Nullable String engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchOptions options;

    /** Whose entropies. */
    enum Source {
        RECOMPUTED,
        ROLLOUT
    }

    private record Times(double generation, double scoring, double update) {
        double iteration() {
            return generation + scoring + update;
        }
    }

    @Override
    public Integer call() throws InterruptedException {
        check();
        Path folder = policy.folder(bench.forkpoint().installation());
        LocalSettings local =
                new LocalSettings(Service.ROLLOUT, Service.ENTROPY, Service.LEARNER)
                        .engine(engine)
                        .allow(folder)
                        .with("forkpoint.rollout.max-rows", Integer.toString(responses));
        if (policy.threads > 0) {
            local.with("forkpoint.rollout.threads", Integer.toString(policy.threads))
                    .with("forkpoint.entropy.threads", Integer.toString(policy.threads));
        }
        Path work = BenchFiles.temporaryFolder();
        local.runRoot(work);
        try (Backend backend =
                bench.forkpoint()
                        .open(null, local, Service.ROLLOUT, Service.ENTROPY, Service.LEARNER)) {
            PolicySnapshot snapshot = PolicyFolder.snapshot(folder);
            int vocabulary = RolloutCalls.serve(backend, snapshot).getVocabularySize();
            loadForScoring(backend, snapshot);
            LearnerServiceBlockingStub learner =
                    LearnerServiceGrpc.newBlockingStub(backend.channel(Service.LEARNER));
            String trainer = createTrainer(learner, folder);
            int[][] prompts =
                    BenchOptions.sequences(
                            responses / group, BenchOptions.PROMPT_TOKENS, vocabulary);
            List<Times> times = new ArrayList<>();
            for (int i = 0; i <= options.repetitions; i++) {
                Times iteration = iterate(backend, learner, trainer, prompts, i);
                if (i > 0) {
                    times.add(iteration);
                }
            }
            print(times, backend);
            backend.deleteLogsAtClose();
            return ExitCode.DONE;
        } finally {
            BenchFiles.delete(work);
        }
    }

    private void check() {
        options.check();
        SamplingOptions.require(group >= 2, "--group", group, "2 or more");
        SamplingOptions.require(
                responses >= group && responses % group == 0,
                "--responses",
                responses,
                "a multiple of --group");
        SamplingOptions.require(maxTokens >= 1, "--max-tokens", maxTokens, "1 or more");
        SamplingOptions.require(
                updates >= 1 && updates <= responses, "--updates", updates, "1 to --responses");
        SamplingOptions.require(rho > 0 && rho <= 1, "--rho", rho, "above 0, at most 1");
    }

    private Times iterate(
            Backend backend,
            LearnerServiceBlockingStub learner,
            String trainer,
            int[][] prompts,
            int step)
            throws InterruptedException {
        long start = System.nanoTime();
        Sampled sampled = new Sampled();
        sampled.run(backend, prompts, step);
        long scored = System.nanoTime();
        update(backend, learner, trainer, sampled.sequences(prompts), step);
        long end = System.nanoTime();
        return new Times(
                (sampled.generatedNanos - start) / 1e9,
                (scored - sampled.generatedNanos) / 1e9,
                (end - scored) / 1e9);
    }

    private void update(
            Backend backend,
            LearnerServiceBlockingStub learner,
            String trainer,
            List<Sequence> sequences,
            int step) {
        call(learner)
                .submitSequences(
                        SubmitSequencesRequest.newBuilder()
                                .setRequestId(id())
                                .setTrainerId(trainer)
                                .addAllSequences(sequences)
                                .build());
        List<Integer> order =
                new ArrayList<>(IntStream.range(0, sequences.size()).boxed().toList());
        java.util.Collections.shuffle(order, new Random(step));
        for (int u = 0; u < updates; u++) {
            AccumulateRequest.Builder part =
                    AccumulateRequest.newBuilder().setRequestId(id()).setTrainerId(trainer);
            int from = u * order.size() / updates;
            int to = (u + 1) * order.size() / updates;
            order.subList(from, to).forEach(i -> part.addSequenceIds(Integer.toString(i)));
            call(learner).accumulate(part.build());
            call(learner)
                    .applyUpdate(
                            ApplyUpdateRequest.newBuilder()
                                    .setRequestId(id())
                                    .setTrainerId(trainer)
                                    .build());
        }
        PolicySnapshot published =
                call(learner)
                        .publishPolicy(
                                PublishPolicyRequest.newBuilder()
                                        .setRequestId(id())
                                        .setTrainerId(trainer)
                                        .build())
                        .getPolicy();
        RolloutServiceGrpc.newBlockingStub(backend.channel(Service.ROLLOUT))
                .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
                .loadPolicy(LoadPolicyRequest.newBuilder().setPolicy(published).build());
        loadForScoring(backend, published);
    }

    private void loadForScoring(Backend backend, PolicySnapshot snapshot) {
        if (source == Source.RECOMPUTED) {
            EntropyServiceGrpc.newBlockingStub(backend.channel(Service.ENTROPY))
                    .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
                    .loadPolicy(
                            dev.forkpoint.proto.entropy.v1.LoadPolicyRequest.newBuilder()
                                    .setPolicy(snapshot)
                                    .build());
        }
    }

    private String createTrainer(LearnerServiceBlockingStub learner, Path folder) {
        ObjectiveSpec.Builder objective =
                ObjectiveSpec.newBuilder()
                        .setEntropySource(
                                source == Source.RECOMPUTED
                                        ? EntropySource.ENTROPY_SOURCE_RECOMPUTED
                                        : EntropySource.ENTROPY_SOURCE_ROLLOUT);
        objective.getSelectorBuilder().getTopBuilder().setKeepFraction(rho);
        CreateTrainerRequest.Builder request =
                CreateTrainerRequest.newBuilder()
                        .setRequestId(id())
                        .setPolicy(folder.toUri().toString())
                        .setOptimizer(OptimizerSpec.newBuilder().setLearningRate(1e-6))
                        .setObjective(objective);
        if (policy.threads > 0) {
            request.getTrainerBuilder().setThreads(policy.threads);
        }
        return call(learner).createTrainer(request.build()).getTrainerId();
    }

    private static LearnerServiceBlockingStub call(LearnerServiceBlockingStub learner) {
        return learner.withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
    }

    private static String id() {
        return UUID.randomUUID().toString();
    }

    private void print(List<Times> times, Backend backend) {
        List<Double> seconds = times.stream().map(Times::iteration).toList();
        new BenchReport("step", "tokens_per_s", (double) responses * maxTokens, seconds)
                .figure("iteration_s", BenchReport.median(seconds))
                .figure(
                        "generation_s",
                        BenchReport.median(times.stream().map(Times::generation).toList()))
                .figure(
                        "scoring_s",
                        BenchReport.median(times.stream().map(Times::scoring).toList()))
                .figure("update_s", BenchReport.median(times.stream().map(Times::update).toList()))
                .memoryOf(backend.local())
                .setting("policy", policy.path)
                .setting("responses", responses)
                .setting("group", group)
                .setting("max_tokens", maxTokens)
                .setting("prompt_tokens", BenchOptions.PROMPT_TOKENS)
                .setting("updates", updates)
                .setting("rho", rho)
                .setting("entropy_source", source.name())
                .setting("engine", engine == null ? "default" : engine)
                .setting("threads", policy.threads)
                .print(bench.forkpoint().console(), options.json);
    }

    /** The responses of an iteration, each scored while others still generate. */
    private final class Sampled {

        private final AtomicReferenceArray<Rollout> rollouts =
                new AtomicReferenceArray<>(responses);
        private final AtomicReferenceArray<TokenScores> scores =
                new AtomicReferenceArray<>(responses);
        private final CountDownLatch generated = new CountDownLatch(responses);
        private final CountDownLatch scored =
                new CountDownLatch(source == Source.RECOMPUTED ? responses : 0);
        private final AtomicReference<@Nullable String> failure = new AtomicReference<>();
        private long generatedNanos;

        void run(Backend backend, int[][] prompts, int step) throws InterruptedException {
            StreamObserver<ScoreRequest> scoring =
                    EntropyServiceGrpc.newStub(backend.channel(Service.ENTROPY))
                            .score(
                                    new Answers<>() {
                                        @Override
                                        public void onNext(ScoreResponse answer) {
                                            if (answer.hasError()) {
                                                fail(answer.getError());
                                            }
                                            scores.set(
                                                    Integer.parseInt(answer.getRequestId()),
                                                    answer.getScores());
                                            scored.countDown();
                                        }
                                    });
            StreamObserver<GenerateRequest> generating =
                    RolloutServiceGrpc.newStub(backend.channel(Service.ROLLOUT))
                            .generate(
                                    new Answers<>() {
                                        @Override
                                        public void onNext(GenerateResponse answer) {
                                            if (answer.hasError()) {
                                                fail(answer.getError());
                                                return;
                                            }
                                            int index = Integer.parseInt(answer.getRequestId());
                                            rollouts.set(index, answer.getRollout());
                                            if (source == Source.RECOMPUTED) {
                                                scoring.onNext(toScore(index, prompts));
                                            }
                                            generated.countDown();
                                        }
                                    });
            for (int i = 0; i < responses; i++) {
                generating.onNext(
                        BenchService.request(
                                i,
                                prompts[i / group],
                                SampleSeeds.derive(step, i / group, i % group),
                                maxTokens));
            }
            generating.onCompleted();
            await(generated, backend);
            generatedNanos = System.nanoTime();
            await(scored, backend);
            scoring.onCompleted();
        }

        private ScoreRequest toScore(int index, int[][] prompts) {
            return ScoreRequest.newBuilder()
                    .setSequence(
                            SequenceToScore.newBuilder()
                                    .setRequestId(Integer.toString(index))
                                    .setIds(TokenIds.newBuilder().addAllIds(ids(index, prompts)))
                                    .setFirstPosition(BenchOptions.PROMPT_TOKENS))
                    .build();
        }

        private List<Integer> ids(int index, int[][] prompts) {
            List<Integer> ids = new ArrayList<>();
            for (int id : prompts[index / group]) {
                ids.add(id);
            }
            ids.addAll(rollouts.get(index).getTokenIdsList());
            return ids;
        }

        List<Sequence> sequences(int[][] prompts) {
            List<Sequence> sequences = new ArrayList<>();
            for (int i = 0; i < responses; i++) {
                Rollout rollout = rollouts.get(i);
                long sum = rollout.getTokenIdsList().stream().mapToLong(id -> id).sum();
                Sequence.Builder sequence =
                        Sequence.newBuilder()
                                .setSequenceId(Integer.toString(i))
                                .addAllTokenIds(ids(i, prompts))
                                .setPromptLength(BenchOptions.PROMPT_TOKENS)
                                .setGroupId(Integer.toString(i / group))
                                .setReward(sum % 2)
                                .setCorrect(sum % 2 == 1);
                if (source == Source.RECOMPUTED) {
                    sequence.addAllOldLogProbs(scores.get(i).getLogProbsList())
                            .addAllEntropies(scores.get(i).getEntropiesList());
                } else {
                    sequence.addAllOldLogProbs(rollout.getLogProbsList())
                            .addAllEntropies(rollout.getEntropiesList());
                }
                sequences.add(sequence.build());
            }
            return sequences;
        }

        private void await(CountDownLatch latch, Backend backend) throws InterruptedException {
            while (!latch.await(100, TimeUnit.MILLISECONDS)) {
                String message = failure.get();
                if (message != null) {
                    backend.checkAliveAfterFailure();
                    throw new FailureException(message);
                }
                backend.checkAlive();
            }
        }

        private void fail(Status status) {
            failure.set(Failures.describe(status));
        }

        private abstract class Answers<A> implements StreamObserver<A> {

            @Override
            public void onError(Throwable cause) {
                failure.compareAndSet(null, "call failed: " + cause.getMessage());
            }

            @Override
            public void onCompleted() {}
        }
    }
}
