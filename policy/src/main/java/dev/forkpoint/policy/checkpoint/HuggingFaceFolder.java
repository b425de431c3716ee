package dev.forkpoint.policy.checkpoint;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.forkpoint.policy.PolicyFormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The small files of a checkpoint, kept in memory so that a policy can be written long after its
 * folder is gone.
 */
public final class HuggingFaceFolder {

    /**
     * What is carried over from a checkpoint to the next, untouched but for config.json's dtype.
     */
    private static final List<String> CARRIED =
            List.of(
                    "config.json",
                    "generation_config.json",
                    "tokenizer.json",
                    "tokenizer_config.json",
                    "chat_template.jinja",
                    "chat_template.json",
                    "special_tokens_map.json",
                    "added_tokens.json",
                    "vocab.json",
                    "merges.txt",
                    "tokenizer.model");

    private final SortedMap<String, byte[]> files;

    private HuggingFaceFolder(SortedMap<String, byte[]> files) {
        this.files = files;
    }

    /** Reads what there is. */
    public static HuggingFaceFolder read(Path directory) throws PolicyFormatException {
        SortedMap<String, byte[]> files = new TreeMap<>();
        for (String name : CARRIED) {
            Path file = directory.resolve(name);
            if (Files.isRegularFile(file)) {
                try {
                    files.put(name, Files.readAllBytes(file));
                } catch (IOException e) {
                    throw new PolicyFormatException(
                            file + ": cannot be read: " + e.getMessage(), e);
                }
            }
        }
        return new HuggingFaceFolder(files);
    }

    /**
     * Writes a checkpoint with its manifest: all of it, or nothing.
     *
     * @param directory must not exist
     * @param dtype of the weights, for config.json
     * @param tensors what the weight files hold, in order
     */
    public void write(
            Path directory,
            String dtype,
            List<Safetensors.Entry> tensors,
            long maxShardBytes,
            WeightFiles.Source source)
            throws IOException {
        AtomicFiles.directory(
                directory,
                draft -> {
                    for (Map.Entry<String, byte[]> e : files.entrySet()) {
                        Files.write(
                                draft.resolve(e.getKey()),
                                e.getKey().equals("config.json")
                                        ? withDtype(e.getValue(), dtype)
                                        : e.getValue());
                    }
                    WeightFiles.write(draft, tensors, maxShardBytes, source);
                    Manifest.of(draft).write(draft);
                });
    }

    private static byte[] withDtype(byte[] config, String dtype) {
        String text = new String(config, StandardCharsets.UTF_8);
        JsonObject json = JsonParser.parseString(text).getAsJsonObject();
        String field = json.has("torch_dtype") && !json.has("dtype") ? "torch_dtype" : "dtype";
        if (json.has(field)
                && json.get(field).isJsonPrimitive()
                && json.get(field).getAsString().equals(dtype)) {
            return config;
        }
        json.addProperty(field, dtype);
        Gson gson =
                new GsonBuilder()
                        .setPrettyPrinting()
                        .serializeNulls()
                        .disableHtmlEscaping()
                        .create();
        return (gson.toJson(json) + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
