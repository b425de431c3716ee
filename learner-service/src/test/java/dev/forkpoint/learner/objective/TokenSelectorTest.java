package dev.forkpoint.learner.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenSelectorTest {
    private static Step step(float... entropy) {
        return Steps.of(
                new int[] {entropy.length},
                new double[] {1},
                new float[entropy.length],
                entropy,
                new float[entropy.length]);
    }

    private static Candidates candidates(Step step) {
        int[] all = IntStream.range(0, step.responses()).toArray();
        double[] weight = new double[all.length];
        Arrays.fill(weight, 1);
        return new Candidates(
                step,
                all,
                step.offset(),
                step.oldLogProb(),
                step.oldLogProb(),
                step.entropy(),
                step.collisionProbability(),
                weight,
                null);
    }

    private static Selection select(TokenSelector selector, Step step) {
        return selector.select(candidates(step));
    }

    private static int[] kept(TokenSelector selector, float... entropy) {
        boolean[] kept = select(selector, step(entropy)).kept();
        return IntStream.range(0, kept.length).filter(t -> kept[t]).toArray();
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.1, 0.2, 0.25, 0.3, 0.7, 1})
    void keepsExactlyCeilRhoNWhenEntropiesTie(double rho) {
        for (int n : new int[] {1, 2, 3, 10, 30, 101, 1000}) {
            int expected =
                    BigDecimal.valueOf(rho)
                            .multiply(BigDecimal.valueOf(n))
                            .setScale(0, RoundingMode.CEILING)
                            .intValue();
            float[] same = new float[n];
            Arrays.fill(same, 0.5f);
            for (TokenSelector selector :
                    new TokenSelector[] {
                        new TopEntropy(rho),
                        new BottomEntropy(rho),
                        new RandomTokens(rho, 5),
                        new TopSurprisal(rho)
                    }) {
                Selection selection = select(selector, step(same));
                assertThat(Masks.count(selection.kept()))
                        .as("%s of %d", selector, n)
                        .isEqualTo(expected);
            }
        }
    }

    @Test
    void keepsThreeOfThirtyAtATenth() {
        assertThat(kept(new TopEntropy(0.1), new float[30])).containsExactly(0, 1, 2);
    }

    @Test
    void bottomIsWhatTheTopLeaves() {
        float[] entropy = {0.5f, 0.1f, 0.5f, 0.9f, 0.5f, 0.2f, 0.5f, 0.5f, 0.3f, 0.5f};
        boolean[] top = select(new TopEntropy(0.2), step(entropy)).kept();
        boolean[] bottom = select(new BottomEntropy(0.8), step(entropy)).kept();
        for (int t = 0; t < top.length; t++) {
            assertThat(bottom[t]).as("token %d", t).isNotEqualTo(top[t]);
        }
    }

    @Test
    void bandTakesTheRanksBetweenItsQuantiles() {
        float[] entropy = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        assertThat(kept(new EntropyBand(0.6, 0.8), entropy)).containsExactly(6, 7);
        assertThat(kept(new EntropyBand(0, 0.3), entropy)).containsExactly(0, 1, 2);
        assertThat(kept(new EntropyBand(0.8, 1), entropy)).containsExactly(8, 9);
    }

    @Test
    void gradientNormGrowsWithAdvantageAndFallsWithCertainty() {
        Step step =
                new Step(
                        0,
                        new int[] {0, 2},
                        new long[] {1, 2},
                        new int[] {0, 2, 4},
                        new float[] {-0.01f, -2f, -0.01f, -2f},
                        new float[4],
                        new float[] {0.98f, 0.3f, 0.98f, 0.3f},
                        null,
                        null,
                        new double[2],
                        new double[2],
                        new double[] {0.5, -1},
                        new boolean[2],
                        new FinishReason[] {FinishReason.STOP, FinishReason.STOP});
        assertThat(select(new TopGradient(0.25), step).kept())
                .containsExactly(false, false, false, true);
        assertThat(select(new TopGradient(0.5), step).kept())
                .containsExactly(false, true, false, true);
    }

    @Test
    void gradientNormIsThatOfTheSoftmax() {
        // ∂ logp_token / ∂z = onehot − p, by definition; three logits, token 1.
        double[] p = {0.2, 0.5, 0.3};
        double norm = Math.sqrt(0.2 * 0.2 + 0.5 * 0.5 + 0.3 * 0.3);
        Step step =
                new Step(
                        0,
                        new int[] {0, 1},
                        new long[] {1},
                        new int[] {0, 1},
                        new float[] {(float) Math.log(p[1])},
                        new float[1],
                        new float[] {(float) (0.2 * 0.2 + 0.5 * 0.5 + 0.3 * 0.3)},
                        null,
                        null,
                        new double[1],
                        new double[1],
                        new double[] {-2},
                        new boolean[1],
                        new FinishReason[] {FinishReason.STOP});
        assertThat((double) candidates(step).gradientNorm()[0]).isCloseTo(2 * norm, within(1e-6));
    }

    @Test
    void matchedRandomReachesTheTopsGradientWithItsLastTokenOnly() {
        for (long seed = 1; seed <= 20; seed++) {
            Step step = Steps.random(new Random(seed), 8, 20);
            Candidates candidates = candidates(step);
            float[] norm = candidates.gradientNorm();
            double target = mass(norm, new TopEntropy(0.2).select(candidates).kept());
            Selection matched = new MatchedRandom(0.2, seed).select(candidates);
            assertThat(mass(norm, matched.kept()))
                    .as("seed %d", seed)
                    .isGreaterThanOrEqualTo(target);
            // Draws are nested: with one token fewer the sum falls short.
            boolean[] fewer =
                    TopSelection.greatest(candidates.randomKeys(seed), matched.keptCount() - 1)
                            .kept();
            assertThat(mass(norm, fewer)).as("seed %d", seed).isLessThan(target);
        }
    }

    private static double mass(float[] norm, boolean[] kept) {
        double sum = 0;
        for (int t = 0; t < norm.length; t++) {
            sum += kept[t] ? (double) norm[t] * norm[t] : 0;
        }
        return sum;
    }

    @Test
    void differenceOfTwoRankingsIsInOneAndNotInTheOther() {
        Step step = Steps.random(new Random(3), 12, 15);
        boolean[] onlyEntropy =
                select(new TopDifference(0.3, TokenScore.ENTROPY, TokenScore.GRADIENT), step)
                        .kept();
        boolean[] onlyGradient =
                select(new TopDifference(0.3, TokenScore.GRADIENT, TokenScore.ENTROPY), step)
                        .kept();
        boolean[] entropy = select(new TopEntropy(0.3), step).kept();
        boolean[] gradient = select(new TopGradient(0.3), step).kept();
        assertThat(Masks.count(onlyEntropy)).isPositive().isEqualTo(Masks.count(onlyGradient));
        for (int t = 0; t < entropy.length; t++) {
            assertThat(onlyEntropy[t]).isEqualTo(entropy[t] && !gradient[t]);
            assertThat(onlyGradient[t]).isEqualTo(gradient[t] && !entropy[t]);
        }
    }

    @Test
    void randomDependsOnTheSeed() {
        Step step = Steps.random(new Random(4), 10, 12);
        boolean[] one = select(new RandomTokens(0.5, 1), step).kept();
        assertThat(select(new RandomTokens(0.5, 1), step).kept()).isEqualTo(one);
        assertThat(select(new RandomTokens(0.5, 2), step).kept()).isNotEqualTo(one);
    }

    @Test
    void randomTakesEveryPositionEquallyOften() {
        Step step = step(new float[40]);
        int[] times = new int[40];
        int draws = 4000;
        for (int seed = 0; seed < draws; seed++) {
            boolean[] kept = select(new RandomTokens(0.25, seed), step).kept();
            for (int t = 0; t < kept.length; t++) {
                times[t] += kept[t] ? 1 : 0;
            }
        }
        // Binomial(4000, 1/4): mean 1000, standard deviation 27; five of them either way.
        for (int count : times) {
            assertThat(count).isBetween(863, 1137);
        }
    }

    @Test
    void clipCovDropsOnlyTokensThatTheClipHasNotCaught() {
        Step step = Steps.random(new Random(6), 30, 30);
        float[] current = Steps.current(step, new Random(7));
        double[] logProb = new double[current.length];
        for (int t = 0; t < current.length; t++) {
            logProb[t] = current[t];
        }
        Objective objective = Objective.defaults().with(new ClipCov(0.01, 0.2, 2, 1, 9));
        int[] all = IntStream.range(0, step.responses()).toArray();
        UpdateObjective update = Evaluation.prepare(objective, step, logProb, logProb, all);
        assertThat(step.tokens() - update.counts().keptTokens())
                .isEqualTo((int) (0.01 * step.tokens()));
        for (int i : all) {
            boolean[] there = new boolean[step.length(i)];
            Arrays.stream(update.positions(i)).forEach(p -> there[p] = true);
            for (int p = 0; p < there.length && step.advantage()[i] != 0; p++) {
                int t = step.offset()[i] + p;
                double ratio = Math.exp(logProb[t] - step.oldLogProb()[t]);
                Surrogate.Bound bound = objective.surrogate().bound(ratio, step.advantage()[i]);
                assertThat(there[p] || bound == Surrogate.Bound.NONE).as("token %d", t).isTrue();
            }
        }
    }

    @Test
    void refusesShareOutsideItsRange() {
        assertThatThrownBy(() -> new TopEntropy(0))
                .hasMessage("top.keep_fraction: 0.0 (expected: above 0, at most 1)");
        assertThatThrownBy(() -> new RandomTokens(1.5, 0))
                .hasMessageContaining("random.keep_fraction: 1.5");
        assertThatThrownBy(() -> new EntropyBand(0.5, 0.5)).hasMessageContaining("band.to: 0.5");
    }

    @Test
    void gradientNormsWithoutCollisionProbabilitiesAreRefused() {
        assertThatThrownBy(() -> Objective.defaults().with(TopGradient.defaults()).over(step(1, 2)))
                .hasMessageContaining("collisionProbability: none");
    }

    @Test
    void tenMillionTokensAreSelectedExactly() {
        int n = 10_000_000;
        Random random = new Random(1);
        float[] entropy = new float[n];
        for (int t = 0; t < n; t++) {
            entropy[t] = random.nextInt(1000) / 100f;
        }
        assertThat(Masks.count(select(new TopEntropy(0.2), step(entropy)).kept()))
                .isEqualTo(2_000_000);
    }
}
