package dev.forkpoint.policy;

/**
 * How tokens are drawn. Filters shape what may be drawn, never what is reported: log-probs and
 * entropies are of the unfiltered distribution at {@code temperature}. Filters apply in the order
 * top-k, top-p, min-p, each on what the one before left, as in transformers.
 *
 * @param maxTokens most tokens of a response, at least 1
 * @param temperature logits are divided by it; 0 takes the likeliest token (and reports at
 *     temperature 1)
 * @param topP keep the likeliest tokens whose probability sums to this, in (0, 1]; 1: off
 * @param topK keep this many of the likeliest tokens; 0: off
 * @param minP drop tokens less likely than this times the likeliest, in [0, 1]; 0: off
 * @param stopIds a response ends with any of these, beside the model's own end tokens
 * @param ignoreEos the model's own end tokens do not end a response
 */
public record SamplingParameters(
        int maxTokens,
        double temperature,
        double topP,
        int topK,
        double minP,
        int[] stopIds,
        boolean ignoreEos) {

    /** Highest temperature taken. */
    public static final double MAX_TEMPERATURE = 100;

    public SamplingParameters {
        if (maxTokens < 1) {
            throw new IllegalArgumentException(
                    "maxTokens: " + maxTokens + " (expected: at least 1)");
        }
        if (!(temperature == 0 || (temperature >= 1e-3 && temperature <= MAX_TEMPERATURE))) {
            throw new IllegalArgumentException(
                    "temperature: " + temperature + " (expected: 0, or 0.001 to 100)");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("topP: " + topP + " (expected: above 0, at most 1)");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("topK: " + topK + " (expected: 0 or more)");
        }
        if (!(minP >= 0 && minP <= 1)) {
            throw new IllegalArgumentException("minP: " + minP + " (expected: 0 to 1)");
        }
        stopIds = stopIds.clone();
    }

    /** Plain sampling at temperature 1. */
    public static SamplingParameters defaults(int maxTokens) {
        return new SamplingParameters(maxTokens, 1, 1, 0, 0, new int[0], false);
    }

    /** The likeliest token each time. */
    public static SamplingParameters greedy(int maxTokens) {
        return defaults(maxTokens).withTemperature(0);
    }

    /** The same at another temperature. */
    public SamplingParameters withTemperature(double value) {
        return new SamplingParameters(maxTokens, value, topP, topK, minP, stopIds, ignoreEos);
    }

    /** The same with filters. */
    public SamplingParameters withFilters(double newTopP, int newTopK, double newMinP) {
        return new SamplingParameters(
                maxTokens, temperature, newTopP, newTopK, newMinP, stopIds, ignoreEos);
    }

    /** The same with stop ids. */
    public SamplingParameters withStopIds(int... ids) {
        return new SamplingParameters(maxTokens, temperature, topP, topK, minP, ids, ignoreEos);
    }

    /** The same, with the model's own end tokens taken as any other. */
    public SamplingParameters ignoringEos() {
        return new SamplingParameters(maxTokens, temperature, topP, topK, minP, stopIds, true);
    }

    boolean filters() {
        return topP < 1 || topK > 0 || minP > 0;
    }
}
