package dev.forkpoint.learner.step;

import java.util.List;

/**
 * The rollouts of one prompt, in any order.
 *
 * @param promptKey number of the prompt in the run: its order in the step and the seed of its
 *     random choices
 */
public record RolloutGroup(long promptKey, List<Rollout> rollouts) {
    public RolloutGroup {
        rollouts = List.copyOf(rollouts);
    }

    /** Responses that the verifier called correct. */
    public int correct() {
        return (int) rollouts.stream().filter(Rollout::correct).count();
    }
}
