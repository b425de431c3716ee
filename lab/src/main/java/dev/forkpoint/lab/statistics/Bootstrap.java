package dev.forkpoint.lab.statistics;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Percentile bootstrap (Efron and Tibshirani 1993, chapter 13) over problems: the problem is the
 * unit, since its samples are not independent.
 */
public final class Bootstrap {

    private static final int RESAMPLES = 10_000;

    private Bootstrap() {}

    /**
     * 95 % interval of the mean over problems.
     *
     * @param perProblem [problems], at least one, such as the share of correct samples
     * @param seed of the resampling, a pure function of which the result is
     */
    public static Interval mean(double[] perProblem, long seed) {
        return mean(perProblem, seed, RESAMPLES);
    }

    static Interval mean(double[] perProblem, long seed, int resamples) {
        int n = perProblem.length;
        if (n == 0) {
            throw new IllegalArgumentException("perProblem: none (expected: at least one)");
        }
        SplittableRandom random = new SplittableRandom(seed);
        double[] means = new double[resamples];
        for (int b = 0; b < resamples; b++) {
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += perProblem[random.nextInt(n)];
            }
            means[b] = sum / n;
        }
        return interval(Arrays.stream(perProblem).sum() / n, means);
    }

    /**
     * 95 % interval of a mean over runs and problems, both drawn again: runs of different seeds
     * were evaluated on the same problems, so a resample takes some runs and, for all of them, some
     * problems. With few runs it is too narrow: three runs show little of how runs differ.
     *
     * @param values [runs][problems]
     */
    public static Interval crossed(double[][] values, long seed) {
        int runs = values.length;
        int problems = runs == 0 ? 0 : values[0].length;
        if (problems == 0) {
            throw new IllegalArgumentException("values: none (expected: at least one)");
        }
        for (double[] row : values) {
            if (row.length != problems) {
                throw new IllegalArgumentException(
                        "values: runs of %d and %d problems (expected: the same problems)"
                                .formatted(problems, row.length));
            }
        }
        SplittableRandom random = new SplittableRandom(seed);
        double[] means = new double[RESAMPLES];
        double[] ofProblem = new double[problems];
        for (int b = 0; b < RESAMPLES; b++) {
            Arrays.fill(ofProblem, 0);
            for (int r = 0; r < runs; r++) {
                double[] row = values[random.nextInt(runs)];
                for (int p = 0; p < problems; p++) {
                    ofProblem[p] += row[p];
                }
            }
            double sum = 0;
            for (int p = 0; p < problems; p++) {
                sum += ofProblem[random.nextInt(problems)];
            }
            means[b] = sum / runs / problems;
        }
        double all = Arrays.stream(values).mapToDouble(r -> Arrays.stream(r).sum()).sum();
        return interval(all / runs / problems, means);
    }

    private static Interval interval(double mean, double[] means) {
        Arrays.sort(means);
        return new Interval(mean, quantile(means, 0.025), quantile(means, 0.975));
    }

    private static double quantile(double[] sorted, double q) {
        double rank = q * (sorted.length - 1);
        int low = (int) rank;
        int high = Math.min(low + 1, sorted.length - 1);
        return sorted[low] + (rank - low) * (sorted[high] - sorted[low]);
    }
}
