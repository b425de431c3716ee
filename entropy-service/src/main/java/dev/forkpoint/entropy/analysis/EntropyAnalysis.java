package dev.forkpoint.entropy.analysis;

import dev.forkpoint.entropy.sketch.EntropySketch;
import dev.forkpoint.entropy.summary.EntropySummary;
import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Takes response after response and says what their entropies come to; analysis.proto has each
 * figure's meaning. Not thread-safe.
 */
public final class EntropyAnalysis {

    /** Tokens up to which everything is exact. */
    public static final int EXACT = 1 << 21;

    private static final int BINS = 20;

    /**
     * Values of one response's tokens, [T] each.
     *
     * @param tokenIds ids
     * @param entropy nats
     * @param base nats, of the base policy; null: none
     * @param logProb nats; null: none
     * @param collision Σ p²; null: none
     */
    public record Tokens(
            int[] tokenIds,
            float[] entropy,
            float @Nullable [] base,
            float @Nullable [] logProb,
            float @Nullable [] collision) {}

    /**
     * @param change mean of entropy − base, nats
     */
    public record Change(double fromPercentile, long count, double baseMean, double change) {}

    /** Against the base policy. */
    public record Base(double overlap, double threshold, List<Change> changes) {}

    /** Against the gradient. */
    public record Gradient(
            double correlation, double topShare, double overlap, double surprisalCorrelation) {}

    /** A row of the token table. */
    public record TokenMean(int token, long count, double mean) {}

    /**
     * All figures.
     *
     * @param table tokens seen often enough, from the lowest mean
     */
    public record Report(
            long tokens,
            long responses,
            boolean exact,
            double mean,
            double shareBelowHundredth,
            double[] percentileValues,
            long[] histogramCounts,
            double threshold,
            double topShare,
            List<TokenMean> table,
            @Nullable Base base,
            @Nullable Gradient gradient) {}

    private final double keepFraction;
    private final long minimumCount;
    private final double[] bounds = EntropySummary.defaultBounds();
    private final long[] histogram = new long[bounds.length + 1];
    private final EntropySketch sketch = new EntropySketch();
    private final TokenTable table = new TokenTable();
    private final TokenSample sample;
    private final Correlation withGradient = new Correlation();
    private final Correlation withSurprisal = new Correlation();
    private long tokens;
    private long responses;
    private long below;
    private double sum;
    private boolean hasBase;
    private boolean hasGradient;

    /**
     * @param keepFraction ρ in (0, 1]
     * @param minimumCount of a token in the table
     */
    public EntropyAnalysis(double keepFraction, long minimumCount) {
        this(keepFraction, minimumCount, EXACT);
    }

    EntropyAnalysis(double keepFraction, long minimumCount, int capacity) {
        if (!(keepFraction > 0 && keepFraction <= 1)) {
            throw new IllegalArgumentException(
                    "keep_fraction: " + keepFraction + " (expected: above 0, at most 1)");
        }
        this.keepFraction = keepFraction;
        this.minimumCount = minimumCount;
        sample = new TokenSample(capacity);
    }

    /**
     * Takes a response.
     *
     * @throws IllegalArgumentException naming the array and index that is wrong
     */
    public void add(Tokens t) {
        int length = t.tokenIds.length;
        requireLength("entropies", t.entropy, length);
        boolean base = t.base != null;
        boolean gradient = t.logProb != null && t.collision != null;
        if (responses == 0) {
            hasBase = base;
            hasGradient = gradient;
        } else if (hasBase != base || hasGradient != gradient) {
            throw new IllegalArgumentException(
                    "responses: some with and some without "
                            + (hasBase != base ? "base_entropies" : "log_probs")
                            + " (expected: all or none)");
        }
        if (t.base != null) {
            requireLength("base_entropies", t.base, length);
        }
        if (t.logProb != null && t.collision != null) {
            requireLength("log_probs", t.logProb, length);
            requireLength("collision_probabilities", t.collision, length);
        }
        responses++;
        for (int i = 0; i < length; i++) {
            float h = t.entropy[i];
            float norm = Float.NaN;
            if (t.logProb != null && t.collision != null) {
                double p = Math.exp(t.logProb[i]);
                norm = (float) Math.sqrt(Math.max(0, 1 - 2 * p + t.collision[i]));
                withGradient.add(h, norm);
                withSurprisal.add(h, -t.logProb[i]);
            }
            tokens++;
            sum += h;
            below += h < 1e-2 ? 1 : 0;
            int at = Arrays.binarySearch(bounds, h);
            histogram[at >= 0 ? at + 1 : -at - 1]++;
            sketch.add(h);
            table.add(t.tokenIds[i], h);
            sample.add(h, t.base == null ? Float.NaN : t.base[i], norm);
        }
    }

    private static void requireLength(String name, float[] values, int length) {
        if (values.length != length) {
            throw new IllegalArgumentException(
                    name + ": " + values.length + " (expected: one a token, " + length + ")");
        }
        for (int i = 0; i < length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new IllegalArgumentException(
                        name + "[" + i + "]: " + values[i] + " (expected: finite)");
            }
        }
    }

    /**
     * Says what came of it.
     *
     * @throws IllegalArgumentException if there was no token
     */
    public Report report() {
        if (tokens == 0) {
            throw new IllegalArgumentException("responses: no token (expected: at least one)");
        }
        float[] entropy = sample.entropy();
        Selection top = TopSelection.select(entropy, keepFraction);
        double all = 0;
        double kept = 0;
        for (int i = 0; i < entropy.length; i++) {
            all += entropy[i];
            kept += top.kept()[i] ? entropy[i] : 0;
        }
        return new Report(
                tokens,
                responses,
                sample.complete(),
                sum / tokens,
                (double) below / tokens,
                percentiles(entropy),
                histogram.clone(),
                top.threshold(),
                all > 0 ? kept / all : 0,
                table.rows(minimumCount).stream()
                        .map(r -> new TokenMean(r.token(), r.count(), r.mean()))
                        .toList(),
                hasBase ? base(entropy, top) : null,
                hasGradient ? gradient(top) : null);
    }

    private double[] percentiles(float[] entropy) {
        double[] at = EntropySummary.defaultPercentiles();
        float[] sorted = entropy.clone();
        Arrays.sort(sorted);
        for (int i = 0; i < at.length; i++) {
            if (sample.complete()) {
                double rank = at[i] / 100 * (sorted.length - 1);
                int low = (int) Math.floor(rank);
                int high = Math.min(low + 1, sorted.length - 1);
                at[i] = sorted[low] + (rank - low) * ((double) sorted[high] - sorted[low]);
            } else {
                at[i] = sketch.percentile(at[i]);
            }
        }
        return at;
    }

    private Base base(float[] entropy, Selection top) {
        float[] base = sample.base();
        Selection topOfBase = TopSelection.select(base, keepFraction);
        return new Base(overlap(top, topOfBase), topOfBase.threshold(), changes(entropy, base));
    }

    private Gradient gradient(Selection top) {
        float[] norm = sample.gradient();
        double all = 0;
        double kept = 0;
        for (int i = 0; i < norm.length; i++) {
            double square = (double) norm[i] * norm[i];
            all += square;
            kept += top.kept()[i] ? square : 0;
        }
        return new Gradient(
                withGradient.value(),
                all > 0 ? kept / all : 0,
                overlap(top, TopSelection.select(norm, keepFraction)),
                withSurprisal.value());
    }

    /** Share of one set that is in the other; both have as many. */
    private static double overlap(Selection a, Selection b) {
        long both = 0;
        for (int i = 0; i < a.kept().length; i++) {
            both += a.kept()[i] && b.kept()[i] ? 1 : 0;
        }
        return (double) both / a.keptCount();
    }

    /** By rank of base entropy, equal ones in their order. */
    private static List<Change> changes(float[] entropy, float[] base) {
        int n = base.length;
        long[] order = new long[n];
        for (int i = 0; i < n; i++) {
            // entropies are not negative, so their bits rise with them
            order[i] = (long) Float.floatToIntBits(Math.max(0, base[i])) << 32 | i;
        }
        Arrays.sort(order);
        List<Change> changes = new ArrayList<>();
        for (int bin = 0; bin < BINS; bin++) {
            int from = (int) ((long) n * bin / BINS);
            int to = (int) ((long) n * (bin + 1) / BINS);
            double baseSum = 0;
            double change = 0;
            for (int r = from; r < to; r++) {
                int i = (int) order[r];
                baseSum += base[i];
                change += (double) entropy[i] - base[i];
            }
            if (to > from) {
                changes.add(
                        new Change(
                                100.0 * bin / BINS,
                                to - from,
                                baseSum / (to - from),
                                change / (to - from)));
            }
        }
        return changes;
    }
}
