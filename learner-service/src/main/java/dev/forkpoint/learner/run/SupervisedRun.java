package dev.forkpoint.learner.run;

import com.google.common.primitives.Ints;
import dev.forkpoint.learner.data.TaskSource;
import dev.forkpoint.learner.trainer.PolicyTrainer;
import dev.forkpoint.policy.GradientStatistics;
import dev.forkpoint.policy.TrainingSequence;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import dev.forkpoint.proto.learner.v1.EvaluationSpec;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import dev.forkpoint.proto.learner.v1.SupervisedSpec;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.reward.v1.Problem;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Next-token training on demonstrations: loss = −(1/N) Σ ln p over the N response tokens of a
 * batch, end-of-sequence included. How the bundled policy was made.
 */
final class SupervisedRun {

    private final RunContext run;
    private final SupervisedSpec spec;
    private final PolicyTrainer trainer;
    private final Tokenizer tokenizer;
    private final int eosId;
    private final TaskSource source;
    private final Sampling sampling;
    private final Checkpoints checkpoints;
    private final RunRecords records;
    private RunProgress progress;

    SupervisedRun(
            RunContext run,
            PolicyTrainer trainer,
            Tokenizer tokenizer,
            int eosId,
            TaskSource source,
            Sampling sampling,
            Checkpoints checkpoints,
            RunRecords records,
            RunProgress progress) {
        this.run = run;
        this.spec = run.spec.getSupervised();
        this.trainer = trainer;
        this.tokenizer = tokenizer;
        this.eosId = eosId;
        this.source = source;
        this.sampling = sampling;
        this.checkpoints = checkpoints;
        this.records = records;
        this.progress = progress;
    }

    void run() throws IOException {
        try {
            while (progress.step() < spec.getSteps()) {
                if (run.stopping()) {
                    throw new RunStoppedException();
                }
                step(progress.step() + 1);
                int every = run.spec.getEvaluation().getEverySteps();
                if (every > 0
                        && progress.step() % every == 0
                        && progress.step() < spec.getSteps()) {
                    evaluate(publish(), run.spec.getEvaluation().getProblemsDuring());
                }
                if (progress.step() % run.spec.getCheckpoint().getEverySteps() == 0) {
                    checkpoints.save(trainer, progress);
                    records.forget(progress.step(), progress.policyVersion());
                }
            }
            PolicySnapshot last = publish();
            checkpoints.save(trainer, progress);
            if (run.spec.hasEvaluation() && records.evaluation(progress.step()).isEmpty()) {
                evaluate(last, run.spec.getEvaluation().getProblems());
            }
            records.summarise(progress, last);
        } catch (RunStoppedException e) {
            checkpoints.save(trainer, progress);
            throw e;
        }
    }

    private void step(int number) throws IOException {
        StepClock clock = new StepClock();
        List<Problem> problems = source.demonstrations(progress.nextProblem(), spec.getBatchSize());
        List<TrainingSequence> sequences = new ArrayList<>();
        int tokens = 0;
        for (Problem p : problems) {
            int[] prompt = tokenizer.encode(p.getPrompt(), true);
            int[] response =
                    Ints.concat(tokenizer.encode(p.getDemonstration(), false), new int[] {eosId});
            int[] positions = new int[response.length];
            Arrays.setAll(positions, t -> prompt.length + t);
            sequences.add(
                    new TrainingSequence(Ints.concat(prompt, response), prompt.length, positions));
            tokens += response.length;
        }
        clock.sampled();
        float weight = -1.0f / tokens;
        double[] losses = new double[sequences.size()];
        trainer.accumulate(
                sequences,
                1.0,
                (i, logProb, entropy, byLogProb, byEntropy) -> {
                    double sum = 0;
                    for (float l : logProb) {
                        sum -= l;
                    }
                    losses[i] = sum;
                    Arrays.fill(byLogProb, weight);
                });
        GradientStatistics gradient = trainer.gradient();
        double rate =
                LearningRate.at(run.spec.getOptimizer(), number, (double) number / spec.getSteps());
        trainer.apply(LearningRate.adamW(run.spec.getOptimizer(), rate));
        clock.updated();
        StepMetrics line =
                StepMetrics.newBuilder()
                        .setStep(number)
                        .putValues("loss", Arrays.stream(losses).sum() / tokens)
                        .putValues("gradient/norm", gradient.globalNorm())
                        .putValues("optimizer/learning_rate", rate)
                        .putValues("length/mean", (double) tokens / sequences.size())
                        .putValues("time/step_seconds", clock.seconds())
                        .putValues("throughput/tokens_per_second", tokens / clock.seconds())
                        .build();
        long bytes = records.step(line);
        run.events.add(WatchRunResponse.newBuilder().setStep(line));
        progress =
                new RunProgress(
                        number,
                        number,
                        progress.nextProblem() + spec.getBatchSize(),
                        progress.policyVersion(),
                        bytes,
                        progress.trainingSeconds() + clock.seconds(),
                        0,
                        progress.tokensTrained() + tokens,
                        1,
                        1,
                        progress.keptSum(),
                        progress.keptSteps(),
                        progress.control());
    }

    /** A snapshot whose version is the step. */
    private PolicySnapshot publish() throws IOException {
        long version = progress.step();
        if (!java.nio.file.Files.exists(run.directory.policy(version))) {
            trainer.publish(run.directory.policy(version));
        }
        progress =
                new RunProgress(
                        progress.step(),
                        progress.updates(),
                        progress.nextProblem(),
                        version,
                        progress.metricsBytes(),
                        progress.trainingSeconds(),
                        progress.tokensGenerated(),
                        progress.tokensTrained(),
                        progress.keptMin(),
                        progress.keptMax(),
                        progress.keptSum(),
                        progress.keptSteps(),
                        progress.control());
        return run.snapshot(version);
    }

    private void evaluate(PolicySnapshot policy, int problems) {
        EvaluationSpec e = run.spec.getEvaluation();
        run.rollouts.serve(policy);
        records.evaluated(
                new Evaluator(sampling, run)
                        .evaluate(
                                progress.step(),
                                source.heldOut(e.getSeed(), problems),
                                e.getSamples(),
                                e.getSeed(),
                                policy));
    }
}
