package dev.forkpoint.policy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.forkpoint.policy.checkpoint.NewCheckpoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Small random Qwen3 checkpoints with a word-level tokenizer, for tests of this and other modules.
 */
public final class TinyModels {

    private TinyModels() {}

    /**
     * 2 layers of width 32 over these words: well below 0.1 M parameters. Ids: 0 pad, 1 end, 2
     * unknown, then the words in order.
     */
    public static Path write(Path directory, long seed, String... words) throws IOException {
        int vocabulary = (words.length + 3 + 15) / 16 * 16;
        return write(
                directory,
                new NewCheckpoint.Shape(32, 2, 4, 2, 16, 64, vocabulary, 512, 1e6, true, 1, 0),
                seed,
                words);
    }

    /** The same over 48 ids, with room for 2,048 tokens. */
    static Path writeLong(Path directory) throws IOException {
        return write(
                directory,
                new NewCheckpoint.Shape(32, 2, 4, 2, 16, 64, 48, 2048, 1e6, true, 1, 0),
                2,
                "a");
    }

    public static Path write(Path directory, NewCheckpoint.Shape shape, long seed, String... words)
            throws IOException {
        NewCheckpoint.write(
                directory,
                shape,
                seed,
                Map.of(
                        "tokenizer.json",
                        wordLevel(List.of(words)).getBytes(StandardCharsets.UTF_8)));
        return directory;
    }

    /** A tokenizer.json that splits at white space; what it does not know is id 2. */
    public static String wordLevel(List<String> words) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        for (String s : List.of("<pad>", "<eos>", "<unk>")) {
            ids.put(s, ids.size());
        }
        for (String w : words) {
            ids.put(w, ids.size());
        }
        JsonObject root = new JsonObject();
        root.addProperty("version", "1.0");
        JsonArray added = new JsonArray();
        for (int i = 0; i < 3; i++) {
            JsonObject token = new JsonObject();
            token.addProperty("id", i);
            token.addProperty("content", List.of("<pad>", "<eos>", "<unk>").get(i));
            for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
                token.addProperty(flag, false);
            }
            token.addProperty("special", true);
            added.add(token);
        }
        root.add("added_tokens", added);
        JsonObject split = new JsonObject();
        split.addProperty("type", "WhitespaceSplit");
        root.add("pre_tokenizer", split);
        JsonObject model = new JsonObject();
        model.addProperty("type", "WordLevel");
        JsonObject vocab = new JsonObject();
        ids.forEach(vocab::addProperty);
        model.add("vocab", vocab);
        model.addProperty("unk_token", "<unk>");
        root.add("model", model);
        return root.toString();
    }
}
