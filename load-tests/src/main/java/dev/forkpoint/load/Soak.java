package dev.forkpoint.load;

import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Memory over a long steady load.
 *
 * @param perSecond requests that were due
 * @param memory samples from the beginning on
 * @param residentGrowth of resident memory over the second half, as a share; null: not known
 * @param heapGrowth the same of the used heap, garbage included, so that it goes up and down
 */
public record Soak(
        double perSecond,
        List<Sample> memory,
        @Nullable Double residentGrowth,
        @Nullable Double heapGrowth) {

    private static final int FEWEST = 10;

    /**
     * Memory at one moment.
     *
     * @param seconds since sampling began
     * @param residentMib null: not known
     * @param heapMib used, garbage included; null: not asked for or not known
     */
    public record Sample(double seconds, @Nullable Double residentMib, @Nullable Double heapMib) {}

    static Soak of(double perSecond, List<Sample> memory) {
        return new Soak(
                perSecond,
                memory,
                growth(memory, Sample::residentMib),
                growth(memory, Sample::heapMib));
    }

    /**
     * End over middle, minus one, of the straight line (least squares) through the second half;
     * null where fewer than ten samples are in it.
     */
    static @Nullable Double growth(List<Sample> memory, Function<Sample, @Nullable Double> value) {
        double end = memory.isEmpty() ? 0 : memory.get(memory.size() - 1).seconds();
        List<Sample> half =
                memory.stream()
                        .filter(s -> s.seconds() >= end / 2 && value.apply(s) != null)
                        .toList();
        if (half.size() < FEWEST) {
            return null;
        }
        double meanX = half.stream().mapToDouble(Sample::seconds).average().orElseThrow();
        double meanY = half.stream().mapToDouble(s -> of(value.apply(s))).average().orElseThrow();
        double xy = 0;
        double xx = 0;
        for (Sample s : half) {
            xy += (s.seconds() - meanX) * (of(value.apply(s)) - meanY);
            xx += (s.seconds() - meanX) * (s.seconds() - meanX);
        }
        double slope = xy / xx;
        double middle = meanY + slope * (end / 2 - meanX);
        return slope * (end / 2) / middle;
    }

    private static double of(@Nullable Double value) {
        return value == null ? Double.NaN : value;
    }
}
