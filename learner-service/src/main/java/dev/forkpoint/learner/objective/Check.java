package dev.forkpoint.learner.objective;

/** Argument checks whose message names the option or array, what was found and what is allowed. */
final class Check {
    private Check() {}

    static double inRange(String name, double value, double low, double high) {
        if (!(value >= low && value <= high)) {
            throw new IllegalArgumentException(
                    name + ": " + value + " (expected: " + low + " to " + high + ")");
        }
        return value;
    }

    static double positive(String name, double value) {
        if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    name + ": " + value + " (expected: above 0, finite)");
        }
        return value;
    }

    static double notNegative(String name, double value) {
        if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    name + ": " + value + " (expected: 0 or above, finite)");
        }
        return value;
    }

    static double finite(String name, double value) {
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: finite)");
        }
        return value;
    }

    static int atLeast(String name, int value, int low) {
        if (value < low) {
            throw new IllegalArgumentException(
                    name + ": " + value + " (expected: at least " + low + ")");
        }
        return value;
    }

    static void length(String name, int found, int expected) {
        if (found != expected) {
            throw new IllegalArgumentException(
                    name + ": " + found + " values (expected: " + expected + ")");
        }
    }

    static void allFinite(String name, float[] values) {
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new NonFiniteException(name, i, values[i]);
            }
        }
    }

    static void allFinite(String name, double[] values) {
        for (int i = 0; i < values.length; i++) {
            if (!Double.isFinite(values[i])) {
                throw new NonFiniteException(name, i, values[i]);
            }
        }
    }
}
