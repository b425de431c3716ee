package dev.forkpoint.policy.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SeedsTest {

    @Test
    void seedsOfNeighboursAllDiffer() {
        Set<Long> seen = new HashSet<>();
        for (long seed = 0; seed < 5; seed++) {
            for (long row = 0; row < 60; row++) {
                for (long sample = 0; sample < 60; sample++) {
                    assertThat(seen.add(Seeds.derive(seed, row, sample))).isTrue();
                }
            }
        }
        assertThat(Seeds.derive(3, 4, 5)).isEqualTo(Seeds.derive(3, 4, 5));
    }

    /**
     * Mean and variance of U(0, 1), and no correlation along positions or between neighbouring
     * seeds; 4 standard errors.
     */
    @Test
    void numbersAreUniformAndUncorrelated() {
        int n = 100_000;
        double sum = 0;
        double squares = 0;
        double alongPositions = 0;
        double alongSeeds = 0;
        for (int i = 0; i < n; i++) {
            double u = Uniform.at(42, i) - 0.5;
            assertThat(u).isBetween(-0.5, 0.5 - 0x1p-25);
            sum += u;
            squares += u * u;
            alongPositions += u * (Uniform.at(42, i + 1) - 0.5);
            alongSeeds += u * (Uniform.at(43, i) - 0.5);
        }
        double error = 4 / Math.sqrt(n);
        assertThat(sum / n).isCloseTo(0, within(error * Math.sqrt(1 / 12.0)));
        assertThat(squares / n).isCloseTo(1 / 12.0, within(error / 12));
        assertThat(alongPositions / n).isCloseTo(0, within(error / 12));
        assertThat(alongSeeds / n).isCloseTo(0, within(error / 12));
    }

    /** Pinned: a change would silently change every seeded run. */
    @Test
    void valuesArePinned() {
        assertThat(Uniform.at(0, 0)).isEqualTo(0.2817612886428833f);
        assertThat(Seeds.derive(1, 2, 3)).isEqualTo(7702586659592502839L);
    }
}
