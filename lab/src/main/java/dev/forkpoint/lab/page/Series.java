package dev.forkpoint.lab.page;

import org.jspecify.annotations.Nullable;

/**
 * A line of a chart.
 *
 * @param name in the legend and the table's head
 * @param x [points], ascending
 * @param y [points]; NaN leaves a gap
 * @param low [points], lower edge of a band; null: no band
 * @param high [points], upper edge
 */
public record Series(
        String name, double[] x, double[] y, double @Nullable [] low, double @Nullable [] high) {

    public Series {
        if (x.length != y.length
                || (low == null) != (high == null)
                || (low != null && low.length != x.length)
                || (high != null && high.length != x.length)) {
            throw new IllegalArgumentException(
                    "series "
                            + name
                            + ": arrays of different lengths (expected: one value a point)");
        }
    }

    /** A line without a band. */
    public static Series line(String name, double[] x, double[] y) {
        return new Series(name, x, y, null, null);
    }

    /** At most {@code most} points, each the mean of as many neighbours as that takes. */
    Series thinned(int most) {
        int of = (x.length + most - 1) / most;
        if (of <= 1) {
            return this;
        }
        return new Series(
                name,
                means(x, of),
                means(y, of),
                low == null ? null : means(low, of),
                high == null ? null : means(high, of));
    }

    private static double[] means(double[] values, int of) {
        double[] out = new double[(values.length + of - 1) / of];
        for (int i = 0; i < out.length; i++) {
            double sum = 0;
            int n = 0;
            for (int j = i * of; j < Math.min(values.length, (i + 1) * of); j++) {
                if (Double.isFinite(values[j])) {
                    sum += values[j];
                    n++;
                }
            }
            out[i] = n == 0 ? Double.NaN : sum / n;
        }
        return out;
    }
}
