package dev.forkpoint.lab.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** Against SciPy and statsmodels: statistics.json is made by src/test/python/make_statistics.py. */
class StatisticsGoldenTest {

    private static final Offset<Double> EXACT = within(1e-9);
    private static final JsonNode GOLDEN = golden();

    private static JsonNode golden() {
        try (InputStream in =
                Objects.requireNonNull(
                        StatisticsGoldenTest.class.getResourceAsStream("/statistics.json"))) {
            return new ObjectMapper().readTree(in);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static double[] doubles(JsonNode array) {
        double[] out = new double[array.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = array.get(i).asDouble();
        }
        return out;
    }

    @Test
    void passAtKIsTheRatioOfBinomials() {
        for (JsonNode g : GOLDEN.get("pass_at_k")) {
            assertThat(PassAtK.estimate(g.get("n").asInt(), g.get("c").asInt(), g.get("k").asInt()))
                    .as(g.toString())
                    .isCloseTo(g.get("value").asDouble(), EXACT);
        }
    }

    @Test
    void mcNemarIsExact() {
        for (JsonNode g : GOLDEN.get("mcnemar")) {
            assertThat(PairedTests.mcNemar(g.get("b").asInt(), g.get("c").asInt()))
                    .as(g.toString())
                    .isCloseTo(g.get("p").asDouble(), EXACT);
        }
    }

    @Test
    void signFlipTriesEveryPattern() {
        for (JsonNode g : GOLDEN.get("sign_flip")) {
            assertThat(PairedTests.signFlip(doubles(g.get("differences")), 1))
                    .as(g.toString())
                    .isCloseTo(g.get("p").asDouble(), EXACT);
        }
    }

    @Test
    void studentGivesPAndInterval() {
        for (JsonNode g : GOLDEN.get("student")) {
            double[] differences = doubles(g.get("differences"));
            assertThat(PairedTests.student(differences))
                    .as(g.toString())
                    .isCloseTo(g.get("p").asDouble(), EXACT);
            Interval interval = PairedTests.studentInterval(differences);
            assertThat(interval.low()).isCloseTo(g.get("low").asDouble(), EXACT);
            assertThat(interval.high()).isCloseTo(g.get("high").asDouble(), EXACT);
        }
    }

    @Test
    void holmKeepsTheOrderGiven() {
        for (JsonNode g : GOLDEN.get("holm")) {
            assertThat(PairedTests.holm(doubles(g.get("p"))))
                    .as(g.toString())
                    .containsExactly(doubles(g.get("adjusted")), EXACT);
        }
    }

    @Test
    void holmLeavesOutWhatIsNoTest() {
        assertThat(PairedTests.holm(new double[] {Double.NaN, 0.02, 0.03}))
                .containsExactly(Double.NaN, 0.04, 0.04);
    }

    /** 10,000 resamples against 200,000: ends differ by the noise of a percentile. */
    @Test
    void bootstrapEndsWhereScipysDoes() {
        for (JsonNode g : GOLDEN.get("bootstrap")) {
            double[] values = doubles(g.get("values"));
            Interval interval = Bootstrap.mean(values, 7);
            double width = g.get("high").asDouble() - g.get("low").asDouble();
            assertThat(interval.low()).isCloseTo(g.get("low").asDouble(), within(0.03 * width));
            assertThat(interval.high()).isCloseTo(g.get("high").asDouble(), within(0.03 * width));
        }
    }

    @Test
    void refusesWhatHasNoAnswer() {
        assertThatThrownBy(() -> Bootstrap.mean(new double[0], 1))
                .hasMessage("perProblem: none (expected: at least one)");
        assertThatThrownBy(() -> PassAtK.estimate(4, 2, 5)).hasMessage("k: 5 (expected: 1 to 4)");
        assertThatThrownBy(() -> PairedTests.student(new double[] {1}))
                .hasMessage("pairs: 1 (expected: at least 2)");
        assertThatThrownBy(() -> Bootstrap.crossed(new double[][] {{1, 2}, {1}}, 1))
                .hasMessageContaining("the same problems");
    }
}
