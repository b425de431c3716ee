package dev.forkpoint.learner.trainer;

import dev.forkpoint.policy.AdamW;
import dev.forkpoint.policy.GradientStatistics;
import dev.forkpoint.policy.SparseObjective;
import dev.forkpoint.policy.TokenScores;
import dev.forkpoint.policy.TrainingSequence;
import dev.forkpoint.policy.UpdateStatistics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * What changes weights. Objectives see plain arrays, so that models larger than one process can be
 * trained by another engine behind the same calls. One caller at a time.
 */
public interface PolicyTrainer extends AutoCloseable {

    /**
     * Per-token scores under the weights as they are now, from the token at {@code first} of each
     * sequence on; NaN before.
     */
    List<TokenScores> score(List<int[]> sequences, int[] first, double temperature);

    /** Adds the objective's gradient over the sequences. */
    void accumulate(
            List<TrainingSequence> sequences, double temperature, SparseObjective objective);

    /** Norms of what was accumulated. */
    GradientStatistics gradient();

    /** One optimiser change with what was accumulated, which is then cleared. */
    UpdateStatistics apply(AdamW settings);

    /** Forgets what was accumulated. */
    void discard();

    /** Writes the policy as a snapshot folder, atomically; the folder must not exist. */
    void publish(Path directory) throws IOException;

    /** Writes weights, moments and counters, exact and atomic. */
    void save(Path file) throws IOException;

    /** Restores what {@link #save} wrote, bit for bit. */
    void restore(Path file) throws IOException;

    @Override
    void close();
}
