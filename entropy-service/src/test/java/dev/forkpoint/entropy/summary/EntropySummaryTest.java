package dev.forkpoint.entropy.summary;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.policy.selection.Selection;
import java.util.Objects;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class EntropySummaryTest {

    private static EntropySummary of(double rho, float... values) {
        return EntropySummary.of(
                values, OptionalDouble.of(rho), new double[] {0, 25, 50, 100}, new double[] {1, 2});
    }

    @Test
    void countsMeansAndInterpolatesPercentiles() {
        EntropySummary s = of(0.2, 0f, 0.005f, 1f, 2.5f, 1.5f);

        assertThat(s.count()).isEqualTo(5);
        assertThat(s.mean()).isCloseTo(1.001, within(1e-6));
        assertThat(s.percentileValues()).containsExactly(0, 0.005f, 1, 2.5);
        assertThat(s.histogramCounts()).containsExactly(2, 2, 1);
        assertThat(s.shareBelowHundredth()).isEqualTo(0.4);
    }

    @Test
    void keepsTheCeilingOfTheShareWhenAllTie() {
        EntropySummary s = of(0.3, 1f, 1f, 1f, 1f, 1f, 1f, 1f);

        Selection kept = Objects.requireNonNull(s.selection());
        assertThat(kept.keptCount()).isEqualTo(3);
        assertThat(kept.kept()).containsExactly(true, true, true, false, false, false, false);
        assertThat(s.keptEntropyShare()).isCloseTo(3.0 / 7, within(1e-12));
    }

    @Test
    void namesTheFirstValueThatIsNotFinite() {
        assertThatThrownBy(() -> of(0.2, 1f, Float.NaN, Float.POSITIVE_INFINITY))
                .hasMessageContaining("entropies[1]: NaN");
        assertThatThrownBy(() -> of(0.2)).hasMessageContaining("at least one");
    }
}
