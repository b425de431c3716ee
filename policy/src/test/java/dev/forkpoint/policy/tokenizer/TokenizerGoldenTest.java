package dev.forkpoint.policy.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.forkpoint.policy.Fixtures;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TokenizerGoldenTest {

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void idsTextsAndChatPromptAreThoseOfTransformers(String name) throws Exception {
        JsonObject golden = Fixtures.golden(name);
        JsonArray texts = golden.getAsJsonArray("tokenizer");
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.folder(name))) {
            for (JsonElement e : texts) {
                JsonObject t = e.getAsJsonObject();
                int[] ids = Fixtures.ints(t.get("ids"));
                assertThat(tokenizer.encode(t.get("text").getAsString(), true)).isEqualTo(ids);
                assertThat(tokenizer.decode(ids, false)).isEqualTo(t.get("decoded").getAsString());
            }
            String prompt = golden.get("chat_prompt").getAsString();
            String question =
                    prompt.substring(prompt.indexOf('\n') + 1, prompt.indexOf("<|im_end|>"));
            assertThat(tokenizer.chat(List.of(new ChatMessage("user", question)), true))
                    .isEqualTo(prompt);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void streamedTextNeverSplitsACharacterAndAddsUpToTheWhole(String name) throws Exception {
        String text = "naïve façade — 数学 😀\n\n\tok <b>12 + 30</b> 👩‍👩‍👧 wait";
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.folder(name))) {
            int[] ids = tokenizer.encode(text, false);
            for (int step : new int[] {1, 2, 5}) {
                StreamDecoder stream = tokenizer.stream(false);
                StringBuilder all = new StringBuilder();
                for (int from = 0; from < ids.length; from += step) {
                    String piece =
                            stream.append(
                                    java.util.Arrays.copyOfRange(
                                            ids, from, Math.min(ids.length, from + step)));
                    assertThat(piece).doesNotContain("\uFFFD");
                    assertThat(
                                    piece.isEmpty()
                                            || !Character.isHighSurrogate(
                                                    piece.charAt(piece.length() - 1)))
                            .isTrue();
                    all.append(piece);
                }
                assertThat(all.append(stream.finish()).toString()).isEqualTo(text);
            }
        }
    }
}
