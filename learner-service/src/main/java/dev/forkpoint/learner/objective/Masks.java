package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;

/** Selections by set operations on masks. */
final class Masks {
    private Masks() {}

    static int count(boolean[] mask) {
        int count = 0;
        for (boolean set : mask) {
            count += set ? 1 : 0;
        }
        return count;
    }

    /** A selection that no ranking made: without threshold. */
    static Selection unranked(boolean[] kept) {
        return new Selection(kept, Float.NaN, count(kept));
    }

    /** Tokens in one selection and not in another. */
    static boolean[] minus(Selection selection, Selection other) {
        boolean[] difference = selection.kept().clone();
        for (int t = 0; t < difference.length; t++) {
            difference[t] &= !other.kept()[t];
        }
        return difference;
    }
}
