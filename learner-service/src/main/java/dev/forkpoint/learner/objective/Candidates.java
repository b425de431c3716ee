package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.sampling.Seeds;
import org.jspecify.annotations.Nullable;

/**
 * The tokens among which a selector chooses (those of a step, of an update or of one response), n
 * in number and in the step's order.
 *
 * @param step the step that they are from
 * @param responses ascending indices of the responses
 * @param offset [responses + 1] into the arrays below
 * @param oldLogProb [n], nats
 * @param logProb [n], ln π under the policy that ranks: the old log-prob, or the current one where
 *     the policy being trained has scored them, nats
 * @param entropy [n], under the same policy, nats
 * @param collisionProbability [n], under the same policy, or null where not reported
 * @param relativeWeight [responses], the normaliser's weight of a token up to a common factor
 * @param clipped [n], where the surrogate's bound is active now, or null before that is known
 */
public record Candidates(
        Step step,
        int[] responses,
        int[] offset,
        float[] oldLogProb,
        float[] logProb,
        float[] entropy,
        float @Nullable [] collisionProbability,
        double[] relativeWeight,
        boolean @Nullable [] clipped) {

    /** Number of tokens, n. */
    public int tokens() {
        return entropy.length;
    }

    /** Advantage of the i-th of {@link #responses}. */
    public double advantage(int i) {
        return step.advantage()[responses[i]];
    }

    /**
     * ‖∂ℓ_t/∂z_t‖ of every token at ratio 1, up to a factor common to all: |A| a √(1 − 2p_t + Σ_v
     * p_v²), with a the normaliser's weight. By the log-prob alone the norm is |A| a for every
     * token and says nothing.
     *
     * @return [n]
     * @throws IllegalArgumentException where no collision probability is reported
     */
    public float[] gradientNorm() {
        float[] collision = collisionProbability;
        if (collision == null) {
            throw new IllegalArgumentException(
                    "collisionProbability: none reported (expected: one value a token, for gradient norms)");
        }
        float[] norm = new float[tokens()];
        for (int i = 0; i < responses.length; i++) {
            double coefficient = Math.abs(advantage(i)) * relativeWeight[i];
            for (int t = offset[i]; t < offset[i + 1]; t++) {
                double square = 1 - 2 * Math.exp(logProb[t]) + collision[t];
                norm[t] = (float) (coefficient * Math.sqrt(Math.max(0, square)));
            }
        }
        return norm;
    }

    /**
     * A number a token, uniform over the finite floats from 0 up: a function of seed, step,
     * response and position alone, so that it does not depend on how the step is ordered or cut.
     *
     * @return [n], ranks like random draws without replacement
     */
    public float[] randomKeys(long seed) {
        float[] key = new float[tokens()];
        for (int i = 0; i < responses.length; i++) {
            long stream = Seeds.derive(seed, step.number(), step.responseKey()[responses[i]]);
            for (int t = offset[i]; t < offset[i + 1]; t++) {
                key[t] = orderedFloat(Seeds.derive(stream, t - offset[i], 0));
            }
        }
        return key;
    }

    /** Finite non-negative float, monotonic in the high bits: one of 2 139 095 040 values. */
    private static float orderedFloat(long bits) {
        long finiteFloats = 0x7f800000L;
        return Float.intBitsToFloat((int) (((bits >>> 32) * finiteFloats) >>> 32));
    }
}
