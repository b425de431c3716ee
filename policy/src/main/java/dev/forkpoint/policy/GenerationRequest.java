package dev.forkpoint.policy;

/**
 * One response to sample. With the policy, the first three determine the response completely.
 *
 * @param promptIds token ids of the prompt, at least one
 * @param seed of this response's random numbers (see {@link dev.forkpoint.policy.sampling.Seeds})
 * @param sampling how tokens are drawn
 * @param priority of requests that wait, the lower begins first, then the earlier; −100 to 100, 0
 *     is ordinary. One of little urgency may wait for as long as more urgent ones come
 * @param timeoutMicros from the submission on; a response that has not ended by then fails with
 *     {@link GenerationTimeoutException}, undecoded if it still waits. 0: no limit
 */
public record GenerationRequest(
        int[] promptIds, long seed, SamplingParameters sampling, int priority, long timeoutMicros) {

    public GenerationRequest {
        if (promptIds.length == 0) {
            throw new IllegalArgumentException("promptIds: empty (expected: at least one token)");
        }
        if (priority < -100 || priority > 100) {
            throw new IllegalArgumentException(
                    "priority: " + priority + " (expected: -100 to 100)");
        }
        if (timeoutMicros < 0) {
            throw new IllegalArgumentException(
                    "timeoutMicros: " + timeoutMicros + " (expected: 0 or more)");
        }
        promptIds = promptIds.clone();
    }

    /** Of ordinary priority and without a time limit. */
    public GenerationRequest(int[] promptIds, long seed, SamplingParameters sampling) {
        this(promptIds, seed, sampling, 0, 0);
    }
}
