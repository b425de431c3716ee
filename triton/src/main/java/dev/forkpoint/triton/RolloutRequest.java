package dev.forkpoint.triton;

import dev.forkpoint.triton.TritonException.Code;
import org.jspecify.annotations.Nullable;

/**
 * One rollout to sample: the inputs of the tensor contract as Java values. A pure function of this
 * and the policy version gives the response, so the same request may be asked again, elsewhere.
 *
 * @param id names the request in logs and errors; no more than 128 characters
 * @param promptIds token ids of the prompt, at least one, each in [0, vocabulary). Not copied: do
 *     not change it
 * @param seed of the counter-based random numbers
 * @param sampling how a token is drawn
 * @param maxTokens of the response, at least 1
 * @param stopIds token ids that end the response and are its last token; may be empty
 * @param ignoreEos true: the policy's own end-of-sequence tokens do not end the response
 * @param chunks how the response is cut into messages
 * @param timeoutMicros the response must have ended this long after it was asked for; 0: no limit
 * @param priority among requests that wait in the engine, the lower goes first; 0 is ordinary
 */
public record RolloutRequest(
        String id,
        int[] promptIds,
        long seed,
        Sampling sampling,
        int maxTokens,
        int[] stopIds,
        boolean ignoreEos,
        Chunks chunks,
        long timeoutMicros,
        int priority) {

    public RolloutRequest {
        if (id.length() > 128) {
            throw refused("id", id.length() + " characters", "at most 128");
        }
        require(promptIds.length > 0, "prompt_ids", "no ids", "at least one");
        requireIds("prompt_ids", promptIds);
        require(maxTokens >= 1, "max_tokens", maxTokens, "at least 1");
        requireIds("stop_ids", stopIds);
        require(
                timeoutMicros >= 0,
                "timeout",
                timeoutMicros,
                "0 (none) or a number of microseconds above 0");
        require(priority >= -100 && priority <= 100, "priority", priority, "-100 to 100");
    }

    /**
     * How a token is drawn: softmax at the temperature, then the filters in the order top-k, top-p,
     * min-p. Log-probs, entropies and collision probabilities are those of the full distribution at
     * that temperature, before the filters.
     *
     * @param temperature 0 is greedy (log-probs and entropies then at 1), else in [0.001, 100]
     * @param topP in (0, 1]; 1: off
     * @param topK at least 0; 0: off
     * @param minP in [0, 1]; 0: off
     * @param fork another temperature at forking tokens, or null
     */
    public record Sampling(
            double temperature, double topP, int topK, double minP, @Nullable Fork fork) {

        public static final Sampling PLAIN = new Sampling(1, 1, 0, 0, null);

        public Sampling {
            require(
                    temperature == 0 || inRange(temperature),
                    "temperature",
                    temperature,
                    "0, or 0.001 to 100");
            require(topP > 0 && topP <= 1, "top_p", topP, "above 0, up to 1");
            require(topK >= 0, "top_k", topK, "at least 0");
            require(minP >= 0 && minP <= 1, "min_p", minP, "0 to 1");
        }
    }

    /**
     * Decoding at forks (arXiv 2506.01939, section 3): tokens whose entropy exceeds a threshold are
     * drawn at a temperature of their own.
     *
     * @param temperature in [0.001, 100]
     * @param entropyNats the threshold, at least 0
     */
    public record Fork(double temperature, double entropyNats) {

        public Fork {
            require(inRange(temperature), "fork_temperature", temperature, "0.001 to 100");
            require(
                    entropyNats >= 0 && entropyNats < Double.POSITIVE_INFINITY,
                    "fork_entropy",
                    entropyNats,
                    "a finite number of nats, at least 0");
        }
    }

    /**
     * How a response is cut into messages. A message costs about as much as sampling a token of a
     * small policy, so training asks for {@link #WHOLE}. When it streams, the first tokens are sent
     * at once, then whatever comes first of:
     *
     * @param tokens at least 0; a message is sent with this many; 0: no limit by number
     * @param millis at least 0; a message is sent with the first token after this time; 0: no limit
     *     by time
     */
    public record Chunks(int tokens, int millis) {

        /** One message, when the response has ended. */
        public static final Chunks WHOLE = new Chunks(0, 0);

        public Chunks {
            require(tokens >= 0, "chunk_tokens", tokens, "at least 0");
            require(millis >= 0, "chunk_millis", millis, "at least 0");
        }

        public boolean whole() {
            return tokens == 0 && millis == 0;
        }
    }

    /** With everything but the prompt, the seed and the length left at its default. */
    public static RolloutRequest of(String id, int[] promptIds, long seed, int maxTokens) {
        return new RolloutRequest(
                id,
                promptIds,
                seed,
                Sampling.PLAIN,
                maxTokens,
                new int[0],
                false,
                Chunks.WHOLE,
                0,
                0);
    }

    public RolloutRequest withChunks(Chunks other) {
        return new RolloutRequest(
                id,
                promptIds,
                seed,
                sampling,
                maxTokens,
                stopIds,
                ignoreEos,
                other,
                timeoutMicros,
                priority);
    }

    public RolloutRequest withTimeoutMicros(long other) {
        return new RolloutRequest(
                id, promptIds, seed, sampling, maxTokens, stopIds, ignoreEos, chunks, other,
                priority);
    }

    private static boolean inRange(double temperature) {
        return temperature >= 1e-3 && temperature <= 100;
    }

    private static void requireIds(String name, int[] ids) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0) {
                throw refused(name + "[" + i + "]", ids[i], "at least 0");
            }
        }
    }

    /** For what is checked seldom: its texts are made whether it holds or not. */
    static void require(boolean holds, String name, Object found, String allowed) {
        if (!holds) {
            throw refused(name, found, allowed);
        }
    }

    static TritonException refused(String name, Object found, String allowed) {
        return new TritonException(
                Code.INVALID_ARGUMENT, name + ": " + found + " (allowed: " + allowed + ")");
    }
}
