package dev.forkpoint.learner.record;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One sampled response, as a row of a step's Parquet file. T tokens of the response; per-token
 * lists have one value a token.
 *
 * @param step that sampled it, from 1
 * @param problemIndex place of its problem in the data
 * @param prompt text of the prompt
 * @param gold its gold answer
 * @param sample number within its group, from 0
 * @param policyVersion that sampled it
 * @param promptIds token ids of the prompt
 * @param tokenIds [T], token ids of the response
 * @param logProb [T], ln π as the engine reported it, nats
 * @param oldLogProb [T], ln π as scored again, nats; null where it was not
 * @param entropy [T], nats, of the run's source; null where the engine reports none and it was not
 *     scored
 * @param collisionProbability [T], Σ_v p_v²; null where not reported
 * @param kept [T], whether the token carried gradient; null where the response took no part in the
 *     step or each update chose for itself
 * @param reward the verifier's, before shaping; null where it gave none
 * @param shapedReward after shaping; null where the response took no part in the step
 * @param advantage null where the response took no part in the step
 * @param correct the verifier's verdict
 * @param verdict its name
 * @param finishReason STOP, LENGTH or CANCELLED
 */
public record RolloutRow(
        int step,
        long problemIndex,
        String prompt,
        String gold,
        int sample,
        long policyVersion,
        List<Integer> promptIds,
        List<Integer> tokenIds,
        List<Float> logProb,
        @Nullable List<Float> oldLogProb,
        @Nullable List<Float> entropy,
        @Nullable List<Float> collisionProbability,
        @Nullable List<Boolean> kept,
        @Nullable Double reward,
        @Nullable Double shapedReward,
        @Nullable Double advantage,
        boolean correct,
        String verdict,
        String finishReason) {}
