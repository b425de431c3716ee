package dev.forkpoint.learner.run;

import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.reward.v1.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Held-out accuracy of a policy: each problem sampled K times, rewards by the run's verifier. */
final class Evaluator {

    private final Sampling sampling;
    private final RunContext run;

    Evaluator(Sampling sampling, RunContext run) {
        this.sampling = sampling;
        this.run = run;
    }

    /**
     * @param seed of the samples; sample j of problem i is the same for every policy version
     */
    EvaluationResult evaluate(
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
        double[] perProblem = new double[problems.size()];
        long tokens = 0;
        double entropy = 0;
        for (Episode e : episodes) {
            if (e.correct()) {
                perProblem[(int) e.problemIndex()] += 1.0 / samples;
            }
            tokens += e.length();
            for (float h : e.rollout().getEntropiesList()) {
                entropy += h;
            }
        }
        double mean = 0;
        for (double p : perProblem) {
            mean += p / perProblem.length;
        }
        Bootstrap.Interval interval = Bootstrap.mean(perProblem, seed);
        return EvaluationResult.newBuilder()
                .setStep(step)
                .setAccuracy(mean)
                .setCi95Low(interval.low())
                .setCi95High(interval.high())
                .setProblems(problems.size())
                .setSamples(samples)
                .setMeanLength((double) tokens / episodes.size())
                .setMeanEntropy(tokens == 0 ? 0 : entropy / tokens)
                .setPolicyVersion(policy.getVersion())
                .build();
    }
}
