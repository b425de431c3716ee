package dev.forkpoint.learner.run;

import dev.forkpoint.policy.sampling.Seeds;
import dev.forkpoint.proto.learner.v1.CheckpointSpec;
import dev.forkpoint.proto.learner.v1.DataSpec;
import dev.forkpoint.proto.learner.v1.EntropySource;
import dev.forkpoint.proto.learner.v1.EvaluationSpec;
import dev.forkpoint.proto.learner.v1.LearningRateSchedule;
import dev.forkpoint.proto.learner.v1.OptimizerSpec;
import dev.forkpoint.proto.learner.v1.PlainPlanner;
import dev.forkpoint.proto.learner.v1.ReinforcementSpec;
import dev.forkpoint.proto.learner.v1.RolloutPlanner;
import dev.forkpoint.proto.learner.v1.RunSpec;
import dev.forkpoint.proto.learner.v1.SupervisedSpec;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.error.ServiceException.FieldViolation;
import java.util.ArrayList;
import java.util.List;

/** Specifications: every default filled in, every mistake found at once. Pure functions. */
public final class RunSpecs {

    private RunSpecs() {}

    /**
     * The specification with every default filled in.
     *
     * @throws ServiceException INVALID_SPEC naming every field that is wrong
     */
    public static RunSpec resolve(RunSpec spec) {
        RunSpec.Builder b = spec.toBuilder();
        b.setOptimizer(optimizer(spec.getOptimizer()));
        b.setCheckpoint(checkpoint(spec.getCheckpoint()));
        if (spec.hasEvaluation()) {
            b.setEvaluation(evaluation(spec.getEvaluation()));
        }
        if (spec.hasReinforcement()) {
            b.setReinforcement(reinforcement(spec.getReinforcement()));
        }
        RunSpec resolved = b.build();
        List<FieldViolation> problems = new Check().run(spec, resolved);
        if (!problems.isEmpty()) {
            throw ServiceException.invalidFields("INVALID_SPEC", problems);
        }
        return resolved;
    }

    /** The optimiser with its defaults. */
    static OptimizerSpec optimizer(OptimizerSpec o) {
        OptimizerSpec.Builder b = o.toBuilder();
        b.setBeta1(o.hasBeta1() ? o.getBeta1() : 0.9);
        b.setBeta2(o.hasBeta2() ? o.getBeta2() : 0.999);
        b.setEpsilon(o.hasEpsilon() ? o.getEpsilon() : 1e-8);
        b.setWeightDecay(o.hasWeightDecay() ? o.getWeightDecay() : 0);
        b.setMaxGradientNorm(o.hasMaxGradientNorm() ? o.getMaxGradientNorm() : 1);
        if (o.getSchedule() == LearningRateSchedule.LEARNING_RATE_SCHEDULE_UNSPECIFIED) {
            b.setSchedule(LearningRateSchedule.LEARNING_RATE_SCHEDULE_CONSTANT);
        }
        return b.build();
    }

    /** What is wrong with a resolved optimiser. */
    static List<FieldViolation> problems(OptimizerSpec optimizer) {
        Check check = new Check();
        check.optimizer(optimizer);
        return check.problems;
    }

    private static CheckpointSpec checkpoint(CheckpointSpec c) {
        return CheckpointSpec.newBuilder()
                .setEverySteps(c.getEverySteps() == 0 ? 10 : c.getEverySteps())
                .setKeep(c.getKeep() == 0 ? 2 : c.getKeep())
                .setKeepPolicies(c.getKeepPolicies() == 0 ? 2 : c.getKeepPolicies())
                .build();
    }

    private static EvaluationSpec evaluation(EvaluationSpec e) {
        EvaluationSpec.Builder b = e.toBuilder();
        b.setSamples(Math.max(1, e.getSamples()));
        b.setSeed(e.hasSeed() ? e.getSeed() : 777);
        b.setProblemsDuring(e.getProblemsDuring() == 0 ? e.getProblems() : e.getProblemsDuring());
        return b.build();
    }

    private static ReinforcementSpec reinforcement(ReinforcementSpec r) {
        ReinforcementSpec.Builder b = r.toBuilder();
        b.setSampling(sampling(r.getSampling()));
        b.setPassesPerStep(Math.max(1, r.getPassesPerStep()));
        if (!r.hasPlanner()) {
            b.setPlanner(RolloutPlanner.newBuilder().setPlain(PlainPlanner.getDefaultInstance()));
        }
        b.setObjective(ObjectiveFactory.resolved(r.getObjective(), r.getSampling().getMaxTokens()));
        boolean fromRollout =
                b.getObjective().getEntropySource() == EntropySource.ENTROPY_SOURCE_ROLLOUT;
        if (fromRollout && !r.hasRescoreShare()) {
            b.setRescoreShare(0.05);
        }
        return b.build();
    }

    /** Sampling with its defaults. */
    static SamplingParameters sampling(SamplingParameters s) {
        return s.toBuilder()
                .setTemperature(s.hasTemperature() ? s.getTemperature() : 1)
                .setTopP(s.hasTopP() ? s.getTopP() : 1)
                .build();
    }

    /** Seed of one rollout: of the run, the problem's place in the data, and the sample. */
    static long rolloutSeed(long runSeed, long problemIndex, int sample) {
        return Seeds.derive(runSeed, problemIndex, sample);
    }

    private static final class Check {
        private final List<FieldViolation> problems = new ArrayList<>();

        List<FieldViolation> run(RunSpec given, RunSpec s) {
            require(
                    s.getName().matches("[A-Za-z0-9._-]{1,64}"),
                    "name",
                    '"' + s.getName() + '"',
                    "1 to 64 characters of [A-Za-z0-9._-]");
            optimizer(s.getOptimizer());
            switch (s.getKindCase()) {
                case REINFORCEMENT -> reinforcement(given, s);
                case SUPERVISED -> supervised(s);
                case KIND_NOT_SET -> add("kind", "absent", "`reinforcement` or `supervised`");
            }
            if (s.hasEvaluation()) {
                require(
                        s.getEvaluation().getProblems() > 0,
                        "evaluation.problems",
                        s.getEvaluation().getProblems(),
                        "at least 1");
            }
            if (s.hasLora()) {
                require(
                        s.getLora().getRank() > 0,
                        "lora.rank",
                        s.getLora().getRank(),
                        "at least 1");
                require(
                        s.getLora().getAlpha() > 0,
                        "lora.alpha",
                        s.getLora().getAlpha(),
                        "above 0");
            }
            String device = s.getTrainer().getDevice();
            require(
                    device.isEmpty() || device.matches("cpu|cuda:\\d{1,3}"),
                    "trainer.device",
                    '"' + device + '"',
                    "cpu or cuda:N");
            return problems;
        }

        private void optimizer(OptimizerSpec o) {
            require(
                    o.getLearningRate() > 0 && Double.isFinite(o.getLearningRate()),
                    "optimizer.learning_rate",
                    o.getLearningRate(),
                    "above 0");
            require(
                    o.getBeta1() >= 0 && o.getBeta1() < 1,
                    "optimizer.beta1",
                    o.getBeta1(),
                    "in [0, 1)");
            require(
                    o.getBeta2() >= 0 && o.getBeta2() < 1,
                    "optimizer.beta2",
                    o.getBeta2(),
                    "in [0, 1)");
            require(o.getEpsilon() > 0, "optimizer.epsilon", o.getEpsilon(), "above 0");
            require(
                    o.getWeightDecay() >= 0,
                    "optimizer.weight_decay",
                    o.getWeightDecay(),
                    "at least 0");
            require(
                    o.getMaxGradientNorm() > 0,
                    "optimizer.max_gradient_norm",
                    o.getMaxGradientNorm(),
                    "above 0");
            require(
                    o.getFinalFraction() >= 0 && o.getFinalFraction() <= 1,
                    "optimizer.final_fraction",
                    o.getFinalFraction(),
                    "in [0, 1]");
            require(
                    o.getFinalFraction() == 0
                            || o.getSchedule()
                                    != LearningRateSchedule.LEARNING_RATE_SCHEDULE_CONSTANT,
                    "optimizer.final_fraction",
                    o.getFinalFraction(),
                    "none with schedule CONSTANT, where it has no effect");
        }

        private void reinforcement(RunSpec given, RunSpec s) {
            ReinforcementSpec r = s.getReinforcement();
            String at = "reinforcement.";
            require(!r.getPolicy().isEmpty(), at + "policy", "absent", "the URI of a policy");
            require(
                    r.getData().getSourceCase() != DataSpec.SourceCase.SOURCE_NOT_SET,
                    at + "data",
                    "absent",
                    "`task`, `json_lines` or `parquet`");
            sampling(at + "sampling", r.getSampling());
            require(
                    r.getSampling().getTemperature() > 0,
                    at + "sampling.temperature",
                    r.getSampling().getTemperature(),
                    "above 0 in training");
            require(
                    r.getPromptsPerStep() >= 1,
                    at + "prompts_per_step",
                    r.getPromptsPerStep(),
                    "at least 1");
            require(r.getGroupSize() >= 1, at + "group_size", r.getGroupSize(), "at least 1");
            require(
                    r.getSteps() >= 1 || r.getMaxSeconds() >= 1,
                    at + "steps",
                    r.getSteps(),
                    "at least 1, or max_seconds");
            require(
                    s.getOptimizer().getSchedule()
                                    == LearningRateSchedule.LEARNING_RATE_SCHEDULE_CONSTANT
                            || r.getSteps() >= 1,
                    "optimizer.schedule",
                    s.getOptimizer().getSchedule(),
                    "CONSTANT in a run without a number of steps");
            switch (r.getUpdatesCase()) {
                case UPDATES_PER_STEP ->
                        require(
                                r.getUpdatesPerStep() >= 1,
                                at + "updates_per_step",
                                r.getUpdatesPerStep(),
                                "at least 1");
                case RESPONSES_PER_UPDATE ->
                        require(
                                r.getResponsesPerUpdate() >= 1,
                                at + "responses_per_update",
                                r.getResponsesPerUpdate(),
                                "at least 1");
                case UPDATES_NOT_SET ->
                        add(at + "updates", "absent", "updates_per_step or responses_per_update");
            }
            ObjectiveFactory.problems(r, s.getSeed())
                    .forEach(p -> problems.add(new FieldViolation(at + p.field(), p.message())));
            require(
                    r.getRescoreShare() >= 0 && r.getRescoreShare() <= 1,
                    at + "rescore_share",
                    r.getRescoreShare(),
                    "in [0, 1]");
            require(
                    r.getMaxStaleness() <= 1,
                    at + "max_staleness",
                    r.getMaxStaleness(),
                    "0 (strictly on-policy) or 1 (a step is sampled while the one before is learned)");
            require(
                    !given.getEvaluation().hasSampling(),
                    "evaluation.sampling",
                    "present",
                    "none in a reinforcement run, which evaluates as it samples");
        }

        private void supervised(RunSpec s) {
            SupervisedSpec p = s.getSupervised();
            String at = "supervised.";
            require(p.getSteps() >= 1, at + "steps", p.getSteps(), "at least 1");
            require(p.getBatchSize() >= 1, at + "batch_size", p.getBatchSize(), "at least 1");
            require(
                    !p.getTask().getName().isEmpty(),
                    at + "task.name",
                    "absent",
                    "a task family with demonstrations");
            switch (p.getStartCase()) {
                case FRESH -> {
                    var f = p.getFresh();
                    int[] sizes = {
                        f.getHiddenSize(),
                        f.getLayers(),
                        f.getHeads(),
                        f.getKeyValueHeads(),
                        f.getHeadDim(),
                        f.getIntermediateSize(),
                        f.getMaxPositions()
                    };
                    String[] names = {
                        "hidden_size",
                        "layers",
                        "heads",
                        "key_value_heads",
                        "head_dim",
                        "intermediate_size",
                        "max_positions"
                    };
                    for (int i = 0; i < sizes.length; i++) {
                        require(sizes[i] >= 1, at + "fresh." + names[i], sizes[i], "at least 1");
                    }
                    require(
                            f.getKeyValueHeads() < 1 || f.getHeads() % f.getKeyValueHeads() == 0,
                            at + "fresh.heads",
                            f.getHeads(),
                            "a multiple of key_value_heads");
                    require(f.getHeadDim() % 2 == 0, at + "fresh.head_dim", f.getHeadDim(), "even");
                    require(
                            f.getRopeTheta() > 0,
                            at + "fresh.rope_theta",
                            f.getRopeTheta(),
                            "above 0");
                    require(
                            !f.getTokenizer().isEmpty(),
                            at + "fresh.tokenizer",
                            "absent",
                            "the URI of a folder with tokenizer.json");
                }
                case POLICY ->
                        require(
                                !p.getPolicy().isEmpty(),
                                at + "policy",
                                "empty",
                                "the URI of a policy");
                case START_NOT_SET -> add(at + "start", "absent", "`fresh` or `policy`");
            }
            if (s.hasEvaluation()) {
                sampling("evaluation.sampling", s.getEvaluation().getSampling());
            }
        }

        private void sampling(String at, SamplingParameters p) {
            require(p.getMaxTokens() >= 1, at + ".max_tokens", p.getMaxTokens(), "at least 1");
            require(!p.getIgnoreEos(), at + ".ignore_eos", p.getIgnoreEos(), "false in a run");
        }

        private void require(boolean holds, String field, Object found, String allowed) {
            if (!holds) {
                add(field, found, allowed);
            }
        }

        private void add(String field, Object found, String allowed) {
            problems.add(new FieldViolation(field, found + " (expected: " + allowed + ")"));
        }
    }
}
