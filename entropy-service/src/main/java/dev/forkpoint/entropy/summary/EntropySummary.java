package dev.forkpoint.entropy.summary;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.util.Arrays;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * Exact statistics of a set of entropies.
 *
 * @param count number of values
 * @param mean nats
 * @param selection the top ρ; null when no share was asked for
 * @param keptEntropyShare share of Σ H that the kept tokens hold
 * @param percentileValues nats, linear interpolation
 * @param histogramCounts [bounds + 1]
 * @param shareBelowHundredth share of values below 10⁻² nats
 */
public record EntropySummary(
        int count,
        double mean,
        @Nullable Selection selection,
        double keptEntropyShare,
        double[] percentileValues,
        long[] histogramCounts,
        double shareBelowHundredth) {

    /** 0, 5, …, 100. */
    public static double[] defaultPercentiles() {
        double[] p = new double[21];
        for (int i = 0; i < p.length; i++) {
            p[i] = 5 * i;
        }
        return p;
    }

    /** 24 logarithmic bins between 10⁻⁶ and 10 nats. */
    public static double[] defaultBounds() {
        double[] b = new double[25];
        for (int i = 0; i < b.length; i++) {
            b[i] = Math.pow(10, -6 + 7.0 * i / 24);
        }
        return b;
    }

    /**
     * @param values nats, [N], finite, at least one
     * @param keepFraction ρ in (0, 1]; empty: no selection
     * @param percentiles in [0, 100]
     * @param bounds ascending
     * @throws IllegalArgumentException naming the first value that is not finite
     */
    public static EntropySummary of(
            float[] values, OptionalDouble keepFraction, double[] percentiles, double[] bounds) {
        if (values.length == 0) {
            throw new IllegalArgumentException("entropies: none (expected: at least one)");
        }
        double sum = 0;
        int below = 0;
        long[] counts = new long[bounds.length + 1];
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new IllegalArgumentException(
                        "entropies[" + i + "]: " + values[i] + " (expected: finite)");
            }
            sum += values[i];
            below += values[i] < 1e-2 ? 1 : 0;
            int at = Arrays.binarySearch(bounds, values[i]);
            counts[at >= 0 ? at + 1 : -at - 1]++;
        }
        Selection selection = null;
        double kept = 0;
        if (keepFraction.isPresent()) {
            selection = TopSelection.select(values, keepFraction.getAsDouble());
            for (int i = 0; i < values.length; i++) {
                kept += selection.kept()[i] ? values[i] : 0;
            }
        }
        float[] sorted = values.clone();
        Arrays.sort(sorted);
        double[] at = new double[percentiles.length];
        for (int i = 0; i < at.length; i++) {
            double rank = percentiles[i] / 100 * (sorted.length - 1);
            int low = (int) Math.floor(rank);
            int high = Math.min(low + 1, sorted.length - 1);
            at[i] = sorted[low] + (rank - low) * ((double) sorted[high] - sorted[low]);
        }
        return new EntropySummary(
                values.length,
                sum / values.length,
                selection,
                sum > 0 ? kept / sum : 0,
                at,
                counts,
                (double) below / values.length);
    }
}
