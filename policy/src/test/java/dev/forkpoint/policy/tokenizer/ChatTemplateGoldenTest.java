package dev.forkpoint.policy.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Against what transformers renders (src/test/python/make_chat_golden.py), for templates in the
 * manner of the common ones.
 */
class ChatTemplateGoldenTest {

    @ParameterizedTest
    @ValueSource(
            strings = {"chatml.jinja", "qwen-like.jinja", "llama-like.jinja", "alternating.jinja"})
    void rendersWhatTransformersRenders(String name) throws IOException {
        ChatTemplate template =
                new ChatTemplate(resource(name), Map.of("bos_token", "<s>", "eos_token", "</s>"));
        int checked = 0;
        for (JsonElement e : JsonParser.parseString(resource("golden.json")).getAsJsonArray()) {
            JsonObject c = e.getAsJsonObject();
            if (!c.get("template").getAsString().equals(name)) {
                continue;
            }
            List<ChatMessage> messages = new ArrayList<>();
            for (JsonElement m : c.getAsJsonArray("messages")) {
                JsonArray pair = m.getAsJsonArray();
                messages.add(new ChatMessage(pair.get(0).getAsString(), pair.get(1).getAsString()));
            }
            boolean generation = c.get("generation").getAsBoolean();
            if (c.has("text")) {
                assertThat(template.render(messages, generation, Map.of()))
                        .as(c.get("conversation").getAsString())
                        .isEqualTo(c.get("text").getAsString());
            } else {
                assertThatThrownBy(() -> template.render(messages, generation, Map.of()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining(c.get("error").getAsString());
            }
            checked++;
        }
        assertThat(checked).isEqualTo(12);
    }

    private static String resource(String name) throws IOException {
        try (InputStream in =
                Objects.requireNonNull(
                        ChatTemplateGoldenTest.class.getResourceAsStream("/chat/" + name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
