package dev.forkpoint.policy;

import java.util.Optional;

/**
 * What config.json and generation_config.json say of a model. H hidden, D head, V vocabulary.
 *
 * @param modelType {@code qwen3}, {@code qwen2} or {@code llama}
 * @param vocabularySize V, rows of the embedding
 * @param hiddenSize H
 * @param layers decoder layers
 * @param attentionHeads query heads
 * @param keyValueHeads key and value heads, a divisor of the query heads
 * @param headDimension D
 * @param intermediateSize of the feed-forward block
 * @param maxPositions longest sequence, prompt and response together, tokens
 * @param tiedEmbeddings the head is the embedding
 * @param attentionBias query, key and value products have a bias
 * @param queryKeyNorm queries and keys are normalised (Qwen3)
 * @param normEpsilon of every RMS norm
 * @param ropeTheta base of the rotary frequencies
 * @param ropeScaling how these are stretched
 * @param eosIds tokens that end a response
 * @param padId padding, where the model names one
 * @param dtype of the weights on disk: {@code float32}, {@code bfloat16} or {@code float16}
 * @param parameterCount parameters, a tied head counted once
 */
public record ModelConfig(
        String modelType,
        int vocabularySize,
        int hiddenSize,
        int layers,
        int attentionHeads,
        int keyValueHeads,
        int headDimension,
        int intermediateSize,
        int maxPositions,
        boolean tiedEmbeddings,
        boolean attentionBias,
        boolean queryKeyNorm,
        double normEpsilon,
        double ropeTheta,
        Optional<RopeScaling> ropeScaling,
        int[] eosIds,
        Optional<Integer> padId,
        String dtype,
        long parameterCount) {

    /**
     * Stretched rotary frequencies.
     *
     * @param type {@code linear} or {@code llama3}
     * @param factor by which long wavelengths are stretched
     * @param lowFrequencyFactor llama3 only
     * @param highFrequencyFactor llama3 only
     * @param originalMaxPositions llama3 only
     */
    public record RopeScaling(
            String type,
            double factor,
            double lowFrequencyFactor,
            double highFrequencyFactor,
            int originalMaxPositions) {}
}
