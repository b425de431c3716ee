package dev.forkpoint.policy.selection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TopSelectionTest {

    @ParameterizedTest
    @CsvSource({
        "30, 0.1, 3",
        "10, 0.7, 7",
        "1000000, 0.29, 290000",
        "3, 0.2, 1",
        "5, 0.2, 1",
        "6, 0.2, 2",
        "1, 1e-9, 1",
        "7, 1, 7",
        "0, 0.5, 0"
    })
    void countsWithRhoAsTheDecimalItIsWrittenAs(int n, double rho, int expected) {
        assertThat(TopSelection.count(n, rho)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -0.1, 1.0001, Double.NaN, Double.POSITIVE_INFINITY})
    void refusesRhoOutside(double rho) {
        assertThatThrownBy(() -> TopSelection.select(new float[] {1}, rho))
                .hasMessageContaining("rho: " + rho);
    }

    @Test
    void refusesNanNamingItsIndex() {
        assertThatThrownBy(() -> TopSelection.select(new float[] {1, 2, Float.NaN, Float.NaN}, 0.5))
                .hasMessageContaining("values[2]: NaN");
    }

    @Test
    void keepsExactlyCeilRhoNWhenEntropiesTie() {
        Selection s = TopSelection.select(new float[] {1, 0, 1, 1, 0, 1}, 0.5);
        assertThat(s.kept()).containsExactly(true, false, true, true, false, false);
        assertThat(s.threshold()).isEqualTo(1);
        assertThat(s.keptCount()).isEqualTo(3);
        assertThat(TopSelection.select(new float[10], 0.2).kept())
                .containsExactly(
                        true, true, false, false, false, false, false, false, false, false);
        assertThat(TopSelection.select(new float[] {-0.0f, 0.0f}, 0.5).kept())
                .containsExactly(true, false);
    }

    @Test
    void keepsNothingOfNothing() {
        Selection s = TopSelection.select(new float[0], 0.2);
        assertThat(s.keptCount()).isZero();
        assertThat(s.threshold()).isNaN();
    }

    /**
     * Against a stable sort, over values with many ties, negative ones, infinities and subnormal
     * ones.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void keepsWhatAStableSortWouldKeep(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 40; round++) {
            int n = 1 + random.nextInt(300);
            float[] values = new float[n];
            for (int i = 0; i < n; i++) {
                values[i] =
                        switch (random.nextInt(6)) {
                            case 0 -> random.nextInt(4);
                            case 1 -> (float) random.nextGaussian();
                            case 2 -> Float.intBitsToFloat(random.nextInt(5));
                            case 3 -> -random.nextInt(3);
                            case 4 ->
                                    random.nextBoolean()
                                            ? Float.POSITIVE_INFINITY
                                            : Float.NEGATIVE_INFINITY;
                            default -> random.nextFloat() * 1e-3f;
                        };
            }
            double rho = (1 + random.nextInt(100)) / 100.0;
            Comparator<Integer> ascending = Comparator.comparingDouble(i -> values[i] + 0.0);
            check(TopSelection.select(values, rho), values, rho, ascending.reversed());
            check(TopSelection.bottom(values, rho), values, rho, ascending);
        }
    }

    private static void check(
            Selection found, float[] values, double rho, Comparator<Integer> order) {
        int count = TopSelection.count(values.length, rho);
        boolean[] expected = new boolean[values.length];
        int[] first =
                IntStream.range(0, values.length)
                        .boxed()
                        .sorted(order)
                        .mapToInt(i -> i)
                        .limit(count)
                        .toArray();
        for (int i : first) {
            expected[i] = true;
        }
        assertThat(found.kept()).isEqualTo(expected);
        assertThat(found.keptCount()).isEqualTo(count);
        assertThat(found.threshold() + 0.0f).isEqualTo(values[first[count - 1]] + 0.0f);
    }
}
