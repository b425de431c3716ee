package dev.forkpoint.learner.run;

import dev.forkpoint.policy.sampling.Seeds;
import java.util.Arrays;

/** Percentile bootstrap over problems: the problem is the unit, its samples are not independent. */
public final class Bootstrap {

    private static final int RESAMPLES = 10_000;

    /**
     * @param low 2.5 % quantile of resampled means
     * @param high 97.5 % quantile
     */
    public record Interval(double low, double high) {}

    private Bootstrap() {}

    /**
     * 95 % interval of the mean over problems.
     *
     * @param perProblem [problems], at least one, such as the share of correct samples
     * @param seed of the resampling, a pure function of which the result is
     */
    public static Interval mean(double[] perProblem, long seed) {
        int n = perProblem.length;
        if (n == 0) {
            throw new IllegalArgumentException("perProblem: none (expected: at least one)");
        }
        double[] means = new double[RESAMPLES];
        java.util.SplittableRandom random =
                new java.util.SplittableRandom(Seeds.derive(seed, n, 0));
        for (int b = 0; b < RESAMPLES; b++) {
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += perProblem[random.nextInt(n)];
            }
            means[b] = sum / n;
        }
        Arrays.sort(means);
        return new Interval(quantile(means, 0.025), quantile(means, 0.975));
    }

    private static double quantile(double[] sorted, double q) {
        double rank = q * (sorted.length - 1);
        int low = (int) rank;
        int high = Math.min(low + 1, sorted.length - 1);
        return sorted[low] + (rank - low) * (sorted[high] - sorted[low]);
    }
}
