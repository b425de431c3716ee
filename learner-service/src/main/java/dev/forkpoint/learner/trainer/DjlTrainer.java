package dev.forkpoint.learner.trainer;

import dev.forkpoint.policy.AdamW;
import dev.forkpoint.policy.GradientStatistics;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.Scorer;
import dev.forkpoint.policy.ScorerOptions;
import dev.forkpoint.policy.SparseObjective;
import dev.forkpoint.policy.TokenScores;
import dev.forkpoint.policy.Trainer;
import dev.forkpoint.policy.TrainerOptions;
import dev.forkpoint.policy.TrainingSequence;
import dev.forkpoint.policy.UpdateStatistics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The policy library's trainer, in this process. Owns the policy. */
public final class DjlTrainer implements PolicyTrainer {

    private final Policy policy;
    private final Trainer trainer;

    public DjlTrainer(Policy policy, TrainerOptions options) {
        this.policy = policy;
        trainer = new Trainer(policy, options);
    }

    public Policy policy() {
        return policy;
    }

    /** Parameters that train. */
    public long trainableParameters() {
        return trainer.trainableParameters();
    }

    @Override
    public List<TokenScores> score(List<int[]> sequences, int[] first, double temperature) {
        try (Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            return scorer.score(sequences, first, temperature);
        }
    }

    @Override
    public void accumulate(
            List<TrainingSequence> sequences, double temperature, SparseObjective objective) {
        trainer.accumulate(sequences, temperature, objective);
    }

    @Override
    public GradientStatistics gradient() {
        return trainer.gradientStatistics();
    }

    @Override
    public UpdateStatistics apply(AdamW settings) {
        return trainer.apply(settings);
    }

    @Override
    public void discard() {
        trainer.discardGradient();
    }

    @Override
    public void publish(Path directory) throws IOException {
        // float32 whatever the base came in: small updates would vanish in bfloat16
        trainer.publish(directory, "float32");
    }

    @Override
    public void save(Path file) throws IOException {
        trainer.saveState(file);
    }

    @Override
    public void restore(Path file) throws IOException {
        trainer.restoreState(file);
    }

    @Override
    public void close() {
        trainer.close();
        policy.close();
    }
}
