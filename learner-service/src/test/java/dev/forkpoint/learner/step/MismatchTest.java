package dev.forkpoint.learner.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class MismatchTest {
    @Test
    void equalLogProbsHaveNoMismatch() {
        Mismatch.Collector collector = new Mismatch.Collector();
        collector.add(-1.5, -1.5);
        collector.add(-0.1, -0.1);
        assertThat(collector.mismatch()).isEqualTo(new Mismatch(2, 0, 0, 0, 0, 1));
        assertThat(new Mismatch.Collector().mismatch()).isEqualTo(new Mismatch(0, 0, 0, 0, 0, 1));
    }

    @Test
    void followsItsDefinition() {
        Mismatch.Collector collector = new Mismatch.Collector();
        collector.add(-1, -1.5);
        collector.add(-1, -0.9);
        Mismatch mismatch = collector.mismatch();
        assertThat(mismatch.meanAbs()).isCloseTo(0.3, within(1e-12));
        assertThat(mismatch.maxAbs()).isCloseTo(0.5, within(1e-12));
        assertThat(mismatch.k1()).isCloseTo(-0.2, within(1e-12));
        double a = Math.exp(0.5);
        double b = Math.exp(-0.1);
        assertThat(mismatch.k3()).isCloseTo((a - 1.5 + b - 0.9) / 2, within(1e-12));
        assertThat(mismatch.effectiveSampleShare())
                .isCloseTo((a + b) * (a + b) / (2 * (a * a + b * b)), within(1e-12));
    }

    @Test
    void overlapIsTheShareOfTheChoiceThatBothMake() {
        float[] one = {5, 4, 3, 2, 1, 0, 0, 0, 0, 0};
        float[] other = {0, 4, 3, 2, 1, 5, 0, 0, 0, 0};
        assertThat(SourceOverlap.of(one, other, 0.2)).isEqualTo(0.5);
        assertThat(SourceOverlap.of(one, other, 0.5)).isEqualTo(0.8);
        assertThat(SourceOverlap.of(one, one, 0.3)).isEqualTo(1);
        assertThatThrownBy(() -> SourceOverlap.of(one, new float[3], 0.2))
                .hasMessageContaining("entropies: 10 and 3");
    }
}
