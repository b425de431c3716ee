package dev.forkpoint.policy.checkpoint;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.forkpoint.policy.ModelConfig;
import dev.forkpoint.policy.PolicyFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads config.json and generation_config.json. What the decoder cannot do exactly is refused by
 * name.
 */
public final class ConfigFile {

    /** Supported {@code model_type}s. */
    public static final Set<String> FAMILIES = Set.of("qwen3", "qwen2", "llama");

    private final Path file;
    private final JsonObject json;

    private ConfigFile(Path file, JsonObject json) {
        this.file = file;
        this.json = json;
    }

    /** Reads a folder's configuration. */
    public static ModelConfig read(Path directory) throws PolicyFormatException {
        Path file = directory.resolve("config.json");
        ConfigFile config = new ConfigFile(file, parse(file));
        Path generation = directory.resolve("generation_config.json");
        JsonObject generationJson = Files.exists(generation) ? parse(generation) : null;
        return config.model(generationJson);
    }

    /** Parses a JSON object. */
    static JsonObject parse(Path file) throws PolicyFormatException {
        try {
            JsonElement e = JsonParser.parseString(Files.readString(file));
            if (!e.isJsonObject()) {
                throw new PolicyFormatException(file + ": not a JSON object");
            }
            return e.getAsJsonObject();
        } catch (NoSuchFileException e) {
            throw new PolicyFormatException(file + ": missing", e);
        } catch (JsonParseException | StackOverflowError e) {
            throw new PolicyFormatException(file + ": not JSON: " + e.getMessage(), e);
        } catch (PolicyFormatException e) {
            throw e;
        } catch (IOException e) {
            throw new PolicyFormatException(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    private ModelConfig model(@Nullable JsonObject generation) throws PolicyFormatException {
        String type = string("model_type", null);
        if (!FAMILIES.contains(type)) {
            throw bad("model_type", type, "any of " + new java.util.TreeSet<>(FAMILIES));
        }
        boolean qwen3 = type.equals("qwen3");
        boolean qwen2 = type.equals("qwen2");
        int hidden = positive("hidden_size", null);
        int heads = positive("num_attention_heads", null);
        int keyValueHeads = positive("num_key_value_heads", heads);
        if (heads % keyValueHeads != 0) {
            throw bad(
                    "num_key_value_heads",
                    keyValueHeads,
                    "a divisor of num_attention_heads, " + heads);
        }
        if (!has("head_dim") && hidden % heads != 0) {
            throw bad(
                    "num_attention_heads",
                    heads,
                    "a divisor of hidden_size, " + hidden + ", where head_dim is not given");
        }
        int headDim =
                positive(
                        "head_dim", qwen3 ? Integer.valueOf(128) : Integer.valueOf(hidden / heads));
        if (headDim % 2 != 0) {
            throw bad("head_dim", headDim, "an even number");
        }
        expect("hidden_act", string("hidden_act", "silu"), "silu");
        boolean biasAsked = flag("attention_bias", false);
        if (biasAsked && !qwen2) {
            throw bad("attention_bias", true, "false for " + type);
        }
        if (flag("mlp_bias", false)) {
            throw bad("mlp_bias", true, "false");
        }
        if (flag("use_sliding_window", false)) {
            throw bad(
                    "use_sliding_window", true, "false: sliding-window attention is not supported");
        }
        if (type.equals("llama") && has("sliding_window")) {
            throw bad(
                    "sliding_window",
                    json.get("sliding_window"),
                    "none: sliding-window attention is not supported");
        }
        checkLayerTypes();
        if (has("quantization_config")) {
            throw bad(
                    "quantization_config",
                    "present",
                    "absent: quantised weights are not supported");
        }
        int vocabulary = positive("vocab_size", null);
        int layers = positive("num_hidden_layers", null);
        int intermediate = positive("intermediate_size", null);
        boolean tied = flag("tie_word_embeddings", false);
        long parameters;
        try {
            long attention =
                    Math.multiplyExact((long) headDim * (2L * heads + 2L * keyValueHeads), hidden);
            long block =
                    2L * hidden
                            + attention
                            + Math.multiplyExact(3L * hidden, intermediate)
                            + (qwen2 ? (long) headDim * (heads + 2L * keyValueHeads) : 0)
                            + (qwen3 ? 2L * headDim : 0);
            parameters =
                    Math.addExact(
                            Math.multiplyExact(block, layers),
                            hidden + Math.multiplyExact((long) vocabulary * hidden, tied ? 1 : 2));
        } catch (ArithmeticException e) {
            throw new PolicyFormatException(file + ": more parameters than can be counted", e);
        }
        JsonObject rope = ropeObject();
        return new ModelConfig(
                type,
                vocabulary,
                hidden,
                layers,
                heads,
                keyValueHeads,
                headDim,
                intermediate,
                positive("max_position_embeddings", 32768),
                tied,
                qwen2,
                qwen3,
                number(json, "rms_norm_eps", 1e-6),
                number(rope, "rope_theta", number(json, "rope_theta", 10000)),
                scaling(rope),
                ends(generation, vocabulary),
                pad(generation, vocabulary),
                dtype(),
                parameters);
    }

    private void checkLayerTypes() throws PolicyFormatException {
        JsonElement types = json.get("layer_types");
        if (types != null && types.isJsonArray()) {
            for (JsonElement t : types.getAsJsonArray()) {
                if (!t.isJsonPrimitive() || !t.getAsString().equals("full_attention")) {
                    throw bad(
                            "layer_types",
                            t,
                            "full_attention alone: sliding-window attention is not supported");
                }
            }
        }
    }

    /** transformers 5 writes rope_parameters, 4 rope_scaling beside rope_theta. */
    private JsonObject ropeObject() throws PolicyFormatException {
        for (String name : new String[] {"rope_parameters", "rope_scaling"}) {
            if (has(name)) {
                if (!json.get(name).isJsonObject()) {
                    throw bad(name, json.get(name), "an object");
                }
                return json.getAsJsonObject(name);
            }
        }
        return new JsonObject();
    }

    private Optional<ModelConfig.RopeScaling> scaling(JsonObject rope)
            throws PolicyFormatException {
        JsonElement named = rope.has("rope_type") ? rope.get("rope_type") : rope.get("type");
        String type = named == null ? "default" : named.getAsString();
        double original = number(rope, "original_max_position_embeddings", 0);
        switch (type) {
            case "default" -> {
                return Optional.empty();
            }
            case "linear" -> {
                return Optional.of(
                        new ModelConfig.RopeScaling("linear", above(rope, "factor", 0), 1, 1, 0));
            }
            case "llama3" -> {
                double low = above(rope, "low_freq_factor", 0);
                double high = above(rope, "high_freq_factor", low);
                if (!(original >= 1)) {
                    throw bad("original_max_position_embeddings", original, "at least 1");
                }
                return Optional.of(
                        new ModelConfig.RopeScaling(
                                "llama3", above(rope, "factor", 0), low, high, (int) original));
            }
            default -> throw bad("rope_type", type, "default, linear or llama3");
        }
    }

    private double above(JsonObject from, String name, double bound) throws PolicyFormatException {
        double value = number(from, name, Double.NaN);
        if (!(value > bound) || Double.isInfinite(value)) {
            throw bad(name, value, "above " + bound);
        }
        return value;
    }

    private int[] ends(@Nullable JsonObject generation, int vocabulary)
            throws PolicyFormatException {
        JsonElement e =
                generation != null && generation.has("eos_token_id")
                        ? generation.get("eos_token_id")
                        : json.get("eos_token_id");
        if (e == null || e.isJsonNull()) {
            return new int[0];
        }
        JsonArray array = new JsonArray();
        if (e.isJsonArray()) {
            array = e.getAsJsonArray();
        } else {
            array.add(e);
        }
        int[] out = new int[array.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = tokenId("eos_token_id", array.get(i), vocabulary);
        }
        return out;
    }

    private Optional<Integer> pad(@Nullable JsonObject generation, int vocabulary)
            throws PolicyFormatException {
        JsonElement e =
                generation != null && generation.has("pad_token_id")
                        ? generation.get("pad_token_id")
                        : json.get("pad_token_id");
        return e == null || e.isJsonNull()
                ? Optional.empty()
                : Optional.of(tokenId("pad_token_id", e, vocabulary));
    }

    private int tokenId(String name, JsonElement e, int vocabulary) throws PolicyFormatException {
        if (e.isJsonPrimitive()
                && e.getAsString().matches("\\d{1,9}")
                && e.getAsInt() < vocabulary) {
            return e.getAsInt();
        }
        throw bad(name, e, "0 to " + (vocabulary - 1));
    }

    private String dtype() throws PolicyFormatException {
        String name = string("dtype", string("torch_dtype", "float32"));
        if (!Set.of("float32", "bfloat16", "float16").contains(name)) {
            throw bad("dtype", name, "float32, bfloat16 or float16");
        }
        return name;
    }

    private boolean has(String name) {
        JsonElement e = json.get(name);
        return e != null && !e.isJsonNull();
    }

    private String string(String name, @Nullable String otherwise) throws PolicyFormatException {
        JsonElement e = json.get(name);
        if (e == null || e.isJsonNull()) {
            if (otherwise == null) {
                throw new PolicyFormatException(file + ": " + name + ": missing");
            }
            return otherwise;
        }
        if (!e.isJsonPrimitive()) {
            throw bad(name, e, "a text");
        }
        return e.getAsString();
    }

    private boolean flag(String name, boolean otherwise) throws PolicyFormatException {
        if (!has(name)) {
            return otherwise;
        }
        JsonElement e = json.get(name);
        if (!e.isJsonPrimitive() || !e.getAsJsonPrimitive().isBoolean()) {
            throw bad(name, e, "true or false");
        }
        return e.getAsBoolean();
    }

    private int positive(String name, @Nullable Integer otherwise) throws PolicyFormatException {
        if (!has(name)) {
            if (otherwise == null) {
                throw new PolicyFormatException(file + ": " + name + ": missing");
            }
            return otherwise;
        }
        JsonElement e = json.get(name);
        if (!e.isJsonPrimitive() || !e.getAsString().matches("[1-9]\\d{0,8}")) {
            throw bad(name, e, "a whole number from 1");
        }
        return e.getAsInt();
    }

    private double number(JsonObject from, String name, double otherwise)
            throws PolicyFormatException {
        JsonElement e = from.get(name);
        if (e == null || e.isJsonNull()) {
            return otherwise;
        }
        try {
            return e.getAsDouble();
        } catch (NumberFormatException | IllegalStateException | UnsupportedOperationException x) {
            throw bad(name, e, "a number");
        }
    }

    private void expect(String name, String value, String expected) throws PolicyFormatException {
        if (!value.equals(expected)) {
            throw bad(name, value, expected);
        }
    }

    private PolicyFormatException bad(String name, Object found, String expected) {
        return new PolicyFormatException(
                file + ": " + name + ": " + found + " (expected: " + expected + ")");
    }
}
