package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyLoadTest {

    @TempDir Path folder;

    private Path copy(String name) throws IOException {
        Path out = folder.resolve(name);
        Files.createDirectories(out);
        try (Stream<Path> files = Files.list(Fixtures.folder(name))) {
            for (Path f : files.filter(Files::isRegularFile).toList()) {
                Files.write(out.resolve(f.getFileName().toString()), Files.readAllBytes(f));
            }
        }
        return out;
    }

    private static void assertRefused(Path directory, String... words) {
        assertThatThrownBy(() -> Policy.load(directory, PolicyOptions.defaults()).close())
                .isInstanceOf(PolicyFormatException.class)
                .hasMessageContainingAll(words);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "model_type | \"gpt_oss\" | any of [llama, qwen2, qwen3]",
                "attention_bias | true | false",
                "mlp_bias | true | false",
                "use_sliding_window | true | sliding-window",
                "layer_types | [\"full_attention\", \"sliding_attention\"] | sliding-window",
                "rope_parameters | {\"rope_type\": \"yarn\", \"factor\": 4} | default, linear or llama3",
                "hidden_act | \"gelu\" | silu",
                "num_key_value_heads | 3 | divisor",
                "head_dim | 31 | even",
                "hidden_size | -64 | whole number",
                "hidden_size | \"x\" | whole number",
                "vocab_size | 9999999999 | whole number",
                "eos_token_id | 400 | 0 to 399",
                "quantization_config | {} | quantised",
                "dtype | \"float8\" | float32, bfloat16 or float16"
            })
    void refusesWhatItDoesNotComputeNamingTheField(String field, String value, String expected)
            throws IOException {
        Path directory = copy("qwen3-tied");
        JsonObject json =
                JsonParser.parseString(Files.readString(directory.resolve("config.json")))
                        .getAsJsonObject();
        json.add(field, JsonParser.parseString(value));
        Files.writeString(directory.resolve("config.json"), json.toString());
        Files.delete(directory.resolve("generation_config.json"));
        assertRefused(
                directory,
                "config.json",
                field.equals("rope_parameters") ? "rope_type" : field,
                expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.json", "tokenizer.json", "model.safetensors"})
    void namesTheFileThatIsMissingTruncatedOrGarbage(String name) throws IOException {
        Path directory = copy("qwen3-tied");
        byte[] good = Files.readAllBytes(directory.resolve(name));
        Files.write(directory.resolve(name), Arrays.copyOf(good, good.length / 2));
        assertRefused(directory, name);
        Files.write(directory.resolve(name), new byte[100]);
        assertRefused(directory, name);
        Files.delete(directory.resolve(name));
        assertRefused(directory, name, "missing");
        assertRefused(folder.resolve("nowhere"), "nowhere");
    }

    @Test
    void namesTheShardAndTheTensorThatAreMissing() throws IOException {
        Path directory = copy("qwen3-sharded-bf16");
        Files.delete(directory.resolve("model-00003-of-00004.safetensors"));
        assertRefused(directory, "model-00003-of-00004.safetensors", "missing");
        Path index = copy("qwen3-sharded-bf16").resolve("model.safetensors.index.json");
        Files.writeString(index, Files.readString(index).replace("model-00002", "../model-00002"));
        assertRefused(directory, "model.safetensors.index.json");
    }

    @ParameterizedTest
    @CsvSource({
        "num_hidden_layers, 3, missing from the weight files",
        "num_hidden_layers, 1, not a tensor of a",
        "intermediate_size, 161, 'shape [160, 64] (expected: [161, 64]'",
        "tie_word_embeddings, false, lm_head.weight: missing"
    })
    void namesTheTensorThatDoesNotFitTheConfiguration(String field, String value, String expected)
            throws IOException {
        Path directory = copy("qwen3-tied");
        JsonObject json =
                JsonParser.parseString(Files.readString(directory.resolve("config.json")))
                        .getAsJsonObject();
        json.add(field, JsonParser.parseString(value));
        Files.writeString(directory.resolve("config.json"), json.toString());
        assertRefused(directory, expected);
    }

    @Test
    void refusesATokenizerThatTheVocabularyDoesNotHold() throws Exception {
        Path model = TinyModels.write(folder.resolve("tiny"), 1, "a", "b");
        Files.writeString(
                model.resolve("tokenizer.json"),
                TinyModels.wordLevel(
                        java.util.stream.IntStream.range(0, 30).mapToObj(i -> "x" + i).toList()));
        Files.delete(model.resolve("forkpoint_manifest.json"));
        assertRefused(model, "tokenizer.json", "ids up to 32", "16");
    }

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void writesInShardsAndReadsBackTheSameAndLeavesTheOtherFilesAlone(String name)
            throws Exception {
        Path out = folder.resolve("out");
        try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults())) {
            policy.save(out, policy.config().dtype(), 100_000);
            assertThat(out.resolve("model.safetensors.index.json")).exists();
            try (Policy again = Policy.load(out, PolicyOptions.defaults())) {
                assertThat(again.flat().toFloatArray()).isEqualTo(policy.flat().toFloatArray());
            }
        }
        for (String file :
                List.of(
                        "config.json",
                        "generation_config.json",
                        "tokenizer.json",
                        "tokenizer_config.json",
                        "chat_template.jinja")) {
            assertThat(out.resolve(file))
                    .hasSameBinaryContentAs(Fixtures.folder(name).resolve(file));
        }
    }

    @Test
    void leavesNothingBehindWhenWritingFails() throws Exception {
        try (Policy policy = Policy.load(Fixtures.folder("qwen3-tied"), PolicyOptions.defaults())) {
            Path out = folder.resolve("out");
            assertThatThrownBy(() -> policy.save(out, "float99"))
                    .hasMessageContaining("dtype: float99");
            Files.createDirectories(out);
            assertThatThrownBy(() -> policy.save(out, "float32"))
                    .isInstanceOf(java.nio.file.FileAlreadyExistsException.class);
            try (Stream<Path> files = Files.list(folder)) {
                assertThat(files).containsExactly(out);
            }
        }
    }

    @Test
    void newCheckpointsAreTheSameForTheSameSeedAndSpreadAsAsked() throws Exception {
        Path a = TinyModels.write(folder.resolve("a"), 3, "x", "y");
        Path b = TinyModels.write(folder.resolve("b"), 3, "x", "y");
        Path c = TinyModels.write(folder.resolve("c"), 4, "x", "y");
        assertThat(a.resolve("model.safetensors"))
                .hasSameBinaryContentAs(b.resolve("model.safetensors"));
        assertThat(Files.mismatch(a.resolve("model.safetensors"), c.resolve("model.safetensors")))
                .isNotNegative();
        try (Policy policy = Policy.load(a, PolicyOptions.defaults())) {
            float[] flat = policy.flat().toFloatArray();
            var q = policy.parameters().get("model.layers.0.mlp.up_proj.weight");
            double squares = 0;
            for (long i = q.begin(); i < q.begin() + q.size(); i++) {
                squares += flat[(int) i] * flat[(int) i];
            }
            assertThat(Math.sqrt(squares / q.size())).isBetween(0.019, 0.021);
            assertThat(flat[(int) policy.parameters().get("model.norm.weight").begin()])
                    .isEqualTo(1);
            assertThat(policy.config().parameterCount()).isEqualTo(flat.length);
        }
    }

    @Test
    void namesTheDeviceThatIsNotThere() {
        assertThatThrownBy(
                        () ->
                                Policy.load(
                                        Fixtures.folder("qwen3-tied"),
                                        new PolicyOptions(
                                                "cuda:63", 0, java.util.Optional.empty())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cuda:63");
    }
}
