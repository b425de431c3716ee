package dev.forkpoint.lab.statistics;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.apache.commons.statistics.distribution.BinomialDistribution;
import org.apache.commons.statistics.distribution.TDistribution;

/** Two-sided tests of two policies or methods on the same problems or seeds. */
public final class PairedTests {

    private static final int MOST_EXACT = 20;
    private static final int DRAWS = 100_000;

    private PairedTests() {}

    /**
     * McNemar's exact test of one answer a problem: p = 2 · P(Binomial(b + c, ½) ≤ min(b, c)), at
     * most 1.
     *
     * @param onlyFirst b, problems that only the first policy solved
     * @param onlySecond c, problems that only the second solved
     */
    public static double mcNemar(int onlyFirst, int onlySecond) {
        int n = onlyFirst + onlySecond;
        if (n == 0) {
            return 1;
        }
        return Math.min(
                1,
                2
                        * BinomialDistribution.of(n, 0.5)
                                .cumulativeProbability(Math.min(onlyFirst, onlySecond)));
    }

    /**
     * Sign-flip permutation test of a mean difference of zero: under the null hypothesis each
     * pair's difference is as likely to have the other sign. All 2ⁿ sign patterns up to n = 20,
     * else 100,000 random ones (the pattern seen counts as one of them).
     *
     * @param differences [pairs], at least one
     */
    public static double signFlip(double[] differences, long seed) {
        requirePairs(differences, 1);
        double observed = Math.abs(Arrays.stream(differences).sum());
        // sums of the same numbers in another order may differ in the last bits
        double slack = 1e-12 * Arrays.stream(differences).map(Math::abs).sum();
        int n = differences.length;
        if (n <= MOST_EXACT) {
            int extreme = 0;
            for (int pattern = 0; pattern < 1 << n; pattern++) {
                double sum = 0;
                for (int i = 0; i < n; i++) {
                    sum += (pattern >> i & 1) == 0 ? differences[i] : -differences[i];
                }
                extreme += Math.abs(sum) >= observed - slack ? 1 : 0;
            }
            return (double) extreme / (1 << n);
        }
        SplittableRandom random = new SplittableRandom(seed);
        int extreme = 0;
        for (int draw = 0; draw < DRAWS; draw++) {
            double sum = 0;
            long bits = 0;
            for (int i = 0; i < n; i++) {
                if (i % 64 == 0) {
                    bits = random.nextLong();
                }
                sum += (bits & 1) == 0 ? differences[i] : -differences[i];
                bits >>>= 1;
            }
            extreme += Math.abs(sum) >= observed - slack ? 1 : 0;
        }
        return (extreme + 1.0) / (DRAWS + 1.0);
    }

    /** The smallest p that {@link #signFlip} can give for so many pairs: 2 / 2ⁿ. */
    public static double smallestSignFlip(int pairs) {
        return pairs <= MOST_EXACT ? Math.min(1, Math.pow(2, 1 - pairs)) : 1.0 / (DRAWS + 1.0);
    }

    /**
     * Student's paired t-test of a mean difference of zero; assumes that differences are normal,
     * which a handful of seeds can neither show nor deny.
     *
     * @param differences [pairs], at least two
     * @return p; 1 where all differences are zero, 0 where they are equal and not zero
     */
    public static double student(double[] differences) {
        requirePairs(differences, 2);
        double mean = mean(differences);
        double error = standardError(differences);
        if (error == 0) {
            return mean == 0 ? 1 : 0;
        }
        TDistribution t = TDistribution.of(differences.length - 1);
        return Math.min(1, 2 * t.survivalProbability(Math.abs(mean / error)));
    }

    /**
     * 95 % interval of a mean by Student's t: mean ± t₀.₉₇₅(n − 1) · s / √n.
     *
     * @param values [n], at least two, such as one a seed
     */
    public static Interval studentInterval(double[] values) {
        requirePairs(values, 2);
        double half =
                TDistribution.of(values.length - 1).inverseCumulativeProbability(0.975)
                        * standardError(values);
        double mean = mean(values);
        return new Interval(mean, mean - half, mean + half);
    }

    /**
     * Holm's correction (1979): with p sorted ascending, the i-th of m becomes the largest so far
     * of min(1, (m − i + 1) · p_i). Keeps the chance of any false finding among them.
     *
     * @param p [tests]; NaN is no test and stays
     * @return [tests], in the given order
     */
    public static double[] holm(double[] p) {
        Integer[] order = new Integer[p.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Double.compare(p[a], p[b])); // NaN last
        int tests = (int) Arrays.stream(p).filter(v -> !Double.isNaN(v)).count();
        double[] adjusted = new double[p.length];
        double largest = 0;
        for (int i = 0; i < p.length; i++) {
            double value = p[order[i]];
            if (Double.isNaN(value)) {
                adjusted[order[i]] = Double.NaN;
            } else {
                largest = Math.max(largest, Math.min(1, (tests - i) * value));
                adjusted[order[i]] = largest;
            }
        }
        return adjusted;
    }

    private static void requirePairs(double[] values, int least) {
        if (values.length < least) {
            throw new IllegalArgumentException(
                    "pairs: " + values.length + " (expected: at least " + least + ")");
        }
    }

    private static double mean(double[] values) {
        return Arrays.stream(values).sum() / values.length;
    }

    private static double standardError(double[] values) {
        double mean = mean(values);
        double squares = 0;
        for (double v : values) {
            squares += (v - mean) * (v - mean);
        }
        return Math.sqrt(squares / (values.length - 1) / values.length);
    }
}
