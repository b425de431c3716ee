package dev.forkpoint.learner.objective;

/** A NaN or an infinity where a finite number is needed; names the array and the first index. */
public final class NonFiniteException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public NonFiniteException(String array, int index, double value) {
        super(array + "[" + index + "]: " + value + " (expected: finite)");
    }
}
