package dev.forkpoint.learner.objective;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** An update evaluated for tests: spreads derivatives over all tokens of the step. */
public record Evaluation(UpdateStatistics statistics, double[] byLogProb, double[] byEntropy) {

    /** All responses of the step in one update. */
    public static Evaluation of(
            Objective objective, Step step, double[] logProb, double[] entropy) {
        int[] all = IntStream.range(0, step.responses()).toArray();
        return of(objective, step, logProb, entropy, all, all);
    }

    /**
     * One update.
     *
     * @param update responses of the update
     * @param order the same responses in the order of evaluation
     */
    public static Evaluation of(
            Objective objective,
            Step step,
            double[] logProb,
            double[] entropy,
            int[] update,
            int[] order) {
        UpdateObjective prepared = prepare(objective, step, logProb, entropy, update);
        return of(prepared, objective, step, logProb, entropy, order);
    }

    public static UpdateObjective prepare(
            Objective objective, Step step, double[] logProb, double[] entropy, int[] update) {
        CurrentScores scores =
                objective.needsCurrentScores() ? scores(step, logProb, entropy, update) : null;
        return objective.over(step).update(update, scores, objective.startControl());
    }

    /** Evaluates a prepared update at log-probs that may have moved since. */
    public static Evaluation of(
            UpdateObjective prepared,
            Objective objective,
            Step step,
            double[] logProb,
            double[] entropy,
            int[] order) {
        double[] byLogProb = new double[step.tokens()];
        double[] byEntropy = new double[step.tokens()];
        List<ResponseLoss> parts = new ArrayList<>();
        for (int i : order) {
            int[] positions = prepared.positions(i);
            int from = step.offset()[i];
            double[] there = Arrays.stream(positions).mapToDouble(p -> logProb[from + p]).toArray();
            double @Nullable [] entropyThere =
                    objective.needsEntropy()
                            ? Arrays.stream(positions).mapToDouble(p -> entropy[from + p]).toArray()
                            : null;
            ResponseLoss part = prepared.evaluate(i, there, entropyThere);
            double[] entropyGradient = part.byEntropy();
            for (int k = 0; k < positions.length; k++) {
                byLogProb[from + positions[k]] = part.byLogProb()[k];
                byEntropy[from + positions[k]] = entropyGradient == null ? 0 : entropyGradient[k];
            }
            parts.add(part);
        }
        return new Evaluation(prepared.statistics(parts), byLogProb, byEntropy);
    }

    static CurrentScores scores(Step step, double[] logProb, double[] entropy, int[] update) {
        int[] sorted = update.clone();
        Arrays.sort(sorted);
        int tokens = Arrays.stream(sorted).map(step::length).sum();
        float[] current = new float[tokens];
        float[] currentEntropy = new float[tokens];
        float[] collision = new float[tokens];
        int next = 0;
        for (int i : sorted) {
            for (int t = step.offset()[i]; t < step.offset()[i + 1]; t++) {
                current[next] = (float) logProb[t];
                currentEntropy[next] = (float) entropy[t];
                collision[next] = 0.5f;
                next++;
            }
        }
        return new CurrentScores(current, currentEntropy, collision);
    }

    public double loss() {
        return statistics.loss();
    }
}
