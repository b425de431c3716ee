package dev.forkpoint.learner.objective;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;

/** Exact counts and exact top-k with ties broken by order. */
final class Ranking {
    private Ranking() {}

    /** ⌈ρ·n⌉ with ρ read as the decimal it is written as: 0.1 of 30 is 3. */
    static int count(double rho, int n) {
        return count(BigDecimal.valueOf(rho), n);
    }

    static int count(BigDecimal rho, int n) {
        return rho.multiply(BigDecimal.valueOf(n))
                .setScale(0, RoundingMode.CEILING)
                .intValueExact();
    }

    /** Exactly the ⌈ρ·n⌉ largest values; ties go to the first. */
    static Selection top(float[] values, double rho) {
        return top(values, count(rho, values.length));
    }

    static Selection top(float[] values, int count) {
        boolean[] kept = new boolean[values.length];
        if (count == 0) {
            return new Selection(kept, 0, Double.NaN);
        }
        float[] sorted = values.clone();
        Arrays.sort(sorted);
        float threshold = sorted[values.length - count];
        int above = 0;
        for (float value : values) {
            if (value > threshold) {
                above++;
            }
        }
        int ties = count - above;
        for (int t = 0; t < values.length; t++) {
            if (values[t] > threshold) {
                kept[t] = true;
            } else if (values[t] == threshold && ties > 0) {
                kept[t] = true;
                ties--;
            }
        }
        return new Selection(kept, count, threshold);
    }
}
