package dev.forkpoint.lab.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LineChartTest {

    private static LineChart chart(Series... series) {
        return new LineChart("reward", "Reward <mean>", "points", "step", List.of(series));
    }

    @Test
    void everyPointStaysInsideTheDrawing() {
        String html =
                chart(
                                new Series(
                                        "a",
                                        new double[] {1, 2, 3},
                                        new double[] {-4, Double.NaN, 1e6},
                                        new double[] {-5, -5, -5},
                                        new double[] {2e6, 2e6, 2e6}))
                        .html();
        Pattern.compile("(-?[0-9.]+),(-?[0-9.]+)")
                .matcher(html.substring(html.indexOf("<polygon"), html.indexOf("</svg>")))
                .results()
                .forEach(
                        point -> {
                            assertThat(Double.parseDouble(point.group(1))).isBetween(0.0, 420.0);
                            assertThat(Double.parseDouble(point.group(2))).isBetween(0.0, 230.0);
                        });
        assertThat(html).doesNotContain("NaN").doesNotContain("Infinity");
        assertThat(html).contains("Reward &lt;mean&gt;").contains("<td>–</td>");
    }

    @Test
    void aConstantLineAndASinglePointHaveAnAxis() {
        assertThat(chart(Series.line("a", new double[] {1}, new double[] {0.25})).html())
                .contains("<circle")
                .doesNotContain("NaN");
        assertThat(chart(Series.line("a", new double[] {1, 2}, new double[] {0, 0})).html())
                .doesNotContain("NaN");
        assertThat(chart(Series.line("a", new double[] {1}, new double[] {Double.NaN})).html())
                .doesNotContain("NaN");
    }

    @Test
    void longSeriesAreThinnedAndTheTableKeepsTheLastPoint() {
        double[] x = IntStream.rangeClosed(1, 10_001).asDoubleStream().toArray();
        double[] y = DoubleStream.of(x).map(v -> v / 10_001).toArray();
        String html = chart(Series.line("a", x, y)).html();
        assertThat(html.length()).isLessThan(20_000);
        assertThat(html).contains("<th scope=\"row\">10\u202f001</th><td>1</td>");
    }

    @Test
    void textCannotBreakOutOfThePage() {
        assertThat(Html.text("</p><script>\u0007\u202e\u009b\"'&"))
                .isEqualTo("&lt;/p&gt;&lt;script&gt;\u2407\uFFFD\uFFFD&quot;&#39;&amp;");
        assertThat(
                        TokenText.html(
                                List.of(
                                        new TokenText.Token("<b>", 1.5, true),
                                        new TokenText.Token("", Double.NaN, false))))
                .contains("<mark style=\"--h:0.66\" title=\"1.500 nats, kept\">&lt;b&gt;</mark>")
                .contains("title=\"no entropy\">·</span>");
    }

    @Test
    void aPageFetchesNothing() {
        String page =
                Page.html(
                        "a & b",
                        chart(Series.line("a", new double[] {1}, new double[] {1})).html());
        assertThat(page).contains("<title>a &amp; b</title>");
        assertThat(page).doesNotContainPattern("(src|href)=\"(?!data:|#)");
        assertThat(page).doesNotContain("http").doesNotContain("@import").doesNotContain("url(");
    }

    @Test
    void refusesSeriesOfDifferentLengths() {
        assertThatThrownBy(() -> Series.line("a", new double[2], new double[3]))
                .hasMessageContaining("series a");
    }

    @Test
    void numbersReadWell() {
        assertThat(Html.number(1234567)).isEqualTo("1\u202f234\u202f567");
        assertThat(Html.number(0.67213)).isEqualTo("0.6721");
        assertThat(Html.number(12.3456)).isEqualTo("12.35");
        assertThat(Html.number(2.5e-7)).isEqualTo("2.50e-07");
        assertThat(Html.number(Double.NaN)).isEqualTo("–");
    }
}
