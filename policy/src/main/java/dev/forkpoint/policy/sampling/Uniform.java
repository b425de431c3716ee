package dev.forkpoint.policy.sampling;

/**
 * Counter-based uniform numbers: a pure function of (seed, position), SplitMix64's finaliser over
 * both.
 */
public final class Uniform {

    private Uniform() {}

    /** In [0, 1), a multiple of 2⁻²⁴. */
    public static float at(long seed, int position) {
        long z = mix(mix(seed + 0x9E3779B97F4A7C15L) + position * 0x9E3779B97F4A7C15L);
        return (z >>> 40) * 0x1p-24f;
    }

    static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
