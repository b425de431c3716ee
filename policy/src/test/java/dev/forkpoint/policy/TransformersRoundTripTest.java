package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** transformers and PEFT load what we write and compute what we compute. */
class TransformersRoundTripTest {

    private static final int[] IDS = {18, 225, 5, 372, 104, 3, 77, 150, 12, 391, 60, 31, 8};

    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({
        "qwen3-tied, float32",
        "qwen2-bias, bfloat16",
        "llama3-rope, float16",
        "qwen3-sharded-bf16, bfloat16"
    })
    void transformersAgreesOnATrainedAndPublishedPolicy(String name, String dtype)
            throws Exception {
        PythonPeer.assumeModules("torch", "transformers");
        Path out = folder.resolve("published");
        try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults());
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            train(trainer);
            trainer.publish(out, dtype);
        }
        compare(out, "-", PolicyOptions.defaults());
    }

    @ParameterizedTest
    @CsvSource({"qwen3-tied, false", "llama3-rope, true"})
    void peftAgreesOnATrainedAdapterAndTransformersOnItsMergedExport(
            String name, boolean stabilized) throws Exception {
        PythonPeer.assumeModules("torch", "transformers", "peft");
        Path adapter = folder.resolve("adapter");
        Path merged = folder.resolve("merged");
        LoraSettings settings =
                new LoraSettings(
                        4,
                        8,
                        stabilized,
                        List.of("q_proj", "k_proj", "o_proj", "up_proj"),
                        java.util.Map.of("layers.1.self_attn.q_proj", 2),
                        java.util.Map.of("up_proj", 3.0),
                        7);
        try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults());
                Trainer trainer =
                        new Trainer(policy, TrainerOptions.defaults().withLora(settings))) {
            train(trainer);
            trainer.publish(adapter, "float32");
            policy.save(merged, "float32");
        }
        compare(
                Fixtures.folder(name),
                adapter.toString(),
                PolicyOptions.defaults().withAdapter(adapter));
        compare(merged, "-", PolicyOptions.defaults());
    }

    private static void train(Trainer trainer) {
        for (int i = 0; i < 5; i++) {
            trainer.accumulate(
                    List.of(new TrainingSequence(IDS, IntStream.range(1, IDS.length).toArray())),
                    1,
                    (s, logProb, entropy, dLogProb, dEntropy) -> Arrays.fill(dLogProb, -0.1f));
            trainer.apply(AdamW.of(5e-3));
        }
    }

    private static void compare(Path checkpoint, String adapter, PolicyOptions options)
            throws Exception {
        PythonPeer.Result result =
                PythonPeer.run(
                        PythonPeer.script("score_with_transformers.py").toString(),
                        checkpoint.toString(),
                        adapter,
                        Arrays.toString(IDS));
        assertThat(result.code()).isZero();
        JsonObject theirs = JsonParser.parseString(result.output()).getAsJsonObject();
        double[] expected = Fixtures.doubles(theirs.get("logprob_of_next"));
        try (Policy policy = Policy.load(checkpoint, options);
                Scorer scorer = new Scorer(policy, ScorerOptions.defaults());
                Generator generator = new Generator(policy, GeneratorOptions.defaults())) {
            TokenScores ours = scorer.score(List.of(IDS), 1).get(0);
            for (int t = 1; t < IDS.length; t++) {
                assertThat((double) ours.logProb()[t]).isCloseTo(expected[t - 1], within(2e-4));
            }
            Rollout greedy =
                    Generations.run(
                                    generator,
                                    List.of(
                                            new GenerationRequest(
                                                    IDS,
                                                    0,
                                                    SamplingParameters.greedy(12).ignoringEos())))
                            .get(0);
            assertThat(greedy.tokenIds()).isEqualTo(Fixtures.ints(theirs.get("greedy")));
            assertThat(policy.tokenizer().encode("12 + 30 wait", true))
                    .isEqualTo(Fixtures.ints(theirs.get("tokens")));
        }
    }
}
