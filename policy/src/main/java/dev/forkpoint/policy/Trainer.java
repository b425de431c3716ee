package dev.forkpoint.policy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Trains a policy in place: gradients of sparse objectives gathered over micro-batches, then AdamW.
 * Not thread-safe: one caller at a time. {@link Generator}s and {@link Scorer}s made after an
 * update see the new weights; those made before must be closed first.
 */
public final class Trainer implements AutoCloseable {

    public Trainer(Policy policy, TrainerOptions options) {
        throw new UnsupportedOperationException();
    }

    /**
     * Adds the gradient of the objective over these sequences to the one gathered so far. However
     * sequences are cut into calls and micro-batches, the sum is the same to rounding (relative
     * difference ≤ 1e-5).
     *
     * @param temperature logits are divided by it, above 0; log-probs and entropies are at it
     * @throws IllegalArgumentException naming sequence and index if an id lies outside the
     *     vocabulary, or a sequence is too long
     */
    public void accumulate(
            List<TrainingSequence> sequences, double temperature, SparseObjective objective) {
        throw new UnsupportedOperationException();
    }

    /**
     * Norms of the gradient gathered so far.
     *
     * @throws NonFiniteException naming the first tensor that is not finite; the gradient stays
     */
    public GradientStatistics gradientStatistics() {
        throw new UnsupportedOperationException();
    }

    /**
     * Clips the gathered gradient, steps, and clears it.
     *
     * @throws NonFiniteException naming the first tensor that is not finite; nothing is changed and
     *     the gradient is cleared
     */
    public UpdateStatistics apply(AdamW settings) {
        throw new UnsupportedOperationException();
    }

    /** Clears the gathered gradient. */
    public void discardGradient() {}

    /** Updates done so far. */
    public long updates() {
        throw new UnsupportedOperationException();
    }

    /** Writes trained weights (exact, float32), moments and the update counter, atomically. */
    public void saveState(Path file) throws IOException {
        throw new UnsupportedOperationException();
    }

    /**
     * Restores what {@link #saveState} wrote, bit for bit, and clears the gradient.
     *
     * @throws PolicyFormatException if the file is damaged or belongs to another model
     */
    public void restoreState(Path file) throws IOException {
        throw new UnsupportedOperationException();
    }

    /**
     * Writes the policy as a Hugging Face folder (an adapter as a PEFT folder) with a manifest: all
     * of it, or nothing.
     *
     * @param directory must not exist
     * @param dtype {@code float32}, {@code bfloat16} or {@code float16}
     */
    public void publish(Path directory, String dtype) throws IOException {
        throw new UnsupportedOperationException();
    }

    /** The policy being trained. */
    public Policy policy() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
