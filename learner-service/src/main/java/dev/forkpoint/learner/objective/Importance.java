package dev.forkpoint.learner.objective;

import java.util.Arrays;

/** Importance ratios between the learner's old policy and the engine that sampled. */
final class Importance {
    private Importance() {}

    /** π_old / π_rollout of each token, or of the whole response repeated for each token; [T]. */
    static double[] ratios(Step step, int response, boolean sequenceLevel) {
        float[] rollout = step.rolloutLogProb();
        if (rollout == null) {
            throw new IllegalArgumentException(
                    "rolloutLogProb: none reported (expected: one value a token, for importance weights)");
        }
        int from = step.offset()[response];
        double[] ratio = new double[step.length(response)];
        double sum = 0;
        for (int t = 0; t < ratio.length; t++) {
            double logRatio = (double) step.oldLogProb()[from + t] - rollout[from + t];
            sum += logRatio;
            ratio[t] = Math.exp(logRatio);
        }
        if (sequenceLevel) {
            Arrays.fill(ratio, Math.exp(sum));
        }
        return ratio;
    }
}
