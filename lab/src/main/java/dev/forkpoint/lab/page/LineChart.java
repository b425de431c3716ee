package dev.forkpoint.lab.page;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/**
 * Lines over a common axis, as inline SVG with its table.
 *
 * @param id of the figure within the page: letters, digits and hyphens
 * @param title what is shown
 * @param unit of the values
 * @param xLabel what the horizontal axis counts
 * @param series at least one
 */
public record LineChart(String id, String title, String unit, String xLabel, List<Series> series) {

    private static final int WIDTH = 420;
    private static final int HEIGHT = 230;
    private static final int LEFT = 52;
    private static final int RIGHT = 10;
    private static final int TOP = 10;
    private static final int BOTTOM = 36;
    private static final int MOST_POINTS = 400;
    private static final int MOST_ROWS = 60;

    public LineChart {
        if (series.isEmpty()) {
            throw new IllegalArgumentException("series: none (expected: at least one)");
        }
        series = List.copyOf(series);
    }

    /** A figure with the chart, its legend and its table. */
    public String html() {
        StringBuilder out = new StringBuilder();
        out.append("<figure class=\"chart\" id=\"").append(Html.text(id)).append("\">");
        out.append("<figcaption><b>")
                .append(Html.text(title))
                .append("</b> <span class=\"unit\">")
                .append(Html.text(unit))
                .append("</span></figcaption>");
        out.append(svg());
        if (series.size() > 1) {
            out.append("<ul class=\"legend\">");
            for (int i = 0; i < series.size(); i++) {
                out.append("<li><span class=\"key c")
                        .append(i % 8)
                        .append("\"></span>")
                        .append(Html.text(series.get(i).name()))
                        .append("</li>");
            }
            out.append("</ul>");
        }
        out.append(
                new DataTable(title + ", " + unit, head(), rows()).folded(id + "-table", "Table"));
        return out.append("</figure>").toString();
    }

    /** The drawing alone. */
    String svg() {
        List<Series> drawn = series.stream().map(s -> s.thinned(MOST_POINTS)).toList();
        Range xs = Range.ofX(drawn);
        Range ys = Range.ofY(drawn);
        StringBuilder out = new StringBuilder();
        out.append(
                String.format(
                        Locale.ROOT,
                        "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">",
                        WIDTH,
                        HEIGHT,
                        Html.text(title + ", " + unit + ", by " + xLabel + "; its table follows")));
        for (double tick : ys.ticks(5)) {
            double y = y(tick, ys);
            out.append(
                    String.format(
                            Locale.ROOT,
                            "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\""
                                    + " y2=\"%.1f\"/><text class=\"tick\" x=\"%d\" y=\"%.1f\""
                                    + " text-anchor=\"end\">%s</text>",
                            LEFT,
                            WIDTH - RIGHT,
                            y,
                            y,
                            LEFT - 5,
                            y + 4,
                            ys.label(tick)));
        }
        for (double tick : xs.ticks(6)) {
            out.append(
                    String.format(
                            Locale.ROOT,
                            "<text class=\"tick\" x=\"%.1f\" y=\"%d\""
                                    + " text-anchor=\"middle\">%s</text>",
                            x(tick, xs),
                            HEIGHT - BOTTOM + 15,
                            xs.label(tick)));
        }
        out.append(
                String.format(
                        Locale.ROOT,
                        "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                        (LEFT + WIDTH - RIGHT) / 2,
                        HEIGHT - 5,
                        Html.text(xLabel)));
        for (int i = 0; i < drawn.size(); i++) {
            draw(out, drawn.get(i), i % 8, xs, ys);
        }
        return out.append("</svg>").toString();
    }

    private static void draw(StringBuilder out, Series s, int colour, Range xs, Range ys) {
        double[] low = s.low();
        double[] high = s.high();
        if (low != null && high != null) {
            StringBuilder edge = new StringBuilder();
            for (int i = 0; i < s.x().length; i++) {
                if (Double.isFinite(high[i]) && Double.isFinite(low[i])) {
                    edge.append(point(s.x()[i], high[i], xs, ys)).append(' ');
                }
            }
            for (int i = s.x().length - 1; i >= 0; i--) {
                if (Double.isFinite(high[i]) && Double.isFinite(low[i])) {
                    edge.append(point(s.x()[i], low[i], xs, ys)).append(' ');
                }
            }
            out.append("<polygon class=\"band c")
                    .append(colour)
                    .append("\" points=\"")
                    .append(edge.toString().trim())
                    .append("\"/>");
        }
        StringBuilder path = new StringBuilder();
        boolean pen = false;
        int points = 0;
        for (int i = 0; i < s.x().length; i++) {
            if (!Double.isFinite(s.y()[i])) {
                pen = false;
                continue;
            }
            path.append(pen ? 'L' : 'M').append(point(s.x()[i], s.y()[i], xs, ys));
            pen = true;
            points++;
        }
        out.append("<path class=\"line c")
                .append(colour)
                .append("\" d=\"")
                .append(path)
                .append("\"/>");
        if (points <= 25) {
            for (int i = 0; i < s.x().length; i++) {
                if (Double.isFinite(s.y()[i])) {
                    out.append(
                            String.format(
                                    Locale.ROOT,
                                    "<circle class=\"dot c%d\" cx=\"%.1f\" cy=\"%.1f\""
                                            + " r=\"2.5\"><title>%s: %s</title></circle>",
                                    colour,
                                    x(s.x()[i], xs),
                                    y(s.y()[i], ys),
                                    Html.text(s.name()),
                                    Html.number(s.y()[i])));
                }
            }
        }
    }

    private static String point(double x, double y, Range xs, Range ys) {
        return String.format(Locale.ROOT, "%.1f,%.1f", x(x, xs), y(y, ys));
    }

    private static double x(double value, Range range) {
        return LEFT + range.share(value) * (WIDTH - LEFT - RIGHT);
    }

    private static double y(double value, Range range) {
        return HEIGHT - BOTTOM - range.share(value) * (HEIGHT - TOP - BOTTOM);
    }

    private List<String> head() {
        List<String> head = new ArrayList<>();
        head.add(xLabel);
        for (Series s : series) {
            head.add(s.name());
            if (s.low() != null) {
                head.add(s.name() + ", low");
                head.add(s.name() + ", high");
            }
        }
        return head;
    }

    /** One row a place on the axis, thinned evenly where there are too many; the last always. */
    private List<List<String>> rows() {
        TreeSet<Double> places = new TreeSet<>();
        for (Series s : series) {
            for (double x : s.x()) {
                places.add(x);
            }
        }
        List<Double> all = new ArrayList<>(places);
        int each = Math.max(1, (all.size() + MOST_ROWS - 1) / MOST_ROWS);
        List<List<String>> rows = new ArrayList<>();
        for (int i = (all.size() - 1) % each; i >= 0 && i < all.size(); i += each) {
            List<String> row = new ArrayList<>();
            row.add(Html.number(all.get(i)));
            for (Series s : series) {
                int at = java.util.Arrays.binarySearch(s.x(), all.get(i));
                row.add(at < 0 ? "" : Html.number(s.y()[at]));
                double[] low = s.low();
                double[] high = s.high();
                if (low != null && high != null) {
                    row.add(at < 0 ? "" : Html.number(low[at]));
                    row.add(at < 0 ? "" : Html.number(high[at]));
                }
            }
            rows.add(row);
        }
        return rows;
    }
}
