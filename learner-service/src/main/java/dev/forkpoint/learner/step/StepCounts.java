package dev.forkpoint.learner.step;

/**
 * What went into a step and what was left out of it, over everything that was sampled.
 *
 * @param groups groups handed in
 * @param singleGroups of these, with one rewarded response or none: nothing to compare
 * @param allCorrectGroups of these, with nothing but correct responses
 * @param allWrongGroups of these, without a correct response
 * @param groupsWithoutSignal of these, with advantages that are all zero
 * @param droppedGroups of these, out of the step for that
 * @param responses responses handed in
 * @param unrewardedResponses of these, without a finite reward: out of the step and of their group
 * @param emptyResponses of these, without a token
 * @param truncatedResponses of these, cut off at the token limit or at the end of the context
 * @param correctResponses of these, correct
 * @param rewardMean over rewarded responses, before shaping; 0 without any
 * @param rewardStd of the same, unbiased; 0 of fewer than two
 * @param shapedRewardMean over the same, after shaping
 * @param tokens tokens of all responses
 * @param shortest tokens of the shortest response; 0 without responses
 * @param longest tokens of the longest
 */
public record StepCounts(
        int groups,
        int singleGroups,
        int allCorrectGroups,
        int allWrongGroups,
        int groupsWithoutSignal,
        int droppedGroups,
        int responses,
        int unrewardedResponses,
        int emptyResponses,
        int truncatedResponses,
        int correctResponses,
        double rewardMean,
        double rewardStd,
        double shapedRewardMean,
        long tokens,
        int shortest,
        int longest) {}
