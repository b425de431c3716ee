package dev.forkpoint.reward.math;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.forkpoint.reward.verifier.Item;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Reads the case files of src/test/resources. */
final class Cases {
    private Cases() {}

    /**
     * A case.
     *
     * @param expected null where either verdict is fine
     * @param bounded whether it is about cost
     * @param error whether the gold must be refused
     */
    record Case(String id, Item item, @Nullable Boolean expected, boolean bounded, boolean error) {
        @Override
        public String toString() {
            return id;
        }
    }

    static List<Case> read(String resource) {
        List<Case> cases = new ArrayList<>();
        for (String line : lines(resource)) {
            JsonObject json = JsonParser.parseString(line).getAsJsonObject();
            boolean answer = json.has("form") && json.get("form").getAsString().equals("answer");
            Item item = Item.of(text(json, "gold"), text(json, "prediction"));
            String must = json.has("must") ? json.get("must").toString() : "";
            cases.add(
                    new Case(
                            json.get("id").getAsString(),
                            answer ? item.withForm(Item.Form.ANSWER) : item,
                            json.get("expected").isJsonNull()
                                    ? null
                                    : Boolean.valueOf(json.get("expected").getAsBoolean()),
                            must.contains("bounded"),
                            must.contains("error")));
        }
        return cases;
    }

    /** Lines of a resource, without blank ones and those that begin with #. */
    static List<String> lines(String resource) {
        try (InputStream in =
                        Objects.requireNonNull(
                                Cases.class.getResourceAsStream("/" + resource), resource);
                BufferedReader reader =
                        new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            return reader.lines().filter(line -> !line.isBlank() && !line.startsWith("#")).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(JsonObject json, String name) {
        JsonElement parts = json.get(name + "_parts");
        if (parts == null) {
            return json.get(name).getAsString();
        }
        StringBuilder text = new StringBuilder();
        for (JsonElement part : parts.getAsJsonArray()) {
            JsonArray pair = part.getAsJsonArray();
            text.append(pair.get(0).getAsString().repeat(pair.get(1).getAsInt()));
        }
        return text.toString();
    }
}
