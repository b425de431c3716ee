package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.output.JsonLines;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/** Statistics of an evaluation of several problems with several samples each. */
final class Accuracy {

    private static final int RESAMPLES = 10_000;
    private static final long BOOTSTRAP_SEED = 0x5EED;

    /**
     * One problem.
     *
     * @param samples responses to it
     * @param correct of which CORRECT
     * @param meanLength mean tokens of a response
     */
    record Problem(int samples, int correct, double meanLength) {}

    /**
     * A mean over problems with its interval.
     *
     * @param mean over problems
     * @param low 2.5th percentile of the resampled means
     * @param high 97.5th percentile
     */
    record Interval(double mean, double low, double high) {

        ObjectNode json() {
            ObjectNode node = JsonLines.object();
            node.set("mean", JsonLines.number(mean));
            node.putArray("ci95").add(low).add(high);
            return node;
        }
    }

    private Accuracy() {}

    /** avg@K: mean over problems of the share of correct responses. */
    static Interval average(List<Problem> problems) {
        return interval(problems, p -> (double) p.correct / p.samples);
    }

    /** Mean over problems of the mean response length, tokens. */
    static Interval length(List<Problem> problems) {
        return interval(problems, Problem::meanLength);
    }

    /**
     * pass@k without bias (arXiv 2107.03374, eq. 1): mean over problems of 1 − C(n−c, k) / C(n, k),
     * with n samples of which c are correct.
     */
    static Interval pass(List<Problem> problems, int k) {
        return interval(problems, p -> pass(p.samples, p.correct, k));
    }

    static double pass(int n, int c, int k) {
        if (k > n) {
            throw new IllegalArgumentException("k: " + k + " (expected: at most " + n + ")");
        }
        // C(n−c, k) / C(n, k) = Π_{i=n−c+1}^{n} (1 − k/i), without large numbers
        double none = 1;
        for (int i = n - c + 1; i <= n; i++) {
            none *= 1 - (double) k / i;
        }
        return 1 - Math.max(0, none);
    }

    /** Percentile bootstrap over problems: the samples of a problem stay together. */
    private static Interval interval(List<Problem> problems, ToDoubleFunction<Problem> value) {
        double[] values = problems.stream().mapToDouble(value).toArray();
        SplittableRandom random = new SplittableRandom(BOOTSTRAP_SEED);
        double[] means = new double[RESAMPLES];
        for (int r = 0; r < RESAMPLES; r++) {
            double sum = 0;
            for (int i = 0; i < values.length; i++) {
                sum += values[random.nextInt(values.length)];
            }
            means[r] = sum / values.length;
        }
        Arrays.sort(means);
        return new Interval(
                Arrays.stream(values).average().orElse(Double.NaN),
                means[(int) (0.025 * RESAMPLES)],
                means[(int) (0.975 * RESAMPLES) - 1]);
    }
}
