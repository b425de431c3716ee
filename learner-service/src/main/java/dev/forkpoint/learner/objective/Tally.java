package dev.forkpoint.learner.objective;

/**
 * Collects what happened at trained tokens; one for each response, so that the order of responses
 * cannot matter.
 */
final class Tally {
    private int tokens;
    private int boundLow;
    private int boundHigh;
    private double smallestRatio = Double.POSITIVE_INFINITY;
    private double largestRatio = Double.NEGATIVE_INFINITY;
    private double sumLogRatio;
    private double sumK3;

    /**
     * Counts a token that is trained on.
     *
     * @param logRatio logProb − oldLogProb of the token, nats
     * @param ratio what the surrogate saw
     */
    void add(double logRatio, double ratio, Surrogate.Bound bound) {
        tokens++;
        if (bound == Surrogate.Bound.LOW) {
            boundLow++;
        } else if (bound == Surrogate.Bound.HIGH) {
            boundHigh++;
        }
        smallestRatio = Math.min(smallestRatio, ratio);
        largestRatio = Math.max(largestRatio, ratio);
        sumLogRatio += logRatio;
        sumK3 += Math.expm1(logRatio) - logRatio;
    }

    TokenStatistics statistics() {
        return new TokenStatistics(
                tokens, boundLow, boundHigh, smallestRatio, largestRatio, -sumLogRatio, sumK3);
    }
}
