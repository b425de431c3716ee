package dev.forkpoint.learner.objective;

/** The option that most selectors share. */
final class KeepFraction {
    static final String MEANING =
            "ρ, share of tokens kept, above 0, at most 1, read as the decimal it is written as";
    static final double OF_THE_PAPER = 0.2;

    private KeepFraction() {}

    static void check(String selector, double keepFraction) {
        if (!(keepFraction > 0 && keepFraction <= 1)) {
            throw new IllegalArgumentException(
                    selector
                            + ".keep_fraction: "
                            + keepFraction
                            + " (expected: above 0, at most 1)");
        }
    }
}
