package dev.forkpoint.learner.objective;

/**
 * What happened at the trained tokens of a response or of an update.
 *
 * @param tokens tokens with a weight other than 0
 * @param boundLow of these, where the lower bound of the ratio was active
 * @param boundHigh of these, where the upper bound was active
 * @param smallestRatio +∞ without tokens
 * @param largestRatio −∞ without tokens
 * @param sumK1 Σ (oldLogProb − logProb): k1 estimate of KL(π_old‖π), nats, times tokens
 * @param sumK3 Σ (r − 1 − ln r): k3 estimate of the same, nats, times tokens
 */
public record TokenStatistics(
        long tokens,
        long boundLow,
        long boundHigh,
        double smallestRatio,
        double largestRatio,
        double sumK1,
        double sumK3) {
    public static final TokenStatistics NONE =
            new TokenStatistics(0, 0, 0, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 0, 0);

    /** Statistics of both; callers add in a fixed order, since sums of doubles round. */
    public TokenStatistics plus(TokenStatistics other) {
        return new TokenStatistics(
                tokens + other.tokens,
                boundLow + other.boundLow,
                boundHigh + other.boundHigh,
                Math.min(smallestRatio, other.smallestRatio),
                Math.max(largestRatio, other.largestRatio),
                sumK1 + other.sumK1,
                sumK3 + other.sumK3);
    }
}
