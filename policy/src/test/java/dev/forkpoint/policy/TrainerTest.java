package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {

    private static final String[] WORDS =
            IntStream.range(0, 45).mapToObj(i -> "w" + i).toArray(String[]::new);

    @TempDir Path folder;

    private Policy tiny(String name) throws Exception {
        Path path = folder.resolve(name);
        if (!Files.exists(path)) {
            TinyModels.write(path, 5, WORDS);
        }
        return Policy.load(path, PolicyOptions.defaults());
    }

    private static List<TrainingSequence> sequences(int n, long seed) {
        return sequences(n, seed, 40);
    }

    /** A few prompts, of up to so many tokens, with several responses each. */
    private static List<TrainingSequence> sequences(int n, long seed, int longestPrompt) {
        Random random = new Random(seed);
        int[][] prompts = new int[1 + n / 6][];
        Arrays.setAll(
                prompts, i -> random.ints(1 + random.nextInt(longestPrompt), 0, 48).toArray());
        return IntStream.range(0, n)
                .mapToObj(
                        i -> {
                            int[] prompt = prompts[random.nextInt(prompts.length)];
                            int length = prompt.length + 1 + random.nextInt(30);
                            int[] ids = Arrays.copyOf(prompt, length);
                            for (int t = prompt.length; t < length; t++) {
                                ids[t] = random.nextInt(48);
                            }
                            return new TrainingSequence(
                                    ids,
                                    prompt.length,
                                    IntStream.range(prompt.length, length)
                                            .filter(t -> random.nextInt(3) > 0)
                                            .toArray());
                        })
                .toList();
    }

    private static final SparseObjective MIXED =
            (s, logProb, entropy, dLogProb, dEntropy) -> {
                for (int i = 0; i < logProb.length; i++) {
                    dLogProb[i] = (float) Math.sin(s + i);
                    dEntropy[i] = (float) Math.cos(s * 3 + i) / 2;
                }
            };

    @Test
    void updatesRaiseTheLogProbOfWhatIsRewarded() throws Exception {
        try (Policy policy = tiny("model");
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            double[] sums = new double[21];
            for (int update = 0; update <= 20; update++) {
                int now = update;
                trainer.accumulate(
                        List.of(new TrainingSequence(new int[] {5, 6, 7, 8}, new int[] {2, 3})),
                        1,
                        (s, logProb, entropy, dLogProb, dEntropy) -> {
                            sums[now] = logProb[0] + logProb[1];
                            Arrays.fill(dLogProb, -1);
                        });
                assertThat(trainer.apply(AdamW.of(1e-2)).updates()).isEqualTo(update + 1);
            }
            assertThat(sums[20]).isGreaterThan(sums[0] + 3);
        }
    }

    @Test
    void gradientIsTheSameHoweverSequencesAreCut() throws Exception {
        List<TrainingSequence> all = sequences(40, 3);
        try (Policy policy = tiny("model")) {
            float[] whole =
                    gradient(
                            policy,
                            TrainerOptions.defaults()
                                    .withTokensPerMicroBatch(100_000)
                                    .withThreads(1),
                            List.of(all),
                            0.8);
            for (TrainerOptions options :
                    List.of(
                            TrainerOptions.defaults().withTokensPerMicroBatch(1),
                            TrainerOptions.defaults().withTokensPerMicroBatch(150),
                            TrainerOptions.defaults()
                                    .withTokensPerMicroBatch(1000)
                                    .withGradientCheckpointing(true))) {
                assertThat(relativeDifference(gradient(policy, options, List.of(all), 0.8), whole))
                        .isLessThan(1e-5);
            }
            for (int size : new int[] {1, 7}) {
                List<List<TrainingSequence>> calls = new ArrayList<>();
                for (int i = 0; i < all.size(); i += size) {
                    calls.add(all.subList(i, Math.min(all.size(), i + size)));
                }
                assertThat(
                                relativeDifference(
                                        gradient(policy, TrainerOptions.defaults(), calls, 0.8),
                                        whole))
                        .isLessThan(1e-5);
            }
        }
    }

    @Test
    void sharedPromptsAreComputedOnceToTheSameGradient() throws Exception {
        for (int longestPrompt : new int[] {1, 40, 460}) {
            List<TrainingSequence> shared = sequences(24, 4, longestPrompt);
            List<TrainingSequence> apart =
                    shared.stream().map(s -> new TrainingSequence(s.ids(), s.positions())).toList();
            try (Policy policy = tiny("model")) {
                for (boolean checkpointing : new boolean[] {false, true}) {
                    TrainerOptions options =
                            TrainerOptions.defaults().withGradientCheckpointing(checkpointing);
                    assertThat(
                                    relativeDifference(
                                            gradient(policy, options, List.of(shared), 0.8),
                                            gradient(policy, options, List.of(apart), 0.8)))
                            .isLessThan(1e-5);
                }
            }
            int packed = packedTokens(shared);
            int alone = packedTokens(apart);
            assertThat(packed).isLessThan(longestPrompt == 1 ? alone + 1 : alone * 2 / 3);
        }
    }

    private static int packedTokens(List<TrainingSequence> sequences) {
        return MicroBatch.cut(sequences, 1 << 20, 1, MicroBatch.Purpose.TRAINING)
                .get(0)
                .rows()
                .stream()
                .mapToInt(MicroBatch.Row::tokens)
                .sum();
    }

    @Test
    void bfloat16AutocastRoundsTheGradientAndNothingElse() throws Exception {
        List<TrainingSequence> all = sequences(40, 3);
        try (Policy policy = tiny("model")) {
            float[] weights = policy.flat().toFloatArray();
            float[] exact = gradient(policy, TrainerOptions.defaults(), List.of(all), 0.8);
            for (boolean checkpointing : new boolean[] {false, true}) {
                float[] rounded =
                        gradient(
                                policy,
                                TrainerOptions.defaults()
                                        .withGradientCheckpointing(checkpointing)
                                        .withBfloat16Autocast(true),
                                List.of(all),
                                0.8);
                assertThat(relativeDifference(rounded, exact)).isBetween(1e-4, 0.03);
            }
            assertThat(policy.flat().toFloatArray()).isEqualTo(weights);
        }
    }

    /**
     * Central differences along the gradient itself: the loss must fall and rise by its squared
     * length.
     */
    @Test
    void gradientAgreesWithFiniteDifferencesAlsoForEntropies() throws Exception {
        List<TrainingSequence> all = sequences(6, 9);
        for (double temperature : new double[] {1, 0.7}) {
            try (Policy policy = tiny("model");
                    Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
                float[] g = gradient(policy, TrainerOptions.defaults(), List.of(all), temperature);
                double square = 0;
                for (float x : g) {
                    square += (double) x * x;
                }
                double step = 2e-3 / Math.sqrt(square);
                float[] flat = policy.flat().toFloatArray();
                double up = loss(policy, trainer, moved(flat, g, step), all, temperature);
                double down = loss(policy, trainer, moved(flat, g, -step), all, temperature);
                double slope = (up - down) / (2 * step);
                assertThat(slope).isCloseTo(square, within(2e-3 * square));
            }
        }
    }

    private static float[] moved(float[] flat, float[] direction, double by) {
        float[] out = flat.clone();
        for (int i = 0; i < out.length; i++) {
            out[i] += (float) (by * direction[i]);
        }
        return out;
    }

    private static double loss(
            Policy policy,
            Trainer trainer,
            float[] flat,
            List<TrainingSequence> all,
            double temperature) {
        trainer.setValues(flat);
        double[] sums = new double[all.size()];
        trainer.accumulate(
                all,
                temperature,
                (s, logProb, entropy, dLogProb, dEntropy) -> {
                    float[] dl = new float[logProb.length];
                    float[] dh = new float[logProb.length];
                    MIXED.evaluate(s, logProb, entropy, dl, dh);
                    for (int i = 0; i < logProb.length; i++) {
                        sums[s] += (double) dl[i] * logProb[i] + (double) dh[i] * entropy[i];
                    }
                });
        return Arrays.stream(sums).sum();
    }

    private static float[] gradient(
            Policy policy,
            TrainerOptions options,
            List<List<TrainingSequence>> calls,
            double temperature) {
        try (Trainer trainer = new Trainer(policy, options)) {
            int done = 0;
            for (List<TrainingSequence> call : calls) {
                int offset = done;
                trainer.accumulate(
                        call,
                        temperature,
                        (s, logProb, entropy, dLogProb, dEntropy) ->
                                MIXED.evaluate(s + offset, logProb, entropy, dLogProb, dEntropy));
                done += call.size();
            }
            return trainer.gradient().toFloatArray();
        }
    }

    private static double relativeDifference(float[] a, float[] b) {
        double difference = 0;
        double size = 0;
        for (int i = 0; i < a.length; i++) {
            difference += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
            size += (double) b[i] * b[i];
        }
        return Math.sqrt(difference / size);
    }

    @Test
    void continuesBitForBitFromSavedState() throws Exception {
        Path state = folder.resolve("state.safetensors");
        float[] expected;
        try (Policy policy = tiny("model");
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            step(trainer, 1);
            trainer.saveState(state);
            step(trainer, 2);
            expected = policy.flat().toFloatArray();
        }
        try (Policy policy = tiny("model");
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            trainer.restoreState(state);
            assertThat(trainer.updates()).isEqualTo(1);
            step(trainer, 2);
            assertThat(policy.flat().toFloatArray()).isEqualTo(expected);
        }
    }

    private static void step(Trainer trainer, long seed) {
        trainer.accumulate(sequences(10, seed), 1, MIXED);
        trainer.apply(new AdamW(1e-3, 0.9, 0.95, 1e-8, 0.1, 1));
    }

    @Test
    void refusesStateThatIsDamagedOrOfAnotherModel() throws Exception {
        Path state = folder.resolve("state.safetensors");
        try (Policy policy = tiny("model");
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            trainer.saveState(state);
            byte[] bytes = Files.readAllBytes(state);
            Files.write(state, Arrays.copyOf(bytes, bytes.length - 100));
            assertThatThrownBy(() -> trainer.restoreState(state))
                    .isInstanceOf(PolicyFormatException.class);
        }
    }

    @Test
    void nonFiniteGradientNamesTheTensorAndChangesNothing() throws Exception {
        try (Policy policy = tiny("model");
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            float[] before = policy.flat().toFloatArray();
            trainer.accumulate(
                    sequences(3, 1),
                    1,
                    (s, logProb, entropy, dLogProb, dEntropy) -> Arrays.fill(dLogProb, Float.NaN));
            assertThatThrownBy(() -> trainer.apply(AdamW.of(1)))
                    .isInstanceOf(NonFiniteException.class)
                    .hasMessageContaining("model.layers.0.input_layernorm.weight");
            assertThat(policy.flat().toFloatArray()).isEqualTo(before);
            assertThat(trainer.gradientStatistics().globalNorm()).isZero();
            assertThat(trainer.updates()).isZero();
        }
    }

    /**
     * Against a plain AdamW on arrays: moments with bias correction, decay of matrices alone,
     * clipping of the whole.
     */
    @Test
    void updateIsThatOfAdamW() throws Exception {
        AdamW settings = new AdamW(1e-2, 0.8, 0.9, 1e-6, 0.1, 0.5);
        try (Policy policy = tiny("model");
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            double[] p = widened(policy.flat().toFloatArray());
            double[] m = new double[p.length];
            double[] v = new double[p.length];
            boolean[] decays = new boolean[p.length];
            policy.parameters()
                    .all()
                    .forEach(
                            q ->
                                    Arrays.fill(
                                            decays,
                                            (int) q.begin(),
                                            (int) (q.begin() + q.size()),
                                            q.matrix()));
            for (int t = 1; t <= 3; t++) {
                trainer.accumulate(sequences(5, t), 1, MIXED);
                double[] g = widened(trainer.gradient().toFloatArray());
                UpdateStatistics done = trainer.apply(settings);
                double norm = Math.sqrt(Arrays.stream(g).map(x -> x * x).sum());
                assertThat(done.gradientNorm()).isCloseTo(norm, within(1e-5 * norm));
                for (int i = 0; i < p.length; i++) {
                    double gi = g[i] * Math.min(1, 0.5 / (norm + 1e-6));
                    m[i] = 0.8 * m[i] + 0.2 * gi;
                    v[i] = 0.9 * v[i] + 0.1 * gi * gi;
                    p[i] -= 1e-2 * (decays[i] ? 0.1 * p[i] : 0);
                    p[i] -=
                            1e-2
                                    * (m[i] / (1 - Math.pow(0.8, t)))
                                    / (Math.sqrt(v[i] / (1 - Math.pow(0.9, t))) + 1e-6);
                }
                double[] found = widened(policy.flat().toFloatArray());
                for (int i = 0; i < p.length; i++) {
                    assertThat(found[i]).isCloseTo(p[i], within(2e-5));
                }
            }
        }
    }

    private static double[] widened(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }

    @Test
    void publishesAFolderThatLoadsToTheSameWeights() throws Exception {
        try (Policy policy = tiny("model");
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            step(trainer, 4);
            Path out = folder.resolve("published");
            trainer.publish(out, "float32");
            try (Policy again = Policy.load(out, PolicyOptions.defaults())) {
                assertThat(again.flat().toFloatArray()).isEqualTo(policy.flat().toFloatArray());
            }
            assertThatThrownBy(() -> trainer.publish(out, "float32"))
                    .isInstanceOf(java.nio.file.FileAlreadyExistsException.class);
            byte[] weights = Files.readAllBytes(out.resolve("model.safetensors"));
            weights[weights.length - 7] ^= 1;
            Files.write(out.resolve("model.safetensors"), weights);
            assertThatThrownBy(() -> Policy.load(out, PolicyOptions.defaults()))
                    .isInstanceOf(PolicyFormatException.class)
                    .hasMessageContaining("model.safetensors: SHA-256");
        }
    }
}
