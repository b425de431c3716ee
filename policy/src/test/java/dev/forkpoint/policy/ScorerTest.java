package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.policy.checkpoint.NewCheckpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScorerTest {

    @TempDir Path folder;

    @Test
    void scoresAfterAPromptAreThoseOfTheWholeSequence() throws Exception {
        for (String name : Fixtures.names().toList()) {
            try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults());
                    Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
                Random random = new Random(5);
                int[] prompt = random.ints(21, 0, 400).toArray();
                List<int[]> sequences = new ArrayList<>();
                int[] first = new int[24];
                for (int i = 0; i < first.length; i++) {
                    first[i] = i < 20 ? prompt.length : 1 + i % 2;
                    int[] ids = random.ints(prompt.length + i, 0, 400).toArray();
                    System.arraycopy(prompt, 0, ids, 0, prompt.length);
                    sequences.add(ids);
                }
                List<TokenScores> whole = scorer.score(sequences, 0.8);
                List<TokenScores> after = scorer.score(sequences, first, 0.8);
                for (int i = 0; i < first.length; i++) {
                    for (int t = 0; t < sequences.get(i).length; t++) {
                        float found = after.get(i).logProb()[t];
                        if (t < first[i]) {
                            assertThat(found).isNaN();
                        } else {
                            assertThat(found).isCloseTo(whole.get(i).logProb()[t], within(1e-5f));
                        }
                    }
                }
            }
        }
    }

    @Test
    void aContextShorterThanAPackedBatchIsScoredToItsEnd() throws Exception {
        Path model =
                TinyModels.write(
                        folder.resolve("short"),
                        new NewCheckpoint.Shape(32, 1, 2, 1, 16, 32, 48, 16, 1e6, true, 1, 0),
                        2,
                        "a");
        try (Policy policy = Policy.load(model, PolicyOptions.defaults());
                Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            int[] ids = new Random(4).ints(16, 0, 48).toArray();
            float[] logProb = scorer.score(List.of(ids), 1).get(0).logProb();
            for (int t = 1; t < 16; t++) {
                assertThat(logProb[t]).isBetween(-20f, 0f);
            }
        }
    }

    /**
     * A vocabulary of several blocks, against one product and a plain softmax in double precision.
     */
    @Test
    void scoresInBlocksOfTheVocabularyAreThoseOfTheWhole() throws Exception {
        int vocabulary = 20_000;
        Path model =
                TinyModels.write(
                        folder.resolve("m"),
                        new NewCheckpoint.Shape(
                                32, 1, 2, 1, 16, 32, vocabulary, 256, 1e6, false, 1, 0),
                        2,
                        "a");
        try (Policy policy = Policy.load(model, PolicyOptions.defaults());
                Scorer scorer = new Scorer(policy, ScorerOptions.defaults());
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            int[] ids = {5, 19_999, 8191, 8192, 16_384, 3, 12_000};
            // rows of the head scaled up, so that the distribution is far from uniform
            float[] flat = policy.flat().toFloatArray();
            var head = policy.parameters().get("lm_head.weight");
            Random random = new Random(1);
            for (int v = 0; v < vocabulary; v++) {
                float scale = 20 * random.nextFloat();
                for (int h = 0; h < 32; h++) {
                    flat[(int) head.begin() + v * 32 + h] *= scale;
                }
            }
            trainer.setValues(flat);
            for (double temperature : new double[] {1, 0.6}) {
                TokenScores scores;
                TopScores top;
                try (Scorer fresh = new Scorer(policy, ScorerOptions.defaults())) {
                    scores = fresh.score(List.of(ids), temperature).get(0);
                    top = fresh.top(List.of(ids), temperature, 5).get(0);
                }
                for (int t = 1; t < ids.length; t++) {
                    double[] logProb = whole(policy, flat, Arrays.copyOf(ids, t), temperature);
                    double entropy = 0;
                    double collision = 0;
                    int rank = 1;
                    for (double l : logProb) {
                        entropy -= Math.exp(l) * l;
                        collision += Math.exp(2 * l);
                        rank += l > logProb[ids[t]] ? 1 : 0;
                    }
                    assertThat((double) scores.logProb()[t])
                            .isCloseTo(logProb[ids[t]], within(1e-4));
                    assertThat((double) scores.entropy()[t]).isCloseTo(entropy, within(1e-4));
                    assertThat((double) scores.collisionProbability()[t])
                            .isCloseTo(collision, within(1e-5));
                    assertThat(Math.abs(top.rank()[t] - rank))
                            .isLessThanOrEqualTo(1); // neighbours may be within rounding
                    int best =
                            IntStream.range(0, vocabulary)
                                    .boxed()
                                    .max((a, b) -> Double.compare(logProb[a], logProb[b]))
                                    .orElseThrow();
                    assertThat(top.tokenIds()[t][0]).isEqualTo(best);
                    assertThat((double) top.logProb()[t][0]).isCloseTo(logProb[best], within(1e-4));
                }
            }
        }
    }

    /**
     * The distribution after a prefix, from the scorer's own log-probs of every continuation (a
     * model of one layer is cheap).
     */
    private static double[] whole(Policy policy, float[] flat, int[] prefix, double temperature) {
        try (Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            TopScores all =
                    scorer.top(
                                    List.of(Arrays.copyOf(prefix, prefix.length + 1)),
                                    1,
                                    policy.config().vocabularySize())
                            .get(0);
            double[] logits = new double[policy.config().vocabularySize()];
            for (int i = 0; i < logits.length; i++) {
                logits[all.tokenIds()[prefix.length][i]] =
                        all.logProb()[prefix.length][i] / temperature;
            }
            double top = Arrays.stream(logits).max().orElseThrow();
            double sum = Arrays.stream(logits).map(z -> Math.exp(z - top)).sum();
            return Arrays.stream(logits).map(z -> z - top - Math.log(sum)).toArray();
        }
    }

    /** Attention goes over keys in blocks; the beginning of a sequence needs fewer. */
    @Test
    void longSequencesBeginAsShortOnesDo() throws Exception {
        Path model = TinyModels.writeLong(folder.resolve("l"));
        try (Policy policy = Policy.load(model, PolicyOptions.defaults());
                Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            int[] ids = new Random(4).ints(1500, 0, 48).toArray();
            TokenScores whole = scorer.score(List.of(ids), 1).get(0);
            for (int length : new int[] {100, 512, 600, 1100}) {
                TokenScores part = scorer.score(List.of(Arrays.copyOf(ids, length)), 1).get(0);
                for (int t = 1; t < length; t++) {
                    assertThat(part.logProb()[t]).isCloseTo(whole.logProb()[t], within(1e-4f));
                    assertThat(part.entropy()[t]).isCloseTo(whole.entropy()[t], within(1e-4f));
                }
            }
        }
    }

    /**
     * The gradient through blocked attention is that of the whole: training sees 700 tokens as one,
     * 600 of 600 by parts.
     */
    @Test
    void gradientsOfLongSequencesAgreeWithFiniteDifferences() throws Exception {
        Path model = TinyModels.writeLong(folder.resolve("g"));
        int[] ids = new Random(5).ints(700, 0, 48).toArray();
        TrainingSequence sequence = new TrainingSequence(ids, IntStream.range(550, 700).toArray());
        try (Policy policy = Policy.load(model, PolicyOptions.defaults());
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            double[] loss = new double[1];
            SparseObjective objective =
                    (s, logProb, entropy, dLogProb, dEntropy) -> {
                        loss[0] = 0;
                        for (int i = 0; i < logProb.length; i++) {
                            dLogProb[i] = i % 5 - 1.9f;
                            loss[0] += dLogProb[i] * logProb[i];
                        }
                    };
            trainer.accumulate(List.of(sequence), 1, objective);
            float[] g = trainer.gradient().toFloatArray();
            float[] at = trainer.values().toFloatArray();
            double square = 0;
            for (float x : g) {
                square += (double) x * x;
            }
            double step = 2e-3 / Math.sqrt(square);
            List<Double> sides = new ArrayList<>();
            for (double by : new double[] {step, -step}) {
                float[] moved = at.clone();
                for (int i = 0; i < moved.length; i++) {
                    moved[i] += (float) (by * g[i]);
                }
                trainer.setValues(moved);
                trainer.accumulate(List.of(sequence), 1, objective);
                sides.add(loss[0]);
            }
            assertThat((sides.get(0) - sides.get(1)) / (2 * step))
                    .isCloseTo(square, within(5e-3 * square));
        }
    }

    @Test
    void refusesSequencesNamingNumberAndIndex() throws Exception {
        Path model = TinyModels.write(folder.resolve("r"), 1, "a");
        try (Policy policy = Policy.load(model, PolicyOptions.defaults());
                Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            assertThatThrownBy(() -> scorer.score(List.of(new int[] {1}, new int[] {1, 16}), 1))
                    .hasMessageContaining("sequences[1][1]: 16");
            assertThatThrownBy(() -> scorer.score(List.of(new int[0]), 1))
                    .hasMessageContaining("sequences[0]: 0 tokens");
            assertThatThrownBy(() -> scorer.score(List.of(new int[513]), 1))
                    .hasMessageContaining("sequences[0]: 513 tokens");
            assertThatThrownBy(() -> scorer.score(List.of(new int[] {1}), 0))
                    .hasMessageContaining("temperature: 0.0");
            assertThatThrownBy(() -> scorer.top(List.of(new int[] {1}), 1, 17))
                    .hasMessageContaining("k: 17");
            assertThat(scorer.score(List.of(), 1)).isEmpty();
            assertThat(scorer.score(List.of(new int[] {1}), 1).get(0).logProb()).hasSize(1);
        }
    }
}
