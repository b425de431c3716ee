package dev.forkpoint.entropy.analysis;

/** Pearson's correlation of a stream of pairs, by updates of means (Welford 1962). */
final class Correlation {

    private long n;
    private double meanX;
    private double meanY;
    private double squaresX;
    private double squaresY;
    private double products;

    void add(double x, double y) {
        n++;
        double dx = x - meanX;
        double dy = y - meanY;
        meanX += dx / n;
        meanY += dy / n;
        squaresX += dx * (x - meanX);
        squaresY += dy * (y - meanY);
        products += dx * (y - meanY);
    }

    /** In [−1, 1]; 0 where either side does not vary. */
    double value() {
        double scale = Math.sqrt(squaresX) * Math.sqrt(squaresY);
        return scale == 0 ? 0 : products / scale;
    }
}
