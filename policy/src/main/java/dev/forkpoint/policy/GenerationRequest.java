package dev.forkpoint.policy;

/**
 * One response to sample. With the policy it determines the response completely.
 *
 * @param promptIds token ids of the prompt, at least one
 * @param seed of this response's random numbers (see {@link dev.forkpoint.policy.sampling.Seeds})
 * @param sampling how tokens are drawn
 */
public record GenerationRequest(int[] promptIds, long seed, SamplingParameters sampling) {

    public GenerationRequest {
        if (promptIds.length == 0) {
            throw new IllegalArgumentException("promptIds: empty (expected: at least one token)");
        }
        promptIds = promptIds.clone();
    }
}
