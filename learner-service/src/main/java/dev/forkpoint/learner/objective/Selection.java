package dev.forkpoint.learner.objective;

/**
 * What a selector chose.
 *
 * @param kept [n], true for tokens that carry gradient; a mask, never indices
 * @param keptCount number of true values
 * @param threshold smallest value kept, in the unit that the selector ranks by; NaN where it does
 *     not rank
 */
public record Selection(boolean[] kept, int keptCount, double threshold) {

    static Selection of(boolean[] kept) {
        return of(kept, Double.NaN);
    }

    static Selection of(boolean[] kept, double threshold) {
        int count = 0;
        for (boolean k : kept) {
            if (k) {
                count++;
            }
        }
        return new Selection(kept, count, threshold);
    }

    /** Share of the candidates that was kept; 0 of none is 0. */
    public double keptFraction() {
        return kept.length == 0 ? 0 : (double) keptCount / kept.length;
    }

    /**
     * Tokens kept here and not there; for the control that looks at what only one ranking chooses.
     */
    Selection minus(Selection other) {
        boolean[] difference = new boolean[kept.length];
        for (int t = 0; t < kept.length; t++) {
            difference[t] = kept[t] && !other.kept[t];
        }
        return of(difference);
    }

    /** Tokens kept by both; the threshold of this one stays. */
    Selection and(Selection other) {
        boolean[] both = new boolean[kept.length];
        for (int t = 0; t < kept.length; t++) {
            both[t] = kept[t] && other.kept[t];
        }
        return of(both, Double.isNaN(threshold) ? other.threshold : threshold);
    }
}
