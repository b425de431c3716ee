package dev.forkpoint.triton;

/**
 * What samples tokens behind a Triton model: one for each loaded policy version. It batches as it
 * likes; Triton hands every request over at once.
 */
public interface TokenEngine extends AutoCloseable {

    Limits limits();

    /** Whether every token comes with entropy and collision probability. */
    default boolean reportsEntropy() {
        return true;
    }

    /** Whether the same request always gives the same tokens. */
    default boolean deterministic() {
        return true;
    }

    /**
     * Queues a rollout and returns; called on Triton's instance thread. May throw {@link
     * TritonException} for what it cannot take (then the sink is not called).
     *
     * <p>After {@link RolloutHandle#cancel} the engine frees the rollout's slot within one decode
     * step and ends the sink.
     */
    RolloutHandle submit(RolloutRequest request, RolloutSink sink);

    /** Frees everything. Rollouts still running end with UNAVAILABLE. */
    @Override
    void close();

    /**
     * What a request is held to before it reaches the engine.
     *
     * @param vocabularySize ids are below this
     * @param contextLength prompt and response together
     */
    record Limits(int vocabularySize, int contextLength) {

        public Limits {
            RolloutRequest.require(vocabularySize > 0, "vocabularySize", vocabularySize, "above 0");
            RolloutRequest.require(contextLength > 1, "contextLength", contextLength, "above 1");
        }

        /**
         * @throws TritonException INVALID_ARGUMENT, naming the tensor, what was found and what is
         *     allowed
         */
        public void check(RolloutRequest request) {
            checkIds("prompt_ids", request.promptIds());
            checkIds("stop_ids", request.stopIds());
            if (request.promptIds().length >= contextLength) {
                throw RolloutRequest.refused(
                        "prompt_ids",
                        request.promptIds().length + " ids",
                        "fewer than the policy's context of " + contextLength);
            }
        }

        private void checkIds(String name, int[] ids) {
            for (int i = 0; i < ids.length; i++) {
                if (ids[i] < 0 || ids[i] >= vocabularySize) {
                    throw RolloutRequest.refused(
                            name + "[" + i + "]", ids[i], "0 to " + (vocabularySize - 1));
                }
            }
        }
    }

    /**
     * Opens a policy. Everything that can be wrong with it must show here, before it replaces the
     * one that serves.
     */
    @FunctionalInterface
    interface Factory {
        TokenEngine open(PolicySpec policy) throws Exception;
    }
}
