package dev.forkpoint.learner.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** Definitions written out a second time, slowly, against each surrogate, ratio and weight. */
class SurrogateTest {
    private static final Offset<Double> ROUNDING = within(1e-12);

    private static double value(Surrogate surrogate, double advantage, double... logRatio) {
        return evaluate(surrogate, advantage, new double[logRatio.length], logRatio);
    }

    /**
     * Mean of ℓ over a response whose current log-probs are −1 and whose old ones make the given
     * ratios.
     */
    private static double evaluate(
            Surrogate surrogate, double advantage, double[] gradient, double... logRatio) {
        int length = logRatio.length;
        double[] logProb = new double[length];
        double[] old = new double[length];
        double[] weight = new double[length];
        for (int t = 0; t < length; t++) {
            logProb[t] = -1;
            old[t] = -1 - logRatio[t];
            weight[t] = 1.0 / length;
        }
        return surrogate.evaluate(
                new Surrogate.Tokens(advantage, logProb, old, weight, new byte[length], 0),
                gradient,
                new Tally());
    }

    @Test
    void clipLimitsTheGainAndNeverTheLoss() {
        Surrogate surrogate = new ClippedSurrogate(0.2, 0.28);
        assertThat(value(surrogate, 1, Math.log(2))).isCloseTo(1.28, ROUNDING);
        assertThat(value(surrogate, 1, Math.log(0.5))).isCloseTo(0.5, ROUNDING);
        assertThat(value(surrogate, -1, Math.log(2))).isCloseTo(-2, ROUNDING);
        assertThat(value(surrogate, -1, Math.log(0.5))).isCloseTo(-0.8, ROUNDING);
    }

    @Test
    void dualClipLimitsTheLossOfBadResponses() {
        Surrogate surrogate =
                new ClippedSurrogate(
                        0.2, 0.28, OptionalDouble.of(3), OptionalDouble.empty(), new TokenRatio());
        assertThat(value(surrogate, -1, Math.log(20))).isCloseTo(-3, ROUNDING);
        assertThat(value(surrogate, 1, Math.log(20))).isCloseTo(1.28, ROUNDING);
        double[] gradient = new double[1];
        evaluate(surrogate, -1, gradient, Math.log(20));
        assertThat(gradient[0]).isZero();
    }

    @Test
    void powerMeansAgreeWithTheirDefinition() {
        Random random = new Random(2);
        double[] logRatio = random.doubles(7, -0.3, 0.3).toArray();
        for (double p : new double[] {-2, -1, -0.5, 0.5, 1, 2, 3}) {
            double sum = 0;
            for (double delta : logRatio) {
                sum += Math.pow(Math.exp(delta), p);
            }
            double expected = Math.pow(sum / 7, 1 / p);
            assertThat(new PowerMeanRatio(p).reduce(logRatio, 1).value()[0])
                    .as("p = %s", p)
                    .isCloseTo(expected, ROUNDING);
        }
    }

    @Test
    void powerMeanGoesToTheGeometricMeanAsPGoesToZero() {
        double[] logRatio = {0.4, -0.1, 0.25};
        double geometric = new SequenceGeometricRatio().reduce(logRatio, 1).value()[0];
        for (double p : new double[] {0, 1e-12, -1e-12, 1e-9, -1e-9}) {
            assertThat(new PowerMeanRatio(p).reduce(logRatio, 1).value()[0])
                    .isCloseTo(geometric, within(1e-9));
        }
    }

    @Test
    void scheduledPowerMovesInAStraightLineAndStays() {
        PowerMeanRatio ratio = new PowerMeanRatio(2, OptionalDouble.of(-2), 500);
        assertThat(ratio.at(1).p()).isEqualTo(2);
        assertThat(ratio.at(251).p()).isEqualTo(0);
        assertThat(ratio.at(501).p()).isEqualTo(-2);
        assertThat(ratio.at(900).p()).isEqualTo(-2);
        assertThat(new PowerMeanRatio(1).at(7)).isEqualTo(new PowerMeanRatio(1));
    }

    @Test
    void hingeIsFlatWithinItsBudgetAndSteepensBeyond() {
        HingeKl hinge = new HingeKl(0.01);
        assertThat(hinge.value(new AuxiliaryTerm.Token(-1, -1.009, Double.NaN, Double.NaN)))
                .isZero();
        AuxiliaryTerm.Token far = new AuxiliaryTerm.Token(-1, -1.5, Double.NaN, Double.NaN);
        assertThat(hinge.value(far))
                .isCloseTo(Math.exp(0.5) - 1.5 - (Math.exp(0.01) - 1.01), ROUNDING);
        assertThat(hinge.byLogProb(far)).isCloseTo(Math.exp(0.5) - 1, ROUNDING);
    }

    @Test
    void geometricMeanClipsEachTokenOnTheSideThatLimitsTheGain() {
        double[] logRatio = {1, -1, 0.1};
        assertThat(new ClippedGeometricRatio(0.4).reduce(logRatio, 1).value()[0])
                .isCloseTo(Math.exp((0.4 - 1 + 0.1) / 3), ROUNDING);
        assertThat(new ClippedGeometricRatio(0.4).reduce(logRatio, -1).value()[0])
                .isCloseTo(Math.exp((1 - 0.4 + 0.1) / 3), ROUNDING);
        Surrogate surrogate = ClippedSurrogate.defaults().over(new ClippedGeometricRatio(0.4));
        assertThat(value(surrogate, 1, 3, 3, 3))
                .as("not clipped again at 1.28")
                .isCloseTo(Math.exp(0.4), ROUNDING);
    }

    @Test
    void sequenceTokenRatioHasTheSequencesValueAndTheTokensOwnGradient() {
        double[] logRatio = {0.1, -0.2, 0.25};
        double s = Math.exp((0.1 - 0.2 + 0.25) / 3);
        Surrogate surrogate = new ClippedSurrogate(0.2, 0.28).over(new SequenceTokenRatio());
        double[] gradient = new double[3];
        assertThat(evaluate(surrogate, 2, gradient, logRatio)).isCloseTo(2 * s, ROUNDING);
        for (double g : gradient) {
            assertThat(g).isCloseTo(2 * s / 3, ROUNDING);
        }
    }

    @Test
    void cispoHoldsTheTruncatedRatioConstant() {
        double[] gradient = new double[2];
        double value = evaluate(new CispoSurrogate(1.5), 2, gradient, Math.log(1.2), Math.log(4));
        assertThat(value).isCloseTo(-2 * (1.2 + 1.5) / 2, ROUNDING);
        assertThat(gradient[0]).isCloseTo(2 * 1.2 / 2, ROUNDING);
        assertThat(gradient[1]).isCloseTo(2 * 1.5 / 2, ROUNDING);
    }

    @Test
    void sapoIsOneAtRatioOneInSlope() {
        double[] gradient = new double[1];
        double value = evaluate(SapoSurrogate.defaults(), 1, gradient, 0);
        assertThat(value).isCloseTo(2, ROUNDING);
        assertThat(gradient[0]).isCloseTo(1, ROUNDING);
    }

    @Test
    void vespoWeighsAnOnPolicyResponseByOne() {
        double[] gradient = new double[3];
        evaluate(VespoSurrogate.defaults(), 2, gradient, 0, 0, 0);
        assertThat(gradient[0]).isCloseTo(2.0 / 3, ROUNDING);
        double w = Math.exp(0.3);
        evaluate(VespoSurrogate.defaults(), -1, gradient, 0.1, 0.1, 0.1);
        assertThat(gradient[0])
                .isCloseTo(-Math.exp(2) * Math.pow(w, 3) * Math.exp(-2 * w) / 3, ROUNDING);
    }

    @Test
    void klCovPenalisesOnlyMarkedTokens() {
        double[] gradient = new double[2];
        double value =
                new KlCovSurrogate(0.5, 0.7)
                        .evaluate(
                                new Surrogate.Tokens(
                                        1,
                                        new double[] {-1, -1},
                                        new double[] {-1.5, -1.5},
                                        new double[] {1, 1},
                                        new byte[] {1, 0},
                                        0),
                                gradient,
                                new Tally());
        assertThat(value).isCloseTo(2 * Math.exp(0.5) - 0.7 * 0.5, ROUNDING);
        assertThat(gradient[0]).isCloseTo(Math.exp(0.5) - 0.7, ROUNDING);
        assertThat(gradient[1]).isCloseTo(Math.exp(0.5), ROUNDING);
    }

    /** The authors' rules, class by class; loss = −ℓ there. */
    @Test
    void htpoTurnsTheGradientRoundOutsideTheBoundsOfHighEntropyTokens() {
        HtpoSurrogate surrogate = HtpoSurrogate.defaults();
        byte clipped = 0;
        byte dropped = 1;
        byte pushedBack = 2;
        byte pushedUp = 3;
        assertThat(htpo(surrogate, 2, clipped, 1.1)).containsExactly(2.2, 2.2);
        assertThat(htpo(surrogate, 2, clipped, 2)).containsExactly(2.56, 0);
        assertThat(htpo(surrogate, 2, dropped, 1.1)).containsExactly(0, 0);
        assertThat(htpo(surrogate, 2, pushedBack, 1.1)).containsExactly(2.2, 2.2);
        assertThat(htpo(surrogate, 2, pushedBack, 2)).containsExactly(-2.56, -2.56);
        assertThat(htpo(surrogate, 2, pushedBack, 0.5)).containsExactly(-4, -4);
        assertThat(htpo(surrogate, -1, pushedUp, 1.5)).containsExactly(-1.5, -1.5);
        assertThat(htpo(surrogate, -1, pushedUp, 0.5)).containsExactly(0.8, 0.8);
        assertThat(htpo(surrogate, -1, clipped, 0.5)).containsExactly(-0.8, 0);
        assertThat(htpo(surrogate, -1, pushedUp, 5)).containsExactly(-3, 0);
    }

    private static double[] htpo(
            HtpoSurrogate surrogate, double advantage, byte kind, double ratio) {
        double[] gradient = new double[1];
        double value =
                surrogate.evaluate(
                        new Surrogate.Tokens(
                                advantage,
                                new double[] {0},
                                new double[] {-Math.log(ratio)},
                                new double[] {1},
                                new byte[] {kind},
                                0),
                        gradient,
                        new Tally());
        return new double[] {Math.round(value * 1e9) / 1e9, Math.round(gradient[0] * 1e9) / 1e9};
    }

    @Test
    void htpoSortsTokensByDifficultyCorrectnessAndEntropy() {
        float[] entropy = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f, 0.9f, 1f};
        HtpoSurrogate surrogate = new HtpoSurrogate(0.2, 0.28, 3, 0.2, 0.6, 0.3, 0.5);
        // One of two correct: hard. Of the eight low tokens the two below the second lowest … are
        // left out.
        assertThat(marks(surrogate, entropy, true, false)[0])
                .containsExactly(1, 0, 0, 0, 0, 0, 0, 0, 2, 2);
        assertThat(marks(surrogate, entropy, true, false)[1])
                .containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 3, 3);
        // Both correct: easy. Of the two high tokens the highest half is left out.
        assertThat(marks(surrogate, entropy, true, true)[0])
                .containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    }

    /** Marks of two responses of one prompt with the same entropies. */
    private static byte[][] marks(
            HtpoSurrogate surrogate, float[] entropy, boolean first, boolean second) {
        int length = entropy.length;
        float[] both = new float[2 * length];
        System.arraycopy(entropy, 0, both, 0, length);
        System.arraycopy(entropy, 0, both, length, length);
        Step step =
                new Step(
                        1,
                        new int[] {0, 2},
                        new long[] {1, 2},
                        new int[] {0, length, 2 * length},
                        new float[2 * length],
                        both,
                        null,
                        null,
                        null,
                        new double[2],
                        new double[2],
                        new double[] {1, -1},
                        new boolean[] {first, second},
                        new FinishReason[] {FinishReason.STOP, FinishReason.STOP});
        Candidates candidates =
                new Candidates(
                        step,
                        new int[] {0, 1},
                        step.offset(),
                        step.oldLogProb(),
                        step.oldLogProb(),
                        both,
                        null,
                        new double[] {1, 1},
                        null);
        byte[] marked = surrogate.mark(candidates, new boolean[2 * length]);
        return new byte[][] {
            Arrays.copyOfRange(marked, 0, length), Arrays.copyOfRange(marked, length, 2 * length)
        };
    }

    @Test
    void tallyCountsActiveBoundsBySide() {
        Tally tally = new Tally();
        new ClippedSurrogate(0.2, 0.28)
                .evaluate(
                        new Surrogate.Tokens(
                                -1,
                                new double[] {-1, -1, -1, -1},
                                new double[] {-0.2, -1, -1.5, -0.1},
                                new double[] {1, 1, 1, 0},
                                new byte[4],
                                0),
                        new double[4],
                        tally);
        TokenStatistics statistics = tally.statistics();
        assertThat(statistics.tokens()).isEqualTo(3);
        assertThat(statistics.boundLow()).isEqualTo(1);
        assertThat(statistics.boundHigh()).isZero();
        assertThat(statistics.smallestRatio()).isCloseTo(Math.exp(-0.8), ROUNDING);
        assertThat(statistics.largestRatio()).isCloseTo(Math.exp(0.5), ROUNDING);
        assertThat(statistics.sumK1()).isCloseTo(0.8 - 0.5, ROUNDING);
    }

    @Test
    void weightsCorrectForTheEngineAndShapeByEntropy() {
        Step step = Steps.random(new Random(5), 4, 6);
        float[] rollout = Objects.requireNonNull(step.rolloutLogProb());
        for (int i = 0; i < step.responses(); i++) {
            double[] truncated = new TruncatedImportance(1.1, false).weights(step, i);
            double[] masked = new MaskedImportance(0.9, 1.1, false).weights(step, i);
            double[] shaped = new EntropyShapedAdvantage(0.4, 2).weights(step, i);
            double product = 1;
            for (int p = 0; p < step.length(i); p++) {
                int t = step.offset()[i] + p;
                double ratio = Math.exp((double) step.oldLogProb()[t] - rollout[t]);
                product *= ratio;
                assertThat(truncated[p]).isCloseTo(Math.min(ratio, 1.1), ROUNDING);
                assertThat(masked[p]).isCloseTo(ratio < 0.9 || ratio > 1.1 ? 0 : ratio, ROUNDING);
                double a = step.advantage()[i];
                double shapedAdvantage = a + Math.min(0.4 * step.entropy()[t], Math.abs(a) / 2);
                assertThat(shaped[p] * a).isCloseTo(shapedAdvantage, ROUNDING);
            }
            for (double w : new TruncatedImportance(1.1, true).weights(step, i)) {
                assertThat(w).isCloseTo(Math.min(product, 1.1), ROUNDING);
            }
        }
    }

    @Test
    void adaptiveBonusFollowsItsTarget() {
        AdaptiveEntropyBonus bonus = new AdaptiveEntropyBonus(0.5, 0.01);
        AdaptiveEntropyBonus.Control control = AdaptiveEntropyBonus.start(0.02);
        assertThat(bonus.applied(control)).isEqualTo(0.02);
        control = bonus.next(control, 0.4);
        assertThat(control.coefficient()).isCloseTo(0.03, ROUNDING);
        assertThat(bonus.applied(control)).isCloseTo(0.03, ROUNDING);
        control = bonus.next(control, 0.6);
        assertThat(control.coefficient()).isCloseTo(0.02, ROUNDING);
        assertThat(bonus.applied(control)).as("above the target").isZero();
        for (int i = 0; i < 9; i++) {
            control = bonus.next(control, 0.6);
        }
        assertThat(control.coefficient()).as("never below 0").isZero();
    }

    @Test
    void overlongPenaltyIsZeroThenLinearThenOne() {
        OverlongPenalty penalty = new OverlongPenalty(100, 20);
        assertThat(penalty.shape(1, 80)).isEqualTo(1);
        assertThat(penalty.shape(1, 90)).isEqualTo(0.5);
        assertThat(penalty.shape(1, 100)).isEqualTo(0);
        assertThat(penalty.shape(1, 500)).isEqualTo(0);
    }
}
