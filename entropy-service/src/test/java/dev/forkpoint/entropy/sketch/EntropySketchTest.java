package dev.forkpoint.entropy.sketch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class EntropySketchTest {

    private static final int VALUES = 10_000_000;
    private static final int PARTS = 64;

    @Test
    void percentilesOfTenMillionLieWithinHalfARankPointMergedOrNot() {
        SplittableRandom random = new SplittableRandom(3);
        float[] values = new float[VALUES];
        EntropySketch whole = new EntropySketch();
        EntropySketch[] parts = new EntropySketch[PARTS];
        Arrays.setAll(parts, i -> new EntropySketch());
        for (int i = 0; i < VALUES; i++) {
            // as entropies lie: half of them tiny, a long tail, in drifting order
            double u = random.nextDouble();
            values[i] = (float) (Math.pow(u, 6) * (1 + (double) i / VALUES));
            whole.add(values[i]);
            parts[i / (VALUES / PARTS + 1)].add(values[i]);
        }
        EntropySketch merged = new EntropySketch();
        for (EntropySketch part : parts) {
            merged.merge(part);
        }
        assertThat(merged.count()).isEqualTo(VALUES);
        Arrays.sort(values);
        for (int p = 0; p <= 100; p += 5) {
            for (EntropySketch sketch : new EntropySketch[] {whole, merged}) {
                int at = Arrays.binarySearch(values, (float) sketch.percentile(p));
                double rank = 100.0 * (at >= 0 ? at : -at - 1) / VALUES;
                assertThat(rank).as("percentile %d", p).isBetween(p - 0.5, p + 0.5);
            }
        }
    }

    @Test
    void anEmptySketchHasNoPercentile() {
        assertThatThrownBy(() -> new EntropySketch().percentile(50))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("empty");
    }
}
