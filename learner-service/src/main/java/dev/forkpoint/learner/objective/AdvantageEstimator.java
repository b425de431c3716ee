package dev.forkpoint.learner.objective;

/** From the shaped rewards of a step's groups to one advantage a response. Immutable. */
public sealed interface AdvantageEstimator
        permits GroupNormalised, GroupCentred, LeaveOneOut, BatchNormalised, MasteryScaled {
    /**
     * Advantages of a whole step. Responses of a group of one, and of a group whose rewards are all
     * equal, get exactly 0: such a group says nothing about which response is better.
     *
     * @param reward [R], shaped, finite
     * @param correct [R], the verifier's verdict
     * @param groupOffset [P + 1], responses of group g are groupOffset[g] … groupOffset[g + 1] − 1
     * @return [R]
     */
    double[] advantages(double[] reward, boolean[] correct, int[] groupOffset);

    /** Whether an advantage needs at least two responses of a prompt. */
    default boolean needsGroup() {
        return true;
    }
}
