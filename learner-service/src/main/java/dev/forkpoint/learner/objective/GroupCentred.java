package dev.forkpoint.learner.objective;

/**
 * Reward against the group's mean, not divided: no prompt weighs more for being nearly solved or
 * unsolved.
 */
@Published(
        name = "group_centred",
        summary = "Reward minus the group's mean, without division by the deviation.",
        equation = "A_i = r_i − mean(r)",
        source = "Dr. GRPO, arXiv 2503.20783")
public record GroupCentred() implements AdvantageEstimator {
    public static GroupCentred defaults() {
        return new GroupCentred();
    }

    @Override
    public double[] advantages(double[] reward, boolean[] correct, int[] groupOffset) {
        return Group.advantages(reward, groupOffset, (r, group) -> r - group.mean());
    }
}
