package dev.forkpoint.lab.page;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What an axis shows.
 *
 * @param low value at its beginning
 * @param high value at its end, above low
 */
record Range(double low, double high) {

    static Range ofX(List<Series> series) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (Series s : series) {
            for (double x : s.x()) {
                low = Math.min(low, x);
                high = Math.max(high, x);
            }
        }
        return of(low, high);
    }

    /** From zero where that costs little room. */
    static Range ofY(List<Series> series) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (Series s : series) {
            for (double[] values : new double[][] {s.y(), s.low(), s.high()}) {
                if (values == null) {
                    continue;
                }
                for (double y : values) {
                    if (Double.isFinite(y)) {
                        low = Math.min(low, y);
                        high = Math.max(high, y);
                    }
                }
            }
        }
        if (low > 0 && low < 0.4 * high) {
            low = 0;
        }
        Range tight = of(low, high);
        double step = tight.step(5);
        return new Range(
                Math.floor(tight.low / step + 1e-9) * step,
                Math.ceil(tight.high / step - 1e-9) * step);
    }

    private static Range of(double low, double high) {
        if (!(low <= high)) {
            return new Range(0, 1);
        }
        if (high - low < 1e-12 * Math.max(1e-6, Math.abs(high))) {
            double room = high == 0 ? 1 : Math.abs(high) * 0.1;
            return new Range(low - room, high + room);
        }
        return new Range(low, high);
    }

    double share(double value) {
        return (value - low) / (high - low);
    }

    /** 1, 2 or 5 times a power of ten that cuts the range in about {@code count} parts. */
    double step(int count) {
        double rough = (high - low) / count;
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        double digit = rough / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    List<Double> ticks(int count) {
        double step = step(count);
        List<Double> ticks = new ArrayList<>();
        for (double i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
            ticks.add(i * step);
        }
        return ticks;
    }

    /** As many decimals as tell two ticks apart. */
    String label(double tick) {
        double step = step(5);
        if (Math.abs(tick) >= 1e5 || step < 1e-5) {
            return String.format(Locale.ROOT, "%.1e", tick);
        }
        int decimals = Math.max(0, (int) -Math.floor(Math.log10(step) + 1e-9));
        return String.format(Locale.ROOT, "%." + decimals + "f", tick + 0.0);
    }
}
