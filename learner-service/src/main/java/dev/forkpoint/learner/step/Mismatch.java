package dev.forkpoint.learner.step;

/**
 * How far two measurements of the same tokens' log-probs lie apart: those of the engine that
 * sampled and those that the learner takes for the old policy's. d = ln π_old − ln π_rollout.
 *
 * @param tokens measured by both
 * @param meanAbs mean |d|, nats
 * @param maxAbs largest |d|, nats
 * @param k1 mean −d: estimate of KL(π_rollout‖π_old), nats, of either sign
 * @param k3 mean e^d − 1 − d: the same, never negative
 * @param effectiveSampleShare (Σ w)² / (n Σ w²), w = e^d: what share of the tokens an
 *     importance-weighted mean is worth
 */
public record Mismatch(
        long tokens,
        double meanAbs,
        double maxAbs,
        double k1,
        double k3,
        double effectiveSampleShare) {

    /** Collects tokens. Not thread-safe. */
    public static final class Collector {
        private long tokens;
        private double sumAbs;
        private double maxAbs;
        private double sumK1;
        private double sumK3;
        private double weights;
        private double squares;

        /** Adds a token. */
        public void add(double oldLogProb, double rolloutLogProb) {
            double d = oldLogProb - rolloutLogProb;
            tokens++;
            sumAbs += Math.abs(d);
            maxAbs = Math.max(maxAbs, Math.abs(d));
            sumK1 += rolloutLogProb - oldLogProb;
            sumK3 += Math.expm1(d) - d;
            weights += Math.exp(d);
            squares += Math.exp(2 * d);
        }

        /** What was collected; of no tokens the share is 1 and everything else 0. */
        public Mismatch mismatch() {
            return tokens == 0
                    ? new Mismatch(0, 0, 0, 0, 0, 1)
                    : new Mismatch(
                            tokens,
                            sumAbs / tokens,
                            maxAbs,
                            sumK1 / tokens,
                            sumK3 / tokens,
                            weights * weights / (tokens * squares));
        }
    }
}
