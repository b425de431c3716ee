package dev.forkpoint.entropy.sketch;

import org.apache.datasketches.kll.KllFloatsSketch;
import org.apache.datasketches.quantilescommon.QuantileSearchCriteria;

/**
 * Quantiles of any number of entropies (KLL, arXiv 1603.05346): of 10⁷ values a percentile's rank
 * is off by less than 0.5 points, merged or not. Not thread-safe.
 */
public final class EntropySketch {

    /** Size parameter: normalised rank error 0.17 % at 99 % confidence, about 30 KiB. */
    private static final int K = 2000;

    private final KllFloatsSketch sketch = KllFloatsSketch.newHeapInstance(K);

    /** Takes a value, nats, finite. */
    public void add(float value) {
        sketch.update(value);
    }

    /** Takes all that another sketch has taken. */
    public void merge(EntropySketch other) {
        sketch.merge(other.sketch);
    }

    /** Values taken. */
    public long count() {
        return sketch.getN();
    }

    /**
     * The value at a percentile, nats.
     *
     * @param percentile in [0, 100]
     * @throws IllegalStateException if nothing was taken
     */
    public double percentile(double percentile) {
        if (sketch.isEmpty()) {
            throw new IllegalStateException("sketch: empty (expected: at least one value)");
        }
        return sketch.getQuantile(percentile / 100, QuantileSearchCriteria.INCLUSIVE);
    }
}
