package dev.forkpoint.learner.objective;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Everything known of one step before its first update: groups, responses and their tokens, in the
 * stable order prompt, sample, position. Arrays are shared, not copied: whoever hands them over no
 * longer writes to them.
 *
 * @param number number of the step in the run, from 1
 * @param groupOffset [P + 1], responses of group g are groupOffset[g] … groupOffset[g + 1] − 1
 * @param responseKey [R], identity of a response that does not depend on its place in the step;
 *     random choices are a function of it
 * @param offset [R + 1], tokens of response i are offset[i] … offset[i + 1] − 1
 * @param oldLogProb [N], ln π_old of each sampled token, nats, at the decoding temperature
 * @param entropy [N], entropy of the distribution that produced the token, nats, of the run's
 *     source
 * @param collisionProbability [N], Σ_v p_v² of that distribution, or null where not reported
 * @param refLogProb [N], ln π_ref, nats, or null without a reference policy
 * @param rolloutLogProb [N], ln π as the engine reported it, nats, or null where not reported
 * @param reward [R], the verifier's reward before shaping
 * @param shapedReward [R], after the reward shapers
 * @param advantage [R], one value for all tokens of a response
 * @param correct [R], the verifier's verdict
 * @param finishReason [R]
 */
public record Step(
        int number,
        int[] groupOffset,
        long[] responseKey,
        int[] offset,
        float[] oldLogProb,
        float[] entropy,
        float @Nullable [] collisionProbability,
        float @Nullable [] refLogProb,
        float @Nullable [] rolloutLogProb,
        double[] reward,
        double[] shapedReward,
        double[] advantage,
        boolean[] correct,
        FinishReason[] finishReason) {

    /**
     * Checks lengths, offsets and finiteness; the message names the array and the first bad index.
     */
    // Not the compact form: javac drops its parameters' type annotations from the class file.
    public Step(
            int number,
            int[] groupOffset,
            long[] responseKey,
            int[] offset,
            float[] oldLogProb,
            float[] entropy,
            float @Nullable [] collisionProbability,
            float @Nullable [] refLogProb,
            float @Nullable [] rolloutLogProb,
            double[] reward,
            double[] shapedReward,
            double[] advantage,
            boolean[] correct,
            FinishReason[] finishReason) {
        int responses = responseKey.length;
        Check.length("offset", offset.length, responses + 1);
        ascending("offset", offset);
        ascending("groupOffset", groupOffset);
        Check.length("groupOffset's last", groupOffset[groupOffset.length - 1], responses);
        int tokens = offset[responses];
        tokens("oldLogProb", oldLogProb, tokens);
        tokens("entropy", entropy, tokens);
        tokens("collisionProbability", collisionProbability, tokens);
        tokens("refLogProb", refLogProb, tokens);
        tokens("rolloutLogProb", rolloutLogProb, tokens);
        Check.length("reward", reward.length, responses);
        Check.length("shapedReward", shapedReward.length, responses);
        Check.length("advantage", advantage.length, responses);
        Check.length("correct", correct.length, responses);
        Check.length("finishReason", finishReason.length, responses);
        Check.allFinite("reward", reward);
        Check.allFinite("shapedReward", shapedReward);
        Check.allFinite("advantage", advantage);
        this.number = number;
        this.groupOffset = groupOffset;
        this.responseKey = responseKey;
        this.offset = offset;
        this.oldLogProb = oldLogProb;
        this.entropy = entropy;
        this.collisionProbability = collisionProbability;
        this.refLogProb = refLogProb;
        this.rolloutLogProb = rolloutLogProb;
        this.reward = reward;
        this.shapedReward = shapedReward;
        this.advantage = advantage;
        this.correct = correct;
        this.finishReason = finishReason;
    }

    /** Number of groups, P. */
    public int groups() {
        return groupOffset.length - 1;
    }

    /** Number of responses, R. */
    public int responses() {
        return responseKey.length;
    }

    /** Number of response tokens, N. */
    public int tokens() {
        return oldLogProb.length;
    }

    /** Number of tokens of one response, T. */
    public int length(int response) {
        return offset[response + 1] - offset[response];
    }

    /** Share of correct responses in the group of each response, [R]. */
    double[] correctShare() {
        double[] share = new double[responses()];
        for (int g = 0; g < groups(); g++) {
            int from = groupOffset[g];
            int to = groupOffset[g + 1];
            int count = 0;
            for (int i = from; i < to; i++) {
                count += correct[i] ? 1 : 0;
            }
            Arrays.fill(share, from, to, (double) count / (to - from));
        }
        return share;
    }

    private static void tokens(String name, float @Nullable [] values, int tokens) {
        if (values != null) {
            Check.length(name, values.length, tokens);
            Check.allFinite(name, values);
        }
    }

    private static void ascending(String name, int[] offset) {
        if (offset.length == 0 || offset[0] != 0) {
            throw new IllegalArgumentException(name + ": does not begin with 0");
        }
        for (int i = 1; i < offset.length; i++) {
            if (offset[i] < offset[i - 1]) {
                throw new IllegalArgumentException(
                        name
                                + "["
                                + i
                                + "]: "
                                + offset[i]
                                + " (expected: at least "
                                + offset[i - 1]
                                + ")");
            }
        }
    }
}
