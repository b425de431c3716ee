package dev.forkpoint.reward.verifier;

/**
 * Counter-based random numbers: draw number n of a stream is a pure function of (key, n), so that
 * any problem of an endless sequence is computed alone. The mixer is SplitMix64's finaliser
 * (Steele, Lea, Flood 2014, with Stafford's constants "Mix13"). Not thread-safe.
 */
public final class CounterRandom {
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private final long key;
    private long counter;

    private CounterRandom(long key) {
        this.key = key;
    }

    /** The stream named by the given words, e.g. seed, split and index. */
    public static CounterRandom of(long... words) {
        long key = 0x466f726b706f696eL;
        for (long word : words) {
            key = mix(key * GOLDEN + mix(word + GOLDEN));
        }
        return new CounterRandom(key);
    }

    /** Mixes all bits of a word into all bits of the result; a bijection. */
    public static long mix(long word) {
        long z = (word ^ (word >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    public long nextLong() {
        return mix(key + GOLDEN * ++counter);
    }

    /** Uniform in 0..bound − 1; the bias of the multiply-and-shift is below 2⁻³². */
    public int below(int bound) {
        if (bound <= 0) {
            throw new IllegalArgumentException("bound: %d (allowed: at least 1)".formatted(bound));
        }
        return (int) (((nextLong() >>> 32) * bound) >>> 32);
    }

    /** Uniform in low..high, both included. */
    public int between(int low, int high) {
        return low + below(high - low + 1);
    }

    /** Uniform in [0, 1) with 53 bits. */
    public double unit() {
        return (nextLong() >>> 11) * 0x1.0p-53;
    }
}
