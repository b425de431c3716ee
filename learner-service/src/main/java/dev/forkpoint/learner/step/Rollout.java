package dev.forkpoint.learner.step;

import dev.forkpoint.learner.objective.FinishReason;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * One sampled response with what was measured of it.
 *
 * @param sample number within its group, from 0
 * @param oldLogProb [T], nats
 * @param entropy [T], nats, of the run's source
 * @param collisionProbability [T], Σ_v p_v², or null where not reported
 * @param refLogProb [T], nats, or null without a reference policy
 * @param rolloutLogProb [T], nats, or null where the engine's are not needed
 * @param reward the verifier's; absent where it gave none, since it failed or the gold was
 *     unreadable
 * @param correct the verifier's verdict
 */
public record Rollout(
        int sample,
        float[] oldLogProb,
        float[] entropy,
        float @Nullable [] collisionProbability,
        float @Nullable [] refLogProb,
        float @Nullable [] rolloutLogProb,
        OptionalDouble reward,
        boolean correct,
        FinishReason finishReason) {

    /** A response that the verifier gave a finite reward. */
    boolean isRewarded() {
        return reward.isPresent() && Double.isFinite(reward.getAsDouble());
    }

    int length() {
        return oldLogProb.length;
    }
}
