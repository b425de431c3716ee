package dev.forkpoint.cli.command;

/**
 * Seeds of single responses: the same function of (seed, row, sample) that runs use, so that a
 * command replays what a run sampled. Kept here, since a command must not load the tensor library
 * of the policy room to mix three numbers; a test holds both equal.
 */
final class SampleSeeds {

    private static final long STRIDE = 0x9E3779B97F4A7C15L;

    private SampleSeeds() {}

    /**
     * @param seed of the command
     * @param row index of the prompt in its input
     * @param sample index of the response among those of its prompt
     */
    static long derive(long seed, long row, long sample) {
        return mix(mix(mix(seed + STRIDE) + row + STRIDE) + sample + STRIDE);
    }

    /** SplitMix64's finaliser (Steele, Lea, Flood 2014). */
    private static long mix(long value) {
        long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
