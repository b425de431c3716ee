package dev.forkpoint.learner.run;

import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.policy.v1.FinishReason;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.rollout.v1.Rollout;
import java.util.Optional;

/**
 * One response with everything that the services said of it.
 *
 * @param problemIndex place of its problem in the data
 * @param sample number within its group, from 0
 * @param verification empty when the verifier failed for it
 * @param scores of entropy-service under the version that sampled; empty where not asked for
 * @param reference scores under the reference policy; empty where not asked for
 */
public record Episode(
        Problem problem,
        long problemIndex,
        int sample,
        Rollout rollout,
        Optional<Verification> verification,
        Optional<TokenScores> scores,
        Optional<TokenScores> reference) {

    /** Response tokens. */
    public int length() {
        return rollout.getTokenIdsCount();
    }

    public boolean truncated() {
        return rollout.getFinishReason() == FinishReason.FINISH_REASON_LENGTH;
    }

    /** The verifier's word, before any shaping. */
    public boolean correct() {
        return verification.isPresent()
                && verification.get().getVerdict() == Verdict.VERDICT_CORRECT;
    }

    /** Whether there is a finite reward to learn from. */
    public boolean rewarded() {
        return verification.isPresent()
                && verification.get().hasReward()
                && Double.isFinite(verification.get().getReward());
    }
}
