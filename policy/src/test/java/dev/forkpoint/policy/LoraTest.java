package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class LoraTest {

    @TempDir Path folder;

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void scoresWithAnAdapterAreThoseOfPeft(String name) throws Exception {
        JsonObject golden = Fixtures.golden(name).getAsJsonObject("lora");
        int[] ids = Fixtures.ints(golden.get("ids"));
        double[] expected = Fixtures.doubles(golden.get("logprob_of_next"));
        PolicyOptions options =
                PolicyOptions.defaults().withAdapter(Fixtures.folder(name).resolve("lora"));
        try (Policy base = Policy.load(Fixtures.folder(name), PolicyOptions.defaults());
                Policy adapted = Policy.load(Fixtures.folder(name), options);
                Scorer baseScorer = new Scorer(base, ScorerOptions.defaults());
                Scorer adaptedScorer = new Scorer(adapted, ScorerOptions.defaults())) {
            float[] found = adaptedScorer.score(List.of(ids), 1).get(0).logProb();
            for (int t = 1; t < ids.length; t++) {
                assertThat((double) found[t]).isCloseTo(expected[t - 1], within(2e-4));
            }
            assertThat(baseScorer.score(List.of(ids), 1).get(0).logProb()[5])
                    .isNotEqualTo(found[5]);
        }
    }

    /** dA and dB from the same loss by moving each along its own gradient. */
    @Test
    void adapterGradientAgreesWithFiniteDifferences() throws Exception {
        int[] ids = {18, 225, 5, 372, 104, 3, 77, 150};
        TrainingSequence sequence =
                new TrainingSequence(ids, IntStream.range(1, ids.length).toArray());
        Path lora = Fixtures.folder("qwen3-tied").resolve("lora");
        try (Policy policy =
                        Policy.load(
                                Fixtures.folder("qwen3-tied"),
                                PolicyOptions.defaults().withAdapter(lora));
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            double[] loss = new double[1];
            SparseObjective objective =
                    (s, logProb, entropy, dLogProb, dEntropy) -> {
                        loss[0] = 0;
                        for (int i = 0; i < logProb.length; i++) {
                            dLogProb[i] = i % 3 - 0.7f;
                            loss[0] += dLogProb[i] * logProb[i];
                        }
                    };
            trainer.accumulate(List.of(sequence), 1, objective);
            assertThat(trainer.gradientStatistics().tensorNorm().keySet())
                    .allMatch(n -> n.contains(".lora_"));
            float[] g = trainer.gradient().toFloatArray();
            float[] theta = trainer.values().toFloatArray();
            double square = 0;
            for (float x : g) {
                square += (double) x * x;
            }
            double step = 3e-3 / Math.sqrt(square);
            double[] at = new double[2];
            for (int side = 0; side < 2; side++) {
                float[] moved = theta.clone();
                for (int i = 0; i < moved.length; i++) {
                    moved[i] += (float) ((side == 0 ? step : -step) * g[i]);
                }
                trainer.setValues(moved);
                trainer.accumulate(List.of(sequence), 1, objective);
                at[side] = loss[0];
            }
            assertThat((at[0] - at[1]) / (2 * step)).isCloseTo(square, within(5e-3 * square));
        }
    }

    @Test
    void trainsTheAdapterAloneAndWritesItAsItWas() throws Exception {
        LoraSettings settings = LoraSettings.of(2, 4, 3, "q_proj", "down_proj");
        int[] ids = {18, 225, 5, 372, 104, 3, 77, 150};
        Path out = folder.resolve("adapter");
        float[] merged;
        try (Policy policy = Policy.load(Fixtures.folder("qwen3-tied"), PolicyOptions.defaults());
                Trainer trainer =
                        new Trainer(policy, TrainerOptions.defaults().withLora(settings))) {
            float[] before = policy.flat().toFloatArray();
            for (int i = 0; i < 4; i++) {
                trainer.accumulate(
                        List.of(new TrainingSequence(ids, new int[] {3, 4, 5})),
                        1,
                        (s, logProb, entropy, dLogProb, dEntropy) -> Arrays.fill(dLogProb, -1));
                trainer.apply(AdamW.of(1e-2));
            }
            merged = policy.flat().toFloatArray();
            policy.parameters()
                    .all()
                    .forEach(
                            p -> {
                                boolean adapted =
                                        p.name().contains("q_proj")
                                                || p.name().contains("down_proj");
                                int from = (int) p.begin();
                                int to = (int) (p.begin() + p.size());
                                assertThat(Arrays.equals(merged, from, to, before, from, to))
                                        .as(p.name())
                                        .isEqualTo(!adapted);
                            });
            trainer.publish(out, "float32");
        }
        try (Policy again =
                Policy.load(
                        Fixtures.folder("qwen3-tied"), PolicyOptions.defaults().withAdapter(out))) {
            assertThat(again.flat().toFloatArray()).isEqualTo(merged);
        }
        try (Stream<Path> files = Files.list(out)) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "adapter_config.json",
                            "adapter_model.safetensors",
                            "forkpoint_manifest.json");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "use_dora, true",
        "bias, \"all\"",
        "peft_type, \"LOHA\"",
        "modules_to_save, [\"lm_head\"]",
        "r, 5",
        "fan_in_fan_out, true",
        "init_lora_weights, \"pissa\"",
        "r, 0",
        "lora_alpha, \"x\""
    })
    void refusesWhatItWouldComputeOtherwiseThanPeft(String field, String value) throws Exception {
        Path copy = folder.resolve("lora");
        Files.createDirectories(copy);
        Path original = Fixtures.folder("qwen3-tied").resolve("lora");
        Files.copy(
                original.resolve("adapter_model.safetensors"),
                copy.resolve("adapter_model.safetensors"));
        JsonObject config =
                JsonParser.parseString(Files.readString(original.resolve("adapter_config.json")))
                        .getAsJsonObject();
        config.add(field, JsonParser.parseString(value.replace("'", "\"")));
        Files.writeString(copy.resolve("adapter_config.json"), config.toString());
        assertThatThrownBy(
                        () ->
                                Policy.load(
                                                Fixtures.folder("qwen3-tied"),
                                                PolicyOptions.defaults().withAdapter(copy))
                                        .close())
                .isInstanceOf(PolicyFormatException.class)
                .hasMessageContaining(copy.toString());
    }
}
