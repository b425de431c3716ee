package dev.forkpoint.policy.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Makes a randomly initialised Qwen3 checkpoint: matrices from N(0, 0.02²), norm weights 1. */
public final class NewCheckpoint {

    /**
     * Shape of the model.
     *
     * @param hiddenSize width
     * @param layers decoder layers
     * @param attentionHeads query heads
     * @param keyValueHeads a divisor of the query heads
     * @param headDimension even
     * @param intermediateSize of the feed-forward block
     * @param vocabularySize rows of the embedding, at least what the tokenizer needs
     * @param maxPositions longest sequence
     * @param tiedEmbeddings the head is the embedding
     * @param eosId token that ends a response
     * @param padId padding token
     */
    public record Shape(
            int hiddenSize,
            int layers,
            int attentionHeads,
            int keyValueHeads,
            int headDimension,
            int intermediateSize,
            int vocabularySize,
            int maxPositions,
            boolean tiedEmbeddings,
            int eosId,
            int padId) {}

    private NewCheckpoint() {}

    /**
     * Writes a Hugging Face folder, atomically and with a manifest. The same arguments give the
     * same bytes.
     *
     * @param directory must not exist
     * @param files further files by name, such as {@code tokenizer.json}, {@code
     *     tokenizer_config.json}, {@code chat_template.jinja}
     */
    public static void write(Path directory, Shape shape, long seed, Map<String, byte[]> files)
            throws IOException {
        throw new UnsupportedOperationException();
    }
}
