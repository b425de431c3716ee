package dev.forkpoint.learner.run;

import com.google.rpc.Code;
import dev.forkpoint.learner.data.FileSource;
import dev.forkpoint.learner.data.PromptSource;
import dev.forkpoint.learner.data.TaskSource;
import dev.forkpoint.learner.objective.AdaptiveEntropyBonus;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.trainer.DjlTrainer;
import dev.forkpoint.policy.LoraSettings;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.policy.TrainerOptions;
import dev.forkpoint.policy.checkpoint.NewCheckpoint;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import dev.forkpoint.proto.learner.v1.DataSpec;
import dev.forkpoint.proto.learner.v1.FreshModel;
import dev.forkpoint.proto.learner.v1.LoraSpec;
import dev.forkpoint.proto.learner.v1.ReinforcementSpec;
import dev.forkpoint.proto.learner.v1.SupervisedSpec;
import dev.forkpoint.proto.learner.v1.TrainerSpec;
import dev.forkpoint.proto.learner.v1.VerifierSpec;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.reward.v1.VerifierInfo;
import dev.forkpoint.service.error.ServiceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Brings a run from its specification, and what a former life left, to its loop. */
final class RunSetup {

    private RunSetup() {}

    /** The whole life of a run. */
    static void run(RunContext run) throws IOException {
        if (run.spec.hasSupervised()) {
            supervised(run);
        } else {
            reinforcement(run);
        }
    }

    private static void reinforcement(RunContext run) throws IOException {
        ReinforcementSpec spec = run.spec.getReinforcement();
        run.progress("load", 0, 0, 1);
        Objective objective =
                ObjectiveFactory.objective(
                        spec.getObjective(), spec.getSampling().getMaxTokens(), run.spec.getSeed());
        Path base = run.snapshots.fetch("reinforcement.policy", spec.getPolicy(), "");
        try (DjlTrainer trainer = trainer(run, "reinforcement.policy", base)) {
            Checkpoints checkpoints = checkpoints(run);
            RunProgress progress =
                    checkpoints
                            .restore(trainer)
                            .orElse(RunProgress.start(objective.startControl()));
            String engine = engine(run);
            RunRecords records =
                    new RunRecords(run, evaluationData(run, trainer.policy().tokenizer()), engine);
            records.truncate(progress);
            Path folder = run.directory.policy(progress.policyVersion());
            if (!Files.exists(folder)) {
                trainer.publish(folder);
            }
            PromptSource source =
                    source(
                            run,
                            "reinforcement.data",
                            spec.getData(),
                            trainer.policy().tokenizer(),
                            run.spec.getSeed());
            VerifierSpec verifier = verifier(run, spec, source);
            Sampling sampling =
                    new Sampling(
                            run.rollouts,
                            run.rewards,
                            run.entropies,
                            trainer.policy().tokenizer(),
                            spec.getSampling(),
                            verifier);
            run.progress("load", 0, 1, 1);
            new ReinforcementRun(
                            run,
                            objective,
                            trainer,
                            source,
                            sampling,
                            checkpoints,
                            records,
                            objective.needsReference() ? reference(run, spec) : null,
                            progress,
                            run.snapshot(progress.policyVersion()))
                    .run();
        }
    }

    private static void supervised(RunContext run) throws IOException {
        SupervisedSpec spec = run.spec.getSupervised();
        run.progress("load", 0, 0, 1);
        Path base =
                spec.hasFresh()
                        ? fresh(run, spec.getFresh())
                        : run.snapshots.fetch("supervised.policy", spec.getPolicy(), "");
        try (DjlTrainer trainer = trainer(run, "supervised.policy", base)) {
            Checkpoints checkpoints = checkpoints(run);
            RunProgress progress =
                    checkpoints
                            .restore(trainer)
                            .orElse(RunProgress.start(AdaptiveEntropyBonus.start(0)));
            RunRecords records = new RunRecords(run, Optional.empty(), "");
            records.truncate(progress);
            Policy policy = trainer.policy();
            TaskSource source = new TaskSource(run.rewards, spec.getTask(), run.spec.getSeed());
            Sampling sampling =
                    new Sampling(
                            run.rollouts,
                            run.rewards,
                            run.entropies,
                            policy.tokenizer(),
                            RunSpecs.sampling(run.spec.getEvaluation().getSampling()),
                            VerifierSpec.newBuilder().setName(source.defaultVerifier()).build());
            run.progress("load", 0, 1, 1);
            new SupervisedRun(
                            run,
                            trainer,
                            policy.tokenizer(),
                            policy.config().eosIds()[0],
                            source,
                            sampling,
                            checkpoints,
                            records,
                            progress)
                    .run();
        }
    }

    private static Checkpoints checkpoints(RunContext run) {
        return new Checkpoints(run.directory.checkpoints(), run.spec.getCheckpoint().getKeep());
    }

    private static DjlTrainer trainer(RunContext run, String field, Path base) {
        return trainer(
                field,
                base,
                run.spec.getTrainer(),
                run.spec.hasLora() ? Optional.of(run.spec.getLora()) : Optional.empty(),
                run.spec.getSeed());
    }

    /**
     * A trainer of the policy in the folder.
     *
     * @param field names the policy in messages
     * @param seed of a fresh adapter's weights
     */
    static DjlTrainer trainer(
            String field, Path base, TrainerSpec t, Optional<LoraSpec> lora, long seed) {
        try {
            Policy policy =
                    Policy.load(
                            base,
                            new PolicyOptions(
                                    t.getDevice().isEmpty() ? "cpu" : t.getDevice(),
                                    t.getThreads(),
                                    Optional.empty()));
            return new DjlTrainer(policy, options(t, lora, seed));
        } catch (IOException e) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION, "POLICY_INVALID", field + ": " + e.getMessage(), e);
        }
    }

    /** Trainer options of a specification. */
    static TrainerOptions options(TrainerSpec t, Optional<LoraSpec> lora, long seed) {
        TrainerOptions o =
                TrainerOptions.defaults()
                        .withGradientCheckpointing(t.getGradientCheckpointing())
                        .withBfloat16Autocast(t.getBfloat16Autocast());
        if (t.getTokensPerMicroBatch() > 0) {
            o = o.withTokensPerMicroBatch(t.getTokensPerMicroBatch());
        }
        if (lora.isPresent()) {
            o = o.withLora(settings(lora.get(), seed));
        }
        return o;
    }

    private static LoraSettings settings(LoraSpec l, long seed) {
        return new LoraSettings(
                l.getRank(),
                l.getAlpha(),
                l.getRankStabilised(),
                l.getTargetModulesCount() == 0
                        ? LoraSettings.ADAPTABLE.stream().sorted().toList()
                        : List.copyOf(l.getTargetModulesList()),
                Map.of(),
                Map.of(),
                seed);
    }

    /** The engine that samples; all replicas must use the same. */
    private static String engine(RunContext run) {
        List<String> engines =
                run.rollouts.policies().stream().map(p -> p.getEngine()).distinct().toList();
        if (engines.size() != 1) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "MIXED_ENGINES",
                    "rollout replicas use " + engines + " (expected: one engine)");
        }
        return engines.get(0);
    }

    private static Optional<PromptSource> evaluationData(RunContext run, Tokenizer tokenizer) {
        return run.spec.getEvaluation().hasData()
                ? Optional.of(
                        source(
                                run,
                                "evaluation.data",
                                run.spec.getEvaluation().getData(),
                                tokenizer,
                                run.spec.getEvaluation().getSeed()))
                : Optional.empty();
    }

    private static PromptSource source(
            RunContext run, String field, DataSpec data, Tokenizer tokenizer, long seed) {
        return switch (data.getSourceCase()) {
            case TASK -> new TaskSource(run.rewards, data.getTask(), seed);
            case JSON_LINES -> new FileSource(data.getJsonLines(), tokenizer, seed);
            case PARQUET -> new FileSource(data.getParquet(), tokenizer, seed);
            case SOURCE_NOT_SET ->
                    throw ServiceException.invalidField(
                            field, data.getSourceCase(), "task, json_lines or parquet");
        };
    }

    private static VerifierSpec verifier(
            RunContext run, ReinforcementSpec spec, PromptSource source) {
        VerifierSpec verifier =
                spec.getVerifier().getName().isEmpty()
                        ? spec.getVerifier().toBuilder().setName(source.defaultVerifier()).build()
                        : spec.getVerifier();
        List<String> names =
                run.rewards.verifiers().getVerifiersList().stream()
                        .map(VerifierInfo::getName)
                        .toList();
        if (!names.contains(verifier.getName())) {
            throw ServiceException.invalidField(
                    "reinforcement.verifier.name",
                    '"' + verifier.getName() + '"',
                    "one of " + names);
        }
        return verifier;
    }

    private static PolicySnapshot reference(RunContext run, ReinforcementSpec spec) {
        String uri =
                spec.getReferencePolicy().isEmpty() ? spec.getPolicy() : spec.getReferencePolicy();
        return PolicySnapshot.newBuilder()
                .setPolicyId(run.runId + "-reference")
                .setUri(uri)
                .build();
    }

    /** A random model beside the run's snapshots; the same one whenever it is made again. */
    private static Path fresh(RunContext run, FreshModel f) throws IOException {
        Path folder = run.directory.fresh();
        if (Files.exists(folder)) {
            return folder;
        }
        Path from = run.snapshots.fetch("supervised.fresh.tokenizer", f.getTokenizer(), "");
        Map<String, byte[]> files = new HashMap<>();
        try (Stream<Path> all = Files.list(from)) {
            for (Path p : all.filter(Files::isRegularFile).toList()) {
                String name = p.getFileName().toString();
                if (name.startsWith("tokenizer")
                        || name.startsWith("chat_template")
                        || name.equals("special_tokens_map.json")) {
                    files.put(name, Files.readAllBytes(p));
                }
            }
        }
        try (Tokenizer tokenizer = Tokenizer.load(from)) {
            NewCheckpoint.write(
                    folder,
                    new NewCheckpoint.Shape(
                            f.getHiddenSize(),
                            f.getLayers(),
                            f.getHeads(),
                            f.getKeyValueHeads(),
                            f.getHeadDim(),
                            f.getIntermediateSize(),
                            tokenizer.vocabularySize(),
                            f.getMaxPositions(),
                            f.getRopeTheta(),
                            true,
                            special(tokenizer, "<eos>"),
                            special(tokenizer, "<pad>")),
                    run.spec.getSeed(),
                    files);
        }
        return folder;
    }

    private static int special(Tokenizer tokenizer, String token) {
        return tokenizer
                .id(token)
                .orElseThrow(
                        () ->
                                ServiceException.invalidField(
                                        "supervised.fresh.tokenizer",
                                        "no token " + token,
                                        "a tokenizer with <eos> and <pad>"));
    }
}
