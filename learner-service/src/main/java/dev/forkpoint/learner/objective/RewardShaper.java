package dev.forkpoint.learner.objective;

/** Changes a response's reward after verification and before advantages. Immutable. */
public sealed interface RewardShaper permits OverlongPenalty, ScaleReward {
    /**
     * The new reward.
     *
     * @param reward so far, finite
     * @param lengthTokens tokens of the response
     */
    double shape(double reward, int lengthTokens);
}
