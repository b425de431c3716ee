package dev.forkpoint.learner.step;

import dev.forkpoint.policy.selection.TopSelection;

/** Whether two sources of entropy choose the same tokens. */
public final class SourceOverlap {
    private SourceOverlap() {}

    /**
     * The share of the top ρ by one source that is also in the top ρ by the other.
     *
     * @param one [n], n ≥ 1, nats
     * @param other [n], of the same tokens
     * @param rho share kept, above 0, at most 1
     */
    public static double of(float[] one, float[] other, double rho) {
        if (one.length == 0 || one.length != other.length) {
            throw new IllegalArgumentException(
                    "entropies: "
                            + one.length
                            + " and "
                            + other.length
                            + " (expected: of the same tokens, at least 1)");
        }
        boolean[] here = TopSelection.select(one, rho).kept();
        boolean[] there = TopSelection.select(other, rho).kept();
        int both = 0;
        for (int t = 0; t < here.length; t++) {
            both += here[t] && there[t] ? 1 : 0;
        }
        return (double) both / TopSelection.count(one.length, rho);
    }
}
