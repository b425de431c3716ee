package dev.forkpoint.reward.math;

/**
 * Whether two values are equal, and how that was found.
 *
 * @param equal the answer
 * @param exact false if it rests on identity testing at random points, or on a comparison of form
 *     alone
 * @param rule a stable name
 */
record Decision(boolean equal, boolean exact, String rule) {
    static Decision equal(String rule) {
        return new Decision(true, true, rule);
    }

    static Decision probablyEqual(String rule) {
        return new Decision(true, false, rule);
    }

    static Decision different(String rule) {
        return new Decision(false, true, rule);
    }

    static Decision probablyDifferent(String rule) {
        return new Decision(false, false, rule);
    }

    /** Both must hold: this one is equal, so the other decides. */
    Decision and(Decision other) {
        return other.equal
                ? new Decision(true, exact && other.exact, exact ? other.rule : rule)
                : other;
    }
}
