package dev.forkpoint.entropy.analysis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.entropy.analysis.EntropyAnalysis.Tokens;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class EntropyAnalysisTest {

    private static Tokens tokens(SplittableRandom random, int length, boolean more) {
        int[] ids = random.ints(length, 0, 40).toArray();
        float[] entropy = new float[length];
        float[] base = new float[length];
        float[] logProb = new float[length];
        float[] collision = new float[length];
        for (int i = 0; i < length; i++) {
            entropy[i] = (float) (2 * Math.pow(random.nextDouble(), 3) + 0.01 * ids[i]);
            base[i] = (float) Math.max(0, entropy[i] + 0.2 * random.nextGaussian());
            logProb[i] = (float) Math.log(0.05 + 0.9 * random.nextDouble());
            collision[i] = (float) random.nextDouble();
        }
        return new Tokens(
                ids, entropy, more ? base : null, more ? logProb : null, more ? collision : null);
    }

    private static double[] doubles(float @Nullable [] values) {
        float[] given = Objects.requireNonNull(values);
        return IntStream.range(0, given.length).mapToDouble(i -> given[i]).toArray();
    }

    /** Indices of the greatest, by sorting. */
    private static List<Integer> top(double[] values, int count) {
        return IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -values[i]))
                .limit(count)
                .toList();
    }

    private static double correlation(double[] x, double[] y) {
        double mx = Arrays.stream(x).average().orElseThrow();
        double my = Arrays.stream(y).average().orElseThrow();
        double xx = 0;
        double yy = 0;
        double xy = 0;
        for (int i = 0; i < x.length; i++) {
            xx += (x[i] - mx) * (x[i] - mx);
            yy += (y[i] - my) * (y[i] - my);
            xy += (x[i] - mx) * (y[i] - my);
        }
        return xy / Math.sqrt(xx * yy);
    }

    @Test
    void agreesWithASlowTwin() {
        Tokens t = tokens(new SplittableRandom(5), 3000, true);
        EntropyAnalysis analysis = new EntropyAnalysis(0.2, 60);
        analysis.add(t);
        EntropyAnalysis.Report r = analysis.report();
        double[] h = doubles(t.entropy());
        double[] base = doubles(t.base());
        double[] p = Arrays.stream(doubles(t.logProb())).map(Math::exp).toArray();
        double[] c = doubles(t.collision());
        double[] g =
                IntStream.range(0, h.length)
                        .mapToDouble(i -> Math.sqrt(Math.max(0, 1 - 2 * p[i] + c[i])))
                        .toArray();
        List<Integer> top = top(h, 600);
        double all = Arrays.stream(h).sum();
        assertThat(r.exact()).isTrue();
        assertThat(r.mean()).isCloseTo(all / h.length, within(1e-9));
        assertThat(r.topShare())
                .isCloseTo(top.stream().mapToDouble(i -> h[i]).sum() / all, within(1e-9));
        assertThat(r.threshold()).isEqualTo(h[top.get(599)]);
        assertThat(r.shareBelowHundredth())
                .isEqualTo(Arrays.stream(h).filter(v -> v < 1e-2).count() / 3000.0);
        assertThat(Arrays.stream(r.histogramCounts()).sum()).isEqualTo(3000);
        EntropyAnalysis.Base b = Objects.requireNonNull(r.base());
        assertThat(b.overlap())
                .isEqualTo(top.stream().filter(top(base, 600)::contains).count() / 600.0);
        assertThat(b.changes()).hasSize(20).allMatch(change -> change.count() == 150);
        List<Integer> low = top(Arrays.stream(base).map(v -> -v).toArray(), 150);
        assertThat(b.changes().get(0).change())
                .isCloseTo(
                        low.stream().mapToDouble(i -> h[i] - base[i]).average().orElseThrow(),
                        within(2e-3)); // base has ties at 0
        EntropyAnalysis.Gradient gradient = Objects.requireNonNull(r.gradient());
        assertThat(gradient.correlation()).isCloseTo(correlation(h, g), within(1e-6));
        assertThat(gradient.overlap())
                .isCloseTo(
                        top.stream().filter(top(g, 600)::contains).count() / 600.0, within(0.004));
        assertThat(gradient.topShare())
                .isCloseTo(
                        top.stream().mapToDouble(i -> g[i] * g[i]).sum()
                                / Arrays.stream(g).map(v -> v * v).sum(),
                        within(1e-6));
    }

    @Test
    void theTableHoldsTokensSeenOftenEnoughFromTheLowest() {
        EntropyAnalysis analysis = new EntropyAnalysis(0.5, 2);
        analysis.add(
                new Tokens(
                        new int[] {7, 300, 7, 9, 300},
                        new float[] {1, 0.2f, 2, 5, 0.4f},
                        null,
                        null,
                        null));
        List<EntropyAnalysis.TokenMean> table = analysis.report().table();
        assertThat(table).extracting(EntropyAnalysis.TokenMean::token).containsExactly(300, 7);
        assertThat(table.get(1).mean()).isEqualTo(1.5);
        assertThat(table.get(1).count()).isEqualTo(2);
    }

    @Test
    void beyondItsCapacityASampleAndASketchComeClose() {
        EntropyAnalysis small = new EntropyAnalysis(0.2, 1, 20_000);
        EntropyAnalysis large = new EntropyAnalysis(0.2, 1);
        SplittableRandom random = new SplittableRandom(6);
        for (int i = 0; i < 200; i++) {
            Tokens t = tokens(random, 1000, true);
            small.add(t);
            large.add(t);
        }
        EntropyAnalysis.Report a = small.report();
        EntropyAnalysis.Report b = large.report();
        assertThat(a.exact()).isFalse();
        assertThat(a.mean()).isEqualTo(b.mean());
        assertThat(a.histogramCounts()).isEqualTo(b.histogramCounts());
        // 20,000 of 200,000: the standard error of a share is below 0.0035
        assertThat(a.topShare()).isCloseTo(b.topShare(), within(0.015));
        assertThat(Objects.requireNonNull(a.base()).overlap())
                .isCloseTo(Objects.requireNonNull(b.base()).overlap(), within(0.025));
        for (int i = 0; i <= 20; i++) {
            assertThat(a.percentileValues()[i]).isCloseTo(b.percentileValues()[i], within(0.02));
        }
    }

    @Test
    void namesWhatIsWrong() {
        assertThatThrownBy(() -> new EntropyAnalysis(0.2, 1).report())
                .hasMessage("responses: no token (expected: at least one)");
        assertThatThrownBy(
                        () ->
                                new EntropyAnalysis(0.2, 1)
                                        .add(
                                                new Tokens(
                                                        new int[] {1, 2},
                                                        new float[] {1, Float.NaN},
                                                        null,
                                                        null,
                                                        null)))
                .hasMessage("entropies[1]: NaN (expected: finite)");
        EntropyAnalysis mixed = new EntropyAnalysis(0.2, 1);
        mixed.add(tokens(new SplittableRandom(1), 5, true));
        assertThatThrownBy(() -> mixed.add(tokens(new SplittableRandom(1), 5, false)))
                .hasMessageContaining("all or none");
    }
}
