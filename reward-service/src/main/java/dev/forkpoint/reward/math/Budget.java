package dev.forkpoint.reward.math;

/**
 * The one counter that bounds a verification's cost. A unit is about the work of one small tree
 * node (tens of nanoseconds); large numbers and transcendental functions charge by their size. Not
 * thread-safe.
 */
final class Budget {
    private final long units;
    private long left;

    Budget(long units) {
        this.units = units;
        left = units;
    }

    /** What has been charged, at most all there was. */
    long spent() {
        return units - Math.max(0, left);
    }

    /**
     * @throws Refusal of kind BUDGET once more has been charged than there was
     */
    void charge(long units) {
        left -= units;
        if (left < 0) {
            throw new Refusal(Refusal.Kind.BUDGET, "deciding would cost more than the budget");
        }
    }
}
