package dev.forkpoint.policy.sampling;

/** Seeds of single responses, derived from a run's. */
public final class Seeds {

    private static final long STRIDE = 0x9E3779B97F4A7C15L;

    private Seeds() {}

    /**
     * A pure function that spreads neighbouring arguments over all 64-bit numbers.
     *
     * @param seed of the run
     * @param row index of the prompt in its data
     * @param sample index of the response among those of its prompt, over the whole run
     */
    public static long derive(long seed, long row, long sample) {
        return Uniform.mix(
                Uniform.mix(Uniform.mix(seed + STRIDE) + row + STRIDE) + sample + STRIDE);
    }
}
