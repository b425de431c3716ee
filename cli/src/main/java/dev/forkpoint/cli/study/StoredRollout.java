package dev.forkpoint.cli.study;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What analyses need of a run's stored rollouts; columns as learner-service writes them. T tokens
 * of the response; lists have one value a token.
 *
 * @param promptIds token ids of the prompt
 * @param tokenIds [T]
 * @param logProb [T], nats, of the engine
 * @param oldLogProb [T], nats, as scored again; null where it was not
 * @param entropy [T], nats; null where there is none
 * @param collisionProbability [T], Σ p²; null where not reported
 */
public record StoredRollout(
        List<Integer> promptIds,
        List<Integer> tokenIds,
        List<Float> logProb,
        @Nullable List<Float> oldLogProb,
        @Nullable List<Float> entropy,
        @Nullable List<Float> collisionProbability) {

    /** A response without scores. */
    public static StoredRollout bare(List<Integer> promptIds, List<Integer> tokenIds) {
        return new StoredRollout(promptIds, tokenIds, List.of(), null, null, null);
    }
}
