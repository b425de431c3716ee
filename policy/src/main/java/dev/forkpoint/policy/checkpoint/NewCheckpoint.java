package dev.forkpoint.policy.checkpoint;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.forkpoint.policy.ModelConfig;
import dev.forkpoint.policy.decoder.Parameters;
import dev.forkpoint.policy.decoder.Parameters.Parameter;
import dev.forkpoint.policy.sampling.Seeds;
import dev.forkpoint.policy.sampling.Uniform;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Makes a randomly initialised Qwen3 checkpoint: matrices from N(0, 0.02²), norm weights 1. */
public final class NewCheckpoint {

    private static final double DEVIATION = 0.02;

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
     * @param ropeTheta base of the rotary frequencies
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
            double ropeTheta,
            boolean tiedEmbeddings,
            int eosId,
            int padId) {

        public Shape {
            positive("hiddenSize", hiddenSize);
            positive("layers", layers);
            positive("attentionHeads", attentionHeads);
            positive("keyValueHeads", keyValueHeads);
            positive("headDimension", headDimension);
            positive("intermediateSize", intermediateSize);
            positive("vocabularySize", vocabularySize);
            positive("maxPositions", maxPositions);
            if (attentionHeads % keyValueHeads != 0) {
                throw new IllegalArgumentException(
                        "keyValueHeads: "
                                + keyValueHeads
                                + " (expected: a divisor of attentionHeads, "
                                + attentionHeads
                                + ")");
            }
            if (headDimension % 2 != 0) {
                throw new IllegalArgumentException(
                        "headDimension: " + headDimension + " (expected: even)");
            }
            token("eosId", eosId, vocabularySize);
            token("padId", padId, vocabularySize);
        }

        private static void positive(String name, int value) {
            if (value < 1) {
                throw new IllegalArgumentException(name + ": " + value + " (expected: at least 1)");
            }
        }

        private static void token(String name, int value, int vocabulary) {
            if (value < 0 || value >= vocabulary) {
                throw new IllegalArgumentException(
                        name + ": " + value + " (expected: 0 to " + (vocabulary - 1) + ")");
            }
        }
    }

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
        AtomicFiles.directory(
                directory,
                draft -> {
                    for (Map.Entry<String, byte[]> e : files.entrySet()) {
                        Files.write(draft.resolve(e.getKey()), e.getValue());
                    }
                    Files.writeString(draft.resolve("config.json"), config(shape));
                    Files.writeString(
                            draft.resolve("generation_config.json"), generationConfig(shape));
                    ModelConfig model = ConfigFile.read(draft);
                    Parameters parameters = Parameters.of(model);
                    List<Safetensors.Entry> tensors = new ArrayList<>();
                    for (Parameter p : parameters.all()) {
                        tensors.add(
                                new Safetensors.Entry(
                                        p.name(), "F32", p.shape(), 0, p.size() * Float.BYTES));
                    }
                    WeightFiles.write(
                            draft,
                            tensors,
                            WeightFiles.MAX_SHARD_BYTES,
                            (e, out) -> random(parameters.get(e.name()), seed, out));
                    Manifest.of(draft).write(draft);
                });
    }

    private static String config(Shape s) {
        JsonObject json = new JsonObject();
        JsonArray architectures = new JsonArray();
        architectures.add("Qwen3ForCausalLM");
        json.add("architectures", architectures);
        json.addProperty("attention_bias", false);
        json.addProperty("attention_dropout", 0.0);
        json.add("bos_token_id", JsonNull.INSTANCE);
        json.addProperty("dtype", "float32");
        json.addProperty("eos_token_id", s.eosId);
        json.addProperty("head_dim", s.headDimension);
        json.addProperty("hidden_act", "silu");
        json.addProperty("hidden_size", s.hiddenSize);
        json.addProperty("initializer_range", DEVIATION);
        json.addProperty("intermediate_size", s.intermediateSize);
        json.addProperty("max_position_embeddings", s.maxPositions);
        json.addProperty("max_window_layers", s.layers);
        json.addProperty("model_type", "qwen3");
        json.addProperty("num_attention_heads", s.attentionHeads);
        json.addProperty("num_hidden_layers", s.layers);
        json.addProperty("num_key_value_heads", s.keyValueHeads);
        json.addProperty("pad_token_id", s.padId);
        json.addProperty("rms_norm_eps", 1e-6);
        json.add("rope_scaling", JsonNull.INSTANCE);
        json.addProperty("rope_theta", s.ropeTheta);
        json.add("sliding_window", JsonNull.INSTANCE);
        json.addProperty("tie_word_embeddings", s.tiedEmbeddings);
        json.addProperty("use_cache", true);
        json.addProperty("use_sliding_window", false);
        json.addProperty("vocab_size", s.vocabularySize);
        return pretty(json);
    }

    private static String generationConfig(Shape s) {
        JsonObject json = new JsonObject();
        json.addProperty("eos_token_id", s.eosId);
        json.addProperty("pad_token_id", s.padId);
        return pretty(json);
    }

    private static String pretty(JsonObject json) {
        return new GsonBuilder().setPrettyPrinting().serializeNulls().create().toJson(json) + "\n";
    }

    /** Each tensor has a stream of its own, so that its values do not depend on those before it. */
    private static void random(Parameter p, long seed, FileChannel out) throws IOException {
        long stream = Seeds.derive(seed, p.begin(), 0);
        ByteBuffer bytes = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        for (long i = 0; i < p.size(); i++) {
            bytes.putFloat(
                    p.matrix()
                            ? (float)
                                    (DEVIATION
                                            * gaussian(
                                                    stream + (i >>> 30), (int) (i & (1 << 30) - 1)))
                            : 1f);
            if (!bytes.hasRemaining()) {
                WeightFiles.writeFully(out, bytes.flip());
                bytes.clear();
            }
        }
        WeightFiles.writeFully(out, bytes.flip());
    }

    /**
     * Box and Muller's method on two numbers of one position; StrictMath, for the same bits on
     * every machine.
     */
    private static double gaussian(long stream, int position) {
        double u = Uniform.at(stream, 2 * position) + 0x1p-25;
        double angle = 2 * Math.PI * Uniform.at(stream, 2 * position + 1);
        return StrictMath.sqrt(-2 * StrictMath.log(u)) * StrictMath.cos(angle);
    }
}
