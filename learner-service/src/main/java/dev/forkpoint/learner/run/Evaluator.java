package dev.forkpoint.learner.run;

import dev.forkpoint.lab.statistics.Bootstrap;
import dev.forkpoint.lab.statistics.Interval;
import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.reward.v1.Problem;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Held-out accuracy of a policy: each problem sampled K times, rewards by the run's verifier. */
final class Evaluator {

    /**
     * @param correct [problems], correct samples of each
     * @param result what they say together
     */
    record Evaluation(int[] correct, EvaluationResult result) {}

    private final Sampling sampling;
    private final RunContext run;

    Evaluator(Sampling sampling, RunContext run) {
        this.sampling = sampling;
        this.run = run;
    }

    /**
     * @param seed of the samples; sample j of problem i is the same for every policy version
     */
    Evaluation evaluate(
            int step, List<Problem> problems, int samples, long seed, PolicySnapshot policy) {
        List<CompletableFuture<Episode>> futures = new ArrayList<>();
        for (int i = 0; i < problems.size(); i++) {
            for (int j = 0; j < samples; j++) {
                futures.add(
                        sampling.sample(
                                "eval-" + step + "-" + i + "-" + j,
                                problems.get(i),
                                i,
                                j,
                                RunSpecs.rolloutSeed(seed, i, j),
                                policy,
                                Sampling.Wanted.verdictOnly(),
                                null));
            }
        }
        List<Episode> episodes = run.await("evaluate", step, futures);
        int[] correct = new int[problems.size()];
        long tokens = 0;
        double entropy = 0;
        for (Episode e : episodes) {
            if (e.correct()) {
                correct[(int) e.problemIndex()]++;
            }
            tokens += e.length();
            for (float h : e.rollout().getEntropiesList()) {
                entropy += h;
            }
        }
        double[] perProblem =
                Arrays.stream(correct).mapToDouble(c -> (double) c / samples).toArray();
        Interval accuracy = Bootstrap.mean(perProblem, seed);
        return new Evaluation(
                correct,
                EvaluationResult.newBuilder()
                        .setStep(step)
                        .setAccuracy(accuracy.mean())
                        .setCi95Low(accuracy.low())
                        .setCi95High(accuracy.high())
                        .setProblems(problems.size())
                        .setSamples(samples)
                        .setMeanLength((double) tokens / episodes.size())
                        .setMeanEntropy(tokens == 0 ? 0 : entropy / tokens)
                        .setPolicyVersion(policy.getVersion())
                        .build());
    }
}
