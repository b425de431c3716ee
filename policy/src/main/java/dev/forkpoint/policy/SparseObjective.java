package dev.forkpoint.policy;

/**
 * A loss as plain numbers. Called once a sequence with all its positions, between forward and
 * backward, on worker threads (two sequences at a time where there are two workers), so it must be
 * thread-safe and a pure function of its arguments.
 */
@FunctionalInterface
public interface SparseObjective {

    /**
     * @param sequence index in the list given to {@link Trainer#accumulate}
     * @param logProb ln π of the token at each position, nats, [M]
     * @param entropy of the distribution it was drawn from, nats, [M]
     * @param dLogProb to fill: ∂loss/∂logProb, [M]; zeroed before
     * @param dEntropy to fill: ∂loss/∂entropy, [M]; zeroed before
     */
    void evaluate(
            int sequence, float[] logProb, float[] entropy, float[] dLogProb, float[] dEntropy);
}
