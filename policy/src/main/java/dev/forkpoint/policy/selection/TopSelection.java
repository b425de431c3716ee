package dev.forkpoint.policy.selection;

import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * Exact selection of a share ρ of n values: exactly ⌈ρ·n⌉ are kept. ρ is read as the decimal it is
 * written as, so 0.1 of 30 is 3 whatever binary floating point says. Ties at the threshold are kept
 * in the order of the array. O(n), no boxing.
 */
public final class TopSelection {

    private TopSelection() {}

    /**
     * Keeps the greatest values.
     *
     * @param values [n], none NaN
     * @param rho share kept, in (0, 1]
     * @throws IllegalArgumentException if rho lies outside, or a value is NaN (names the first
     *     index)
     */
    public static Selection select(float[] values, double rho) {
        return exactly(values, count(values.length, rho), true);
    }

    /** Keeps the least values; otherwise as {@link #select}. */
    public static Selection bottom(float[] values, double rho) {
        return exactly(values, count(values.length, rho), false);
    }

    /**
     * Keeps the greatest values; ties and errors as in {@link #select}.
     *
     * @param count how many to keep, 0 to n
     */
    public static Selection greatest(float[] values, int count) {
        if (count < 0 || count > values.length) {
            throw new IllegalArgumentException(
                    "count: " + count + " (expected: 0 to " + values.length + ")");
        }
        return exactly(values, count, true);
    }

    /** ⌈ρ·n⌉ with ρ as the decimal it is written as. */
    public static int count(int n, double rho) {
        if (!(rho > 0 && rho <= 1)) {
            throw new IllegalArgumentException("rho: " + rho + " (expected: above 0, at most 1)");
        }
        return BigDecimal.valueOf(rho)
                .multiply(BigDecimal.valueOf(n))
                .setScale(0, RoundingMode.CEILING)
                .intValueExact();
    }

    private static Selection exactly(float[] values, int count, boolean top) {
        int n = values.length;
        int[] keys = new int[n];
        for (int i = 0; i < n; i++) {
            if (Float.isNaN(values[i])) {
                throw new IllegalArgumentException("values[" + i + "]: NaN (expected: a number)");
            }
            keys[i] = key(values[i], top);
        }
        boolean[] kept = new boolean[n];
        if (count == 0) {
            return new Selection(kept, Float.NaN, 0);
        }
        int least = kthGreatest(keys.clone(), count);
        int ties = count;
        for (int key : keys) {
            ties -= key > least ? 1 : 0;
        }
        float threshold = Float.NaN;
        for (int i = 0; i < n; i++) {
            boolean tie = keys[i] == least && ties > 0;
            kept[i] = keys[i] > least || tie;
            if (tie) {
                ties--;
                threshold = values[i];
            }
        }
        return new Selection(kept, threshold, count);
    }

    /**
     * Integers in the order of the floats (reversed for the bottom); 0.0 and −0.0 are one value, as
     * they compare.
     */
    private static int key(float value, boolean top) {
        int bits = Float.floatToIntBits(value + 0.0f);
        int ascending = bits ^ ((bits >> 31) & 0x7fffffff);
        return top ? ascending : ~ascending;
    }

    /**
     * Radix selection over the bytes from the highest: four passes whatever the values, where
     * quickselect can be made quadratic.
     */
    private static int kthGreatest(int[] keys, int k) {
        int prefix = 0;
        int left = k;
        int n = keys.length;
        int[] histogram = new int[256];
        for (int shift = 24; shift >= 0; shift -= 8) {
            java.util.Arrays.fill(histogram, 0);
            int flip = shift == 24 ? 0x80 : 0;
            for (int i = 0; i < n; i++) {
                histogram[((keys[i] >>> shift) & 0xff) ^ flip]++;
            }
            int bucket = 255;
            while (left > histogram[bucket]) {
                left -= histogram[bucket--];
            }
            int digit = bucket ^ flip;
            prefix |= digit << shift;
            int kept = 0;
            for (int i = 0; i < n; i++) {
                if (((keys[i] >>> shift) & 0xff) == digit) {
                    keys[kept++] = keys[i];
                }
            }
            n = kept;
        }
        return prefix;
    }
}
