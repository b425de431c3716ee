package dev.forkpoint.learner.objective;

/**
 * Counter-based random bits: SplitMix64's finaliser (Steele, Lea and Flood 2014) over a chain of
 * words.
 */
public final class Mix {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private Mix() {}

    /** 64 bits that every word moves; equal for equal words. */
    public static long hash(long... words) {
        long state = 0;
        for (long word : words) {
            state = finish(state + GOLDEN_GAMMA + word);
        }
        return state;
    }

    /**
     * Finite non-negative float, monotonic in the hash's high bits: 2 139 095 040 different values.
     */
    static float toOrderedFloat(long hash) {
        long finiteFloats = 0x7f800000L;
        return Float.intBitsToFloat((int) (((hash >>> 32) * finiteFloats) >>> 32));
    }

    private static long finish(long value) {
        long z = value;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
