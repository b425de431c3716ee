package dev.forkpoint.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SoakTest {

    private static @Nullable Double growth(int seconds, IntToDoubleFunction resident) {
        List<Soak.Sample> memory = new ArrayList<>();
        for (int i = 0; i <= seconds; i++) {
            memory.add(new Soak.Sample(i, resident.applyAsDouble(i), null));
        }
        Soak soak = Soak.of(10, memory);
        assertThat(soak.heapGrowth()).as("of a heap that is not known").isNull();
        return soak.residentGrowth();
    }

    @Test
    void growthIsThatOfTheSecondHalf() {
        assertThat(growth(100, i -> i < 50 ? 500 + 10 * i : 1000)).isCloseTo(0.0, within(1e-12));
        assertThat(growth(100, i -> i < 50 ? 1000 : 1000 + 2 * (i - 50)))
                .isCloseTo(0.1, within(1e-12));
        assertThat(growth(100, i -> 1000 - 2 * (i - 50))).isCloseTo(-0.1, within(1e-12));
    }

    @Test
    void upsAndDownsAreNoGrowth() {
        assertThat(growth(600, i -> 1000 + 100 * (i % 2))).isCloseTo(0.0, within(1e-3));
    }

    @Test
    void tooFewSamplesSayNothing() {
        assertThat(growth(10, i -> 1000 + i)).isNull();
        assertThat(Soak.of(1, List.of()).residentGrowth()).isNull();
    }
}
