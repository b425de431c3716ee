package dev.forkpoint.policy;

import static dev.forkpoint.policy.Fixtures.doubles;
import static dev.forkpoint.policy.Fixtures.ints;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Against the values of transformers in the fixtures, with the tolerances of their README. */
class TransformersGoldenTest {

    private static final double NATS = 2e-4;

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void scoresAreThoseOfTransformersAtBothTemperatures(String name) throws Exception {
        try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults());
                Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            for (JsonElement e : Fixtures.golden(name).getAsJsonArray("sequences")) {
                JsonObject s = e.getAsJsonObject();
                int[] ids = ints(s.get("ids"));
                double[] logProb = doubles(s.get("logprob_of_next"));
                for (String temperature : new String[] {"1.0", "0.7"}) {
                    double[] entropy = doubles(s.getAsJsonObject("entropy_at").get(temperature));
                    TokenScores scores =
                            scorer.score(List.of(ids), Double.parseDouble(temperature)).get(0);
                    assertThat(scores.logProb()[0]).isNaN();
                    for (int t = 1; t < ids.length; t++) {
                        assertThat((double) scores.entropy()[t])
                                .isCloseTo(entropy[t - 1], within(NATS));
                        if (temperature.equals("1.0")) {
                            assertThat((double) scores.logProb()[t])
                                    .isCloseTo(logProb[t - 1], within(NATS));
                        }
                    }
                }
                int[] top = ints(s.get("top3_last"));
                int[] extended = Arrays.copyOf(ids, ids.length + 1);
                extended[ids.length] = top[1];
                TopScores scores = scorer.top(List.of(extended), 1, 3).get(0);
                assertThat(scores.tokenIds()[ids.length]).isEqualTo(top);
                assertThat(scores.rank()[ids.length]).isEqualTo(2);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void greedyTokensAreThoseOfTransformers(String name) throws Exception {
        try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults());
                Generator generator = new Generator(policy, GeneratorOptions.defaults())) {
            List<GenerationRequest> requests = new ArrayList<>();
            List<int[]> expected = new ArrayList<>();
            for (JsonElement g : Fixtures.golden(name).getAsJsonArray("greedy")) {
                requests.add(
                        new GenerationRequest(
                                ints(g.getAsJsonObject().get("prompt")),
                                0,
                                SamplingParameters.greedy(16).ignoringEos()));
                expected.add(ints(g.getAsJsonObject().get("new")));
            }
            List<Rollout> rollouts = Generations.run(generator, requests);
            for (int i = 0; i < expected.size(); i++) {
                assertThat(Arrays.copyOf(rollouts.get(i).tokenIds(), expected.get(i).length))
                        .isEqualTo(expected.get(i));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void lossesAndGradientNormsAreThoseOfTransformersHoweverTheBatchIsCut(String name)
            throws Exception {
        JsonObject learner = Fixtures.golden(name).getAsJsonObject("learner");
        try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults())) {
            for (JsonElement c : learner.getAsJsonArray("cases")) {
                for (int tokens : new int[] {1, 60, 10_000}) {
                    for (boolean checkpointing : new boolean[] {false, true}) {
                        TrainerOptions options =
                                TrainerOptions.defaults()
                                        .withTokensPerMicroBatch(tokens)
                                        .withGradientCheckpointing(checkpointing);
                        check(policy, options, learner, c.getAsJsonObject());
                    }
                }
            }
        }
    }

    private static void check(
            Policy policy, TrainerOptions options, JsonObject learner, JsonObject c) {
        int[] lengths = ints(learner.get("lengths"));
        int[] prompts = ints(learner.get("prompt_lens"));
        double[] advantage = doubles(learner.get("advantages_std_unbiased"));
        double threshold = c.get("threshold").getAsDouble();
        double tokens = c.get("response_tokens").getAsDouble();
        boolean top = c.get("keep").getAsString().equals("top");
        List<TrainingSequence> sequences = new ArrayList<>();
        List<double[]> old = new ArrayList<>();
        for (int i = 0; i < lengths.length; i++) {
            JsonArray entropy = learner.getAsJsonArray("old_entropy").get(i).getAsJsonArray();
            sequences.add(
                    new TrainingSequence(
                            Arrays.copyOf(ints(learner.getAsJsonArray("ids").get(i)), lengths[i]),
                            IntStream.range(prompts[i], lengths[i])
                                    .filter(t -> entropy.get(t).getAsDouble() >= threshold == top)
                                    .toArray()));
            old.add(doubles(learner.getAsJsonArray("old_logprob").get(i)));
        }
        DoubleAdder loss = new DoubleAdder();
        try (Trainer trainer = new Trainer(policy, options)) {
            trainer.accumulate(
                    sequences,
                    1,
                    (i, logProb, entropy, dLogProb, dEntropy) -> {
                        double a = advantage[i];
                        for (int k = 0; k < logProb.length; k++) {
                            double ratio =
                                    Math.exp(
                                            logProb[k]
                                                    - old.get(i)[sequences.get(i).positions()[k]]);
                            double clipped = Math.max(0.8, Math.min(1.28, ratio));
                            loss.add(-Math.min(ratio * a, clipped * a) / tokens);
                            dLogProb[k] =
                                    (float) (ratio * a <= clipped * a ? -ratio * a / tokens : 0);
                        }
                    });
            GradientStatistics statistics = trainer.gradientStatistics();
            assertThat(loss.sum()).isCloseTo(c.get("loss").getAsDouble(), within(1e-5));
            double total = c.get("grad_norm_total").getAsDouble();
            assertThat(statistics.globalNorm()).isCloseTo(total, within(1e-3 * total));
            for (Map.Entry<String, JsonElement> e : c.getAsJsonObject("grad_norm").entrySet()) {
                double expected = e.getValue().getAsDouble();
                assertThat(statistics.tensorNorm().get(e.getKey()))
                        .as(e.getKey())
                        .isCloseTo(expected, within(1e-3 * expected + 1e-7));
            }
        }
    }
}
