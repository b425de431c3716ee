package dev.forkpoint.learner.run;

import dev.forkpoint.learner.objective.AdaptiveEntropyBonus;

/**
 * Where a run stands between two steps: all that a resumed run must know beside the trainer's own
 * state. Everything else is a function of the specification.
 *
 * @param step steps finished
 * @param updates updates done
 * @param nextProblem index of the next problem of the data
 * @param policyVersion version published last
 * @param metricsBytes length of metrics.jsonl
 * @param trainingSeconds seconds of training, evaluations left out
 * @param tokensGenerated response tokens sampled
 * @param tokensTrained response tokens that carried gradient
 * @param keptMin least kept fraction of a step
 * @param keptMax greatest
 * @param keptSum sum over steps that kept something
 * @param keptSteps number of these
 * @param control of an adaptive entropy bonus
 */
public record RunProgress(
        int step,
        long updates,
        long nextProblem,
        long policyVersion,
        long metricsBytes,
        double trainingSeconds,
        long tokensGenerated,
        long tokensTrained,
        double keptMin,
        double keptMax,
        double keptSum,
        int keptSteps,
        AdaptiveEntropyBonus.Control control) {

    /** Before the first step. */
    static RunProgress start(AdaptiveEntropyBonus.Control control) {
        return new RunProgress(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, control);
    }
}
