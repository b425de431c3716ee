package dev.forkpoint.learner.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Losses and gradients of TRL 1.13's own loss code, for every case of {@code objectives.json}. */
class ObjectiveGoldenTest {
    private static final double TOLERANCE = 1e-6;
    private static final int GROUP = 4;
    private static final int MAX_COMPLETION_LENGTH = 16;

    private static JsonNode golden() throws IOException {
        String folder = System.getProperty("forkpoint.fixtures", "");
        Path given = Path.of(folder.isEmpty() ? "../shared/fixtures" : folder, "objectives.json");
        try (InputStream in =
                Files.exists(given)
                        ? Files.newInputStream(given)
                        : ObjectiveGoldenTest.class.getResourceAsStream("/objectives.json")) {
            return new ObjectMapper().readTree(in);
        }
    }

    @TestFactory
    Stream<DynamicTest> agreesWithTrl() throws IOException {
        JsonNode golden = golden();
        List<DynamicTest> tests = new ArrayList<>();
        for (JsonNode item : golden.get("cases")) {
            tests.add(
                    DynamicTest.dynamicTest(item.get("name").asText(), () -> check(golden, item)));
        }
        assertThat(tests).hasSizeGreaterThanOrEqualTo(15);
        return tests.stream();
    }

    @Test
    void takesAdvantagesAsTrlDoes() throws IOException {
        JsonNode golden = golden();
        double[] reward = doubles(golden.get("rewards"));
        double[] advantage =
                new GroupNormalised(1e-4)
                        .advantages(
                                reward,
                                new boolean[reward.length],
                                new int[] {0, GROUP, 2 * GROUP});
        double[] expected = doubles(golden.get("advantages"));
        for (int i = 0; i < expected.length; i++) {
            assertThat(advantage[i])
                    .as("advantage of %d", i)
                    .isCloseTo(expected[i], within(TOLERANCE));
        }
    }

    private static void check(JsonNode golden, JsonNode item) {
        Step step = step(golden);
        Objective objective = objective(item.get("options"));
        double[] logProb = flat(golden, "logprob");
        double[] entropy = flat(golden, "entropy");
        Evaluation evaluation = Evaluation.of(objective, step, logProb, entropy);
        assertThat(evaluation.loss()).isCloseTo(item.get("loss").asDouble(), within(TOLERANCE));
        double[] expected = flat(golden, item.get("grad_logprob"));
        for (int t = 0; t < expected.length; t++) {
            assertThat(evaluation.byLogProb()[t])
                    .as("d loss / d logprob of token %d", t)
                    .isCloseTo(expected[t], within(TOLERANCE));
        }
    }

    private static Objective objective(JsonNode options) {
        String type = options.get("loss_type").asText();
        double low = options.path("epsilon").asDouble(0.2);
        double high = options.path("epsilon_high").asDouble(0.28);
        boolean sequence =
                options.path("importance_sampling_level").asText("token").equals("sequence");
        OptionalDouble cap =
                options.has("delta")
                        ? OptionalDouble.of(options.get("delta").asDouble())
                        : OptionalDouble.empty();
        RatioReducer ratio = sequence ? new SequenceGeometricRatio() : new TokenRatio();
        Surrogate surrogate =
                switch (type) {
                    case "cispo" -> new CispoSurrogate(high);
                    case "sapo" -> SapoSurrogate.defaults();
                    case "vespo" -> VespoSurrogate.defaults();
                    default -> new ClippedSurrogate(low, high, OptionalDouble.empty(), cap, ratio);
                };
        Normaliser normaliser =
                switch (type) {
                    case "grpo", "sapo" -> new SequenceMeanNormaliser();
                    case "dr_grpo" -> new FixedLengthNormaliser(MAX_COMPLETION_LENGTH);
                    case "luspo" -> new SequenceSumNormaliser();
                    default -> new AllTokensNormaliser();
                };
        double quantile = options.path("top_entropy_quantile").asDouble(1);
        TokenSelector selector = quantile < 1 ? new TopEntropy(quantile) : new AllTokens();
        if (options.has("off_policy_mask_threshold")) {
            selector =
                    new OffPolicySequenceMask(
                            options.get("off_policy_mask_threshold").asDouble(), 1);
        }
        Objective objective = Objective.defaults().with(selector).with(surrogate).with(normaliser);
        double beta = options.path("beta").asDouble(0);
        return beta == 0 ? objective : objective.with(KlK3.defaults(), beta);
    }

    private static Step step(JsonNode golden) {
        JsonNode mask = golden.get("mask");
        int[] lengths = new int[mask.size()];
        for (int i = 0; i < lengths.length; i++) {
            for (JsonNode bit : mask.get(i)) {
                lengths[i] += bit.asInt();
            }
        }
        return Steps.of(
                lengths,
                doubles(golden.get("advantages")),
                floats(flat(golden, "old_logprob")),
                floats(flat(golden, "entropy")),
                floats(flat(golden, "ref_logprob")));
    }

    private static double[] flat(JsonNode golden, String name) {
        return flat(golden, golden.get(name));
    }

    /** The masked-in values of a padded array. */
    private static double[] flat(JsonNode golden, JsonNode padded) {
        List<Double> values = new ArrayList<>();
        for (int i = 0; i < padded.size(); i++) {
            for (int t = 0; t < padded.get(i).size(); t++) {
                if (golden.get("mask").get(i).get(t).asInt() == 1) {
                    values.add(padded.get(i).get(t).asDouble());
                }
            }
        }
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private static double[] doubles(JsonNode values) {
        double[] array = new double[values.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = values.get(i).asDouble();
        }
        return array;
    }

    private static float[] floats(double[] values) {
        float[] array = new float[values.length];
        for (int i = 0; i < array.length; i++) {
            array[i] = (float) values[i];
        }
        return array;
    }
}
