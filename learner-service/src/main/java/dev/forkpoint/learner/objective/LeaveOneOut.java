package dev.forkpoint.learner.objective;

/** Reward against the mean of the group's other responses: an unbiased baseline. */
@Published(
        name = "leave_one_out",
        summary = "Reward minus the mean reward of the other responses of the group.",
        equation = "A_i = r_i − (1/(G−1)) Σ_{j≠i} r_j",
        source = "RLOO, arXiv 2402.14740")
public record LeaveOneOut() implements AdvantageEstimator {
    public static LeaveOneOut defaults() {
        return new LeaveOneOut();
    }

    @Override
    public double[] advantages(double[] reward, boolean[] correct, int[] groupOffset) {
        return Group.advantages(
                reward,
                groupOffset,
                (r, group) -> (r - group.mean()) * group.size() / (group.size() - 1));
    }
}
