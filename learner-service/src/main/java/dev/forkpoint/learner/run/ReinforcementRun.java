package dev.forkpoint.learner.run;

import com.google.common.primitives.Ints;
import dev.forkpoint.learner.data.PromptSource;
import dev.forkpoint.learner.objective.CurrentScores;
import dev.forkpoint.learner.objective.EntropySource;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.ResponseLoss;
import dev.forkpoint.learner.objective.RolloutPlanner;
import dev.forkpoint.learner.objective.Step;
import dev.forkpoint.learner.objective.StepObjective;
import dev.forkpoint.learner.objective.UpdateObjective;
import dev.forkpoint.learner.objective.UpdateStatistics;
import dev.forkpoint.learner.step.SourceOverlap;
import dev.forkpoint.learner.step.Updates;
import dev.forkpoint.learner.trainer.PolicyTrainer;
import dev.forkpoint.policy.GradientStatistics;
import dev.forkpoint.policy.NonFiniteException;
import dev.forkpoint.policy.TokenScores;
import dev.forkpoint.policy.TrainingSequence;
import dev.forkpoint.policy.sampling.Seeds;
import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.proto.learner.v1.EvaluationSpec;
import dev.forkpoint.proto.learner.v1.ReinforcementSpec;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.service.telemetry.StepTrace;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * The loop of reinforcement learning with verifiable rewards, in the order of the method: sample,
 * verify, score; assemble the whole step; select; update; publish.
 *
 * <p>With {@code max_staleness} 1 the next step is sampled and scored while this one is learned:
 * step n + 1 always comes from the policy that step n started with, so a run stays a function of
 * its specification. Otherwise sampling waits for learning (strictly on-policy). No part of a step
 * is ever dropped to save time.
 */
final class ReinforcementRun {

    private final RunContext run;
    private final ReinforcementSpec spec;
    private final Objective objective;
    private final PolicyTrainer trainer;
    private final PromptSource source;
    private final Sampling sampling;
    private final Checkpoints checkpoints;
    private final RunRecords records;
    private final @Nullable PolicySnapshot reference;
    private final ExecutorService background =
            Executors.newSingleThreadExecutor(
                    task -> {
                        Thread thread = new Thread(task, "sampling-ahead");
                        thread.setDaemon(true);
                        return thread;
                    });
    private RunProgress progress;
    private PolicySnapshot policy;
    private @Nullable Future<Collected> ahead;

    /**
     * @param reference frozen policy of KL terms; null: there are none
     * @param progress where to go on
     * @param policy snapshot of the trainer's weights
     */
    ReinforcementRun(
            RunContext run,
            Objective objective,
            PolicyTrainer trainer,
            PromptSource source,
            Sampling sampling,
            Checkpoints checkpoints,
            RunRecords records,
            @Nullable PolicySnapshot reference,
            RunProgress progress,
            PolicySnapshot policy) {
        this.run = run;
        this.spec = run.spec.getReinforcement();
        this.objective = objective;
        this.trainer = trainer;
        this.source = source;
        this.sampling = sampling;
        this.checkpoints = checkpoints;
        this.records = records;
        this.reference = reference;
        this.progress = progress;
        this.policy = policy;
    }

    /** Evaluates, trains to the end, evaluates. A wish to stop leaves a checkpoint. */
    void run() throws IOException {
        serve();
        try {
            if (progress.step() == 0) {
                checkpoints.save(trainer, progress);
            }
            if (run.spec.hasEvaluation() && records.evaluation(0).isEmpty()) {
                evaluate(0, run.spec.getEvaluation().getProblems());
            }
            while (!finished()) {
                step(progress.step() + 1);
                int every = run.spec.getEvaluation().getEverySteps();
                if (every > 0 && progress.step() % every == 0 && !finished()) {
                    evaluate(progress.step(), run.spec.getEvaluation().getProblemsDuring());
                }
            }
            checkpoints.save(trainer, progress);
            if (run.spec.hasEvaluation() && records.evaluation(progress.step()).isEmpty()) {
                evaluate(progress.step(), run.spec.getEvaluation().getProblems());
            }
        } catch (RunStoppedException e) {
            // a step is abandoned before its first update, so the trainer stands after the last one
            checkpoints.save(trainer, progress);
            throw e;
        } finally {
            background.shutdownNow();
        }
        records.summarise(progress, policy);
    }

    private boolean finished() {
        boolean stepsDone = spec.getSteps() > 0 && progress.step() >= spec.getSteps();
        boolean timeOver =
                spec.getMaxSeconds() > 0 && progress.trainingSeconds() >= spec.getMaxSeconds();
        return stepsDone || timeOver;
    }

    private void serve() {
        if (reference != null) {
            run.entropies.serveReference(reference);
        }
        serve(policy);
    }

    private void serve(PolicySnapshot version) {
        run.rollouts.serve(version);
        run.entropies.serve(version);
    }

    private void evaluate(int step, int problems) {
        EvaluationSpec e = run.spec.getEvaluation();
        PromptSource from = records.evaluationSource(source);
        Evaluator.Evaluation result =
                new Evaluator(sampling, run)
                        .evaluate(
                                step,
                                from.heldOut(e.getSeed(), problems),
                                e.getSamples(),
                                e.getSeed(),
                                policy);
        records.evaluated(result);
    }

    private void step(int number) throws IOException {
        try (StepTrace trace = StepTrace.begin(run.telemetry, run.runId, number, "sample")) {
            try {
                step(number, trace);
            } catch (IOException | RuntimeException e) {
                trace.failed(e);
                throw e;
            }
        }
    }

    /** One round of the loop. */
    private void step(int number, StepTrace trace) throws IOException {
        StepClock clock = new StepClock();
        Collected collected = collected(number);
        ahead = null;
        if (spec.getMaxStaleness() > 0 && number != spec.getSteps()) {
            PolicySnapshot sampler = policy;
            ahead = background.submit(() -> collect(number + 1, sampler, collected.nextProblem()));
        }
        clock.sampled();
        trace.phase("update");
        StepAssembly assembly = StepAssembly.of(number, collected.groups(), objective);
        MetricsOfStep metrics =
                new MetricsOfStep(
                        collected.sampled(),
                        assembly,
                        collected.policyVersion(),
                        policy.getVersion() - collected.policyVersion(),
                        objective.selector().promisedFraction());
        RunProgress next = progress;
        Step step = assembly.step();
        Selection selection = null;
        if (step != null) {
            StepObjective selected = objective.over(step);
            selection = selected.selection();
            metrics.selected(selected);
            next = update(number, assembly, selected, metrics);
        }
        clock.updated();
        trace.phase("publish");
        long version = progress.policyVersion() + 1;
        trainer.publish(run.directory.policy(version));
        policy = run.snapshot(version);
        if (ahead == null) {
            serve();
        }
        clock.published();
        trace.phase("record");

        long sampled = metrics.sampledTokens();
        double seconds = progress.trainingSeconds() + clock.seconds();
        metrics.timed(clock, sampled);
        StepMetrics line = metrics.build(number);
        records.rollouts(number, RolloutRows.of(number, collected.sampled(), assembly, selection));
        long bytes = records.step(line);
        double kept = metrics.keptFraction();
        progress =
                new RunProgress(
                        number,
                        next.updates(),
                        collected.nextProblem(),
                        version,
                        bytes,
                        seconds,
                        progress.tokensGenerated() + sampled,
                        progress.tokensTrained() + metrics.keptTokens(),
                        Double.isNaN(kept)
                                ? progress.keptMin()
                                : Math.min(progress.keptMin(), kept),
                        Double.isNaN(kept)
                                ? progress.keptMax()
                                : Math.max(progress.keptMax(), kept),
                        progress.keptSum() + (Double.isNaN(kept) ? 0 : kept),
                        progress.keptSteps() + (Double.isNaN(kept) ? 0 : 1),
                        next.control());
        run.events.add(WatchRunResponse.newBuilder().setStep(line));
        if (number % run.spec.getCheckpoint().getEverySteps() == 0) {
            checkpoints.save(trainer, progress);
            records.forget(number, version);
        }
        if (ahead != null) {
            result(ahead); // what is still being sampled needs the version that is served now
            serve();
        }
    }

    /** The step's responses: sampled ahead, or now by the policy they are due from. */
    private Collected collected(int number) throws IOException {
        if (ahead != null) {
            return result(ahead);
        }
        PolicySnapshot sampler = policy;
        if (spec.getMaxStaleness() > 0 && number > 1) {
            // resumed: what the interrupted process sampled ahead
            sampler = run.snapshot(policy.getVersion() - 1);
            serve(sampler);
        }
        Collected collected = collect(number, sampler, progress.nextProblem());
        if (sampler != policy) {
            serve(policy);
        }
        return collected;
    }

    private static Collected result(Future<Collected> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunStoppedException();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r
                    ? r
                    : new IllegalStateException("sampling ahead failed", e.getCause());
        }
    }

    /**
     * @param sampled every group of the step
     * @param groups of these, the ones that the planner accepts
     * @param nextProblem index of the first problem not used
     * @param policyVersion what sampled
     */
    private record Collected(
            List<List<Episode>> sampled,
            List<List<Episode>> groups,
            long nextProblem,
            long policyVersion) {}

    /** A prompt of the step with its responses so far. */
    private record Prompt(Problem problem, long index, List<Episode> episodes) {
        RolloutPlanner.Prompt planned() {
            return new RolloutPlanner.Prompt(
                    index,
                    episodes.size(),
                    (int) episodes.stream().filter(Episode::correct).count());
        }
    }

    private Collected collect(int number, PolicySnapshot sampler, long firstProblem)
            throws IOException {
        try (StepJournal journal = new StepJournal(run.directory.journal(number))) {
            return collect(number, sampler, firstProblem, journal);
        }
    }

    /** Sample, verify and score, in as many rounds as the planner wants. */
    private Collected collect(
            int number, PolicySnapshot sampler, long firstProblem, StepJournal journal) {
        RolloutPlanner planner = ObjectiveFactory.planner(spec.getPlanner());
        List<Prompt> prompts = new ArrayList<>();
        long next = firstProblem;
        for (int round = 0; ; round++) {
            RolloutPlanner.Request request =
                    planner.next(
                            new RolloutPlanner.State(
                                    round,
                                    spec.getPromptsPerStep(),
                                    spec.getGroupSize(),
                                    prompts.stream().map(Prompt::planned).toList()));
            if (request.isNothing()) {
                break;
            }
            List<Problem> problems =
                    request.newPrompts() == 0
                            ? List.of()
                            : source.train(next, request.newPrompts());
            for (Problem problem : problems) {
                prompts.add(new Prompt(problem, next++, new ArrayList<>()));
            }
            List<Prompt> owners = new ArrayList<>();
            List<CompletableFuture<Episode>> futures = new ArrayList<>();
            for (Prompt p : prompts) {
                int have = p.episodes().size();
                int more =
                        have == 0
                                ? request.responsesEach()
                                : request.moreResponses().getOrDefault(p.index(), 0);
                for (int sample = have; sample < have + more; sample++) {
                    owners.add(p);
                    futures.add(ask(p.problem(), p.index(), sample, sampler, journal));
                }
            }
            List<Episode> episodes = run.await("sample", number, futures);
            for (int i = 0; i < episodes.size(); i++) {
                owners.get(i).episodes().add(episodes.get(i));
            }
        }
        return new Collected(
                prompts.stream().map(Prompt::episodes).toList(),
                prompts.stream()
                        .filter(p -> planner.accepts(p.planned(), spec.getGroupSize()))
                        .map(Prompt::episodes)
                        .toList(),
                next,
                sampler.getVersion());
    }

    private CompletableFuture<Episode> ask(
            Problem problem, long index, int sample, PolicySnapshot sampler, StepJournal journal) {
        long seed = RunSpecs.rolloutSeed(run.spec.getSeed(), index, sample);
        return sampling.sample(
                "p" + index + "-" + sample,
                problem,
                index,
                sample,
                seed,
                sampler,
                new Sampling.Wanted(id -> scored(seed), reference),
                journal);
    }

    /** All responses are scored again, or with source ROLLOUT a share chosen by their seeds. */
    private boolean scored(long seed) {
        return objective.entropySource() != EntropySource.ROLLOUT
                || (Seeds.derive(seed, 0, 4) >>> 11) * 0x1p-53 < spec.getRescoreShare();
    }

    /** The step's updates; returns progress with counters and control moved on. */
    private RunProgress update(
            int number, StepAssembly assembly, StepObjective selected, MetricsOfStep metrics) {
        int updates =
                spec.hasUpdatesPerStep()
                        ? spec.getUpdatesPerStep()
                        : Updates.count(selected.step().responses(), spec.getResponsesPerUpdate());
        List<int[]> parts =
                Updates.of(selected.step(), updates, spec.getPassesPerStep(), run.spec.getSeed());
        RunProgress p = progress;
        for (int i = 0; i < parts.size(); i++) {
            run.progress("update", number, i, parts.size());
            p = updateOnce(number, assembly, selected, parts.get(i), p, metrics);
        }
        return p;
    }

    private RunProgress updateOnce(
            int number,
            StepAssembly assembly,
            StepObjective selected,
            int[] responses,
            RunProgress p,
            MetricsOfStep metrics) {
        double temperature = spec.getSampling().getTemperature();
        CurrentScores current =
                objective.needsCurrentScores()
                        ? currentScores(assembly, responses, temperature)
                        : null;
        UpdateObjective update = selected.update(responses, current, p.control());
        if (current != null && objective.selector().promisedFraction().isPresent()) {
            metrics.overlapsCurrent(
                    SourceOverlap.of(
                            selected.entropies(update.responses()),
                            current.entropy(),
                            objective.selector().promisedFraction().getAsDouble()));
        }
        List<TrainingSequence> sequences = new ArrayList<>();
        List<Integer> responseOf = new ArrayList<>();
        for (int response : update.responses()) {
            int[] positions = update.positions(response);
            if (positions.length > 0) {
                sequences.add(sequence(assembly.episodes().get(response), positions));
                responseOf.add(response);
            }
        }
        ResponseLoss[] losses = new ResponseLoss[sequences.size()];
        long count = p.updates() + 1;
        double share =
                spec.getSteps() == 0
                        ? 0
                        : Math.min(1, (number - 1.0) / Math.max(1, spec.getSteps()));
        double rate = LearningRate.at(run.spec.getOptimizer(), count, share);
        try {
            trainer.accumulate(
                    sequences,
                    temperature,
                    (i, logProb, entropy, byLogProb, byEntropy) -> {
                        ResponseLoss loss =
                                update.evaluate(
                                        responseOf.get(i),
                                        doubles(logProb),
                                        objective.needsEntropy() ? doubles(entropy) : null);
                        losses[i] = loss;
                        double[] entropyGradient = loss.byEntropy();
                        for (int t = 0; t < byLogProb.length; t++) {
                            byLogProb[t] = (float) loss.byLogProb()[t];
                            byEntropy[t] = entropyGradient == null ? 0 : (float) entropyGradient[t];
                        }
                    });
            GradientStatistics gradient = trainer.gradient();
            trainer.apply(LearningRate.adamW(run.spec.getOptimizer(), rate));
            UpdateStatistics statistics = update.statistics(List.of(losses));
            metrics.updated(statistics, gradient, rate);
            return withUpdate(p, count, statistics);
        } catch (NonFiniteException | dev.forkpoint.learner.objective.NonFiniteException e) {
            trainer.discard();
            metrics.skipped();
            run.warn("step " + number + ": update skipped: " + e.getMessage());
            if (metrics.skippedUpdates() > 3) {
                throw new IllegalStateException(
                        "step "
                                + number
                                + ": more than 3 updates were not finite; last: "
                                + e.getMessage(),
                        e);
            }
            return p;
        }
    }

    private RunProgress withUpdate(RunProgress p, long updates, UpdateStatistics statistics) {
        return new RunProgress(
                p.step(),
                updates,
                p.nextProblem(),
                p.policyVersion(),
                p.metricsBytes(),
                p.trainingSeconds(),
                p.tokensGenerated(),
                p.tokensTrained(),
                p.keptMin(),
                p.keptMax(),
                p.keptSum(),
                p.keptSteps(),
                objective.nextControl(p.control(), statistics));
    }

    /** The policy as it is now, on all tokens of the update. */
    private CurrentScores currentScores(
            StepAssembly assembly, int[] responses, double temperature) {
        int[] sorted = responses.clone();
        java.util.Arrays.sort(sorted);
        List<int[]> sequences = new ArrayList<>();
        int[] first = new int[sorted.length];
        for (int i = 0; i < sorted.length; i++) {
            Episode e = assembly.episodes().get(sorted[i]);
            sequences.add(ids(e));
            first[i] = e.rollout().getPromptIdsCount();
        }
        List<TokenScores> scores = trainer.score(sequences, first, temperature);
        int tokens = 0;
        for (int response : sorted) {
            tokens += assembly.episodes().get(response).length();
        }
        float[] logProb = new float[tokens];
        float[] entropy = new float[tokens];
        float[] collision = new float[tokens];
        int at = 0;
        for (int i = 0; i < sorted.length; i++) {
            Episode e = assembly.episodes().get(sorted[i]);
            int from = e.rollout().getPromptIdsCount();
            System.arraycopy(scores.get(i).logProb(), from, logProb, at, e.length());
            System.arraycopy(scores.get(i).entropy(), from, entropy, at, e.length());
            System.arraycopy(scores.get(i).collisionProbability(), from, collision, at, e.length());
            at += e.length();
        }
        return new CurrentScores(logProb, entropy, collision);
    }

    private static int[] ids(Episode e) {
        return Ints.concat(
                Ints.toArray(e.rollout().getPromptIdsList()),
                Ints.toArray(e.rollout().getTokenIdsList()));
    }

    private static TrainingSequence sequence(Episode e, int[] positions) {
        int prompt = e.rollout().getPromptIdsCount();
        int[] at = new int[positions.length];
        for (int i = 0; i < at.length; i++) {
            at[i] = prompt + positions[i];
        }
        return new TrainingSequence(ids(e), prompt, at);
    }

    private static double[] doubles(float[] values) {
        double[] out = new double[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = values[i];
        }
        return out;
    }
}
