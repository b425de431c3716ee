package dev.forkpoint.policy.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.forkpoint.policy.PolicyFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** A model's tokenizer and chat template. Thread-safe. */
public final class Tokenizer implements AutoCloseable {

    private final HuggingFaceTokenizer tokenizer;
    private final Vocabulary vocabulary;
    private final Optional<ChatTemplate> template;

    /** What tokenizer.json says of ids. */
    private record Vocabulary(int size, Map<String, Integer> ids, Set<Integer> special) {}

    private Tokenizer(
            HuggingFaceTokenizer tokenizer,
            Vocabulary vocabulary,
            Optional<ChatTemplate> template) {
        this.tokenizer = tokenizer;
        this.vocabulary = vocabulary;
        this.template = template;
    }

    /**
     * Loads tokenizer.json and, where there is one, the chat template of a folder.
     *
     * @throws PolicyFormatException if tokenizer.json is missing or damaged
     */
    public static Tokenizer load(Path directory) throws PolicyFormatException {
        Path file = directory.resolve("tokenizer.json");
        if (!Files.isRegularFile(file)) {
            throw new PolicyFormatException(file + ": missing");
        }
        Vocabulary vocabulary;
        try {
            vocabulary =
                    vocabulary(JsonParser.parseString(Files.readString(file)).getAsJsonObject());
        } catch (IOException
                | JsonParseException
                | IllegalStateException
                | NullPointerException
                | UnsupportedOperationException
                | ClassCastException
                | NumberFormatException
                | StackOverflowError e) {
            throw new PolicyFormatException(
                    file + ": not a readable tokenizer: " + e.getMessage(), e);
        }
        Optional<ChatTemplate> template = ChatTemplate.load(directory);
        try {
            HuggingFaceTokenizer tokenizer =
                    OwnClassLoader.with(
                            () ->
                                    HuggingFaceTokenizer.newInstance(
                                            file,
                                            Map.of("truncation", "false", "padding", "false")));
            return new Tokenizer(tokenizer, vocabulary, template);
        } catch (IOException | RuntimeException e) {
            throw new PolicyFormatException(
                    file + ": not a readable tokenizer: " + e.getMessage(), e);
        }
    }

    private static Vocabulary vocabulary(JsonObject json) {
        int size = 0;
        Map<String, Integer> ids = new java.util.HashMap<>();
        Set<Integer> special = new HashSet<>();
        JsonElement vocab = json.getAsJsonObject("model").get("vocab");
        if (vocab.isJsonObject()) {
            for (Map.Entry<String, JsonElement> e : vocab.getAsJsonObject().entrySet()) {
                ids.put(e.getKey(), e.getValue().getAsInt());
                size = Math.max(size, e.getValue().getAsInt() + 1);
            }
        } else { // Unigram: an array of [piece, score]
            for (JsonElement e : vocab.getAsJsonArray()) {
                ids.put(e.getAsJsonArray().get(0).getAsString(), size++);
            }
        }
        if (json.has("added_tokens")) {
            for (JsonElement e : json.getAsJsonArray("added_tokens")) {
                JsonObject token = e.getAsJsonObject();
                int id = token.get("id").getAsInt();
                ids.put(token.get("content").getAsString(), id);
                size = Math.max(size, id + 1);
                if (token.get("special").getAsBoolean()) {
                    special.add(id);
                }
            }
        }
        return new Vocabulary(size, ids, special);
    }

    /**
     * @param addSpecial add what the tokenizer's post-processor adds around a text (a begin token,
     *     say)
     */
    public int[] encode(String text, boolean addSpecial) {
        return Arrays.stream(tokenizer.encode(text, addSpecial, false).getIds())
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    /**
     * @param skipSpecial leave special tokens out
     * @throws IllegalArgumentException naming the index of an id that is no token
     */
    public String decode(int[] ids, boolean skipSpecial) {
        long[] wide = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0) {
                throw new IllegalArgumentException(
                        "ids[" + i + "]: " + ids[i] + " (expected: 0 or more)");
            }
            wide[i] = ids[i];
        }
        return tokenizer.decode(wide, skipSpecial);
    }

    /**
     * Renders a conversation with the model's chat template.
     *
     * @throws IllegalStateException if the model has no chat template
     * @throws IllegalArgumentException if the template refuses the messages; carries its words
     */
    public String chat(List<ChatMessage> messages, boolean addGenerationPrompt) {
        return template.orElseThrow(
                        () -> new IllegalStateException("the model has no chat template"))
                .render(messages, addGenerationPrompt, Map.of());
    }

    /** Whether the model has a chat template. */
    public boolean hasChatTemplate() {
        return template.isPresent();
    }

    /** 1 + the highest token id. */
    public int vocabularySize() {
        return vocabulary.size;
    }

    /** The id of a token by its exact entry in the vocabulary. */
    public OptionalInt id(String token) {
        Integer id = vocabulary.ids.get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** Whether a token is special: of the model's format, not of the text. */
    public boolean special(int id) {
        return vocabulary.special.contains(id);
    }

    /** A decoder of one growing response. */
    public StreamDecoder stream(boolean skipSpecial) {
        return new StreamDecoder(this, skipSpecial);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
