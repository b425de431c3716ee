package dev.forkpoint.reward;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.forkpoint.reward.grpc.Verifiers;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.Verifier;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every example of docs/reference/verifiers.md. */
class VerifiersDocTest {
    private static final Path PAGE = Path.of("../docs/reference/verifiers.md");

    private final VerifierRegistry verifiers = Verifiers.all();

    static Stream<String> examples() throws IOException {
        return Files.readAllLines(PAGE).stream().filter(line -> line.startsWith("{\"verifier\""));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("examples")
    void exampleHasTheVerdictThatThePageSays(String line) {
        JsonObject example = JsonParser.parseString(line).getAsJsonObject();
        boolean bare = example.has("form") && example.get("form").getAsString().equals("answer");
        int[] tokens =
                example.has("token_ids")
                        ? new Gson().fromJson(example.get("token_ids"), int[].class)
                        : new int[0];
        Item item =
                new Item(
                        example.has("gold") ? example.get("gold").getAsString() : "",
                        example.get("prediction").getAsString(),
                        bare ? Item.Form.ANSWER : Item.Form.RESPONSE,
                        tokens,
                        fields(example, "task"),
                        fields(example, "options"),
                        false);
        Verdict verdict = verifiers.verify(example.get("verifier").getAsString(), item);
        assertThat(verdict.code().name())
                .as(verdict.toString())
                .isEqualTo(example.get("verdict").getAsString());
        if (example.has("reward")) {
            assertThat(verdict.score()).isEqualTo(example.get("reward").getAsDouble());
        }
    }

    @Test
    void pageHasASectionForEveryVerifier() throws IOException {
        List<String> lines = Files.readAllLines(PAGE);
        assertThat(verifiers.all())
                .extracting(Verifier::name)
                .allMatch(name -> lines.contains("## `" + name + "`"));
    }

    @SuppressWarnings("unchecked")
    private static Fields fields(JsonObject example, String name) {
        Map<String, Object> values =
                example.has(name) ? new Gson().fromJson(example.get(name), Map.class) : Map.of();
        return Fields.of(name, values);
    }
}
