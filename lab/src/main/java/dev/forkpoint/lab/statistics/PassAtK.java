package dev.forkpoint.lab.statistics;

/** Probability that at least one of k samples is correct. */
public final class PassAtK {

    private PassAtK() {}

    /**
     * Without bias (arXiv 2107.03374, eq. 1): 1 − C(n−c, k) / C(n, k).
     *
     * @param n samples of a problem
     * @param c of which correct, 0 to n
     * @param k 1 to n
     */
    public static double estimate(int n, int c, int k) {
        if (k < 1 || k > n) {
            throw new IllegalArgumentException("k: " + k + " (expected: 1 to " + n + ")");
        }
        if (c < 0 || c > n) {
            throw new IllegalArgumentException("c: " + c + " (expected: 0 to " + n + ")");
        }
        if (n - c < k) {
            return 1;
        }
        // C(n−c, k) / C(n, k) = Π_{i=n−c+1}^{n} (1 − k/i), without large numbers
        double none = 1;
        for (int i = n - c + 1; i <= n; i++) {
            none *= 1 - (double) k / i;
        }
        return 1 - none;
    }
}
