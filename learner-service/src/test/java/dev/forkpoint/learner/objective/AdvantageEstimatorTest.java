package dev.forkpoint.learner.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class AdvantageEstimatorTest {
    private static final Offset<Double> ROUNDING = within(1e-12);

    private static void check(
            AdvantageEstimator estimator, double[] reward, int[] groups, double... expected) {
        double[] advantage = estimator.advantages(reward, correct(reward), groups);
        assertThat(advantage).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(advantage[i]).as("advantage[%d]", i).isCloseTo(expected[i], ROUNDING);
        }
    }

    private static boolean[] correct(double[] reward) {
        boolean[] correct = new boolean[reward.length];
        for (int i = 0; i < correct.length; i++) {
            correct[i] = reward[i] > 0.5;
        }
        return correct;
    }

    @Test
    void normalisesByTheUnbiasedDeviation() {
        // mean 2, squares 4 + 0 + 4, divided by 2: deviation 2.
        check(
                new GroupNormalised(0.5),
                new double[] {0, 2, 4},
                new int[] {0, 3},
                -2 / 2.5,
                0,
                2 / 2.5);
    }

    @Test
    void centresWithoutDividing() {
        check(
                new GroupCentred(),
                new double[] {0, 2, 4, 1, 0},
                new int[] {0, 3, 5},
                -2,
                0,
                2,
                0.5,
                -0.5);
    }

    @Test
    void leavesOneOut() {
        check(
                new LeaveOneOut(),
                new double[] {1, 0, 0, 1},
                new int[] {0, 4},
                1 - 1 / 3.0,
                -2 / 3.0,
                -2 / 3.0,
                1 - 1 / 3.0);
    }

    @Test
    void batchDeviationIsOverTheWholeStep() {
        double[] reward = {1, 0, 0, 0};
        double std = Math.sqrt((0.75 * 0.75 + 3 * 0.25 * 0.25) / 3);
        check(
                new BatchNormalised(1e-6),
                reward,
                new int[] {0, 2, 4},
                0.5 / (std + 1e-6),
                -0.5 / (std + 1e-6),
                0,
                0);
    }

    @Test
    void mostlySolvedPromptsKeepTheirWeight() {
        double[] mostly = {1, 1, 1, 0};
        double std = 0.5;
        double scale = 2 * Math.sqrt(0.75 * 0.25);
        check(
                new MasteryScaled(1e-6),
                mostly,
                new int[] {0, 4},
                0.25 / (std * scale + 1e-6),
                0.25 / (std * scale + 1e-6),
                0.25 / (std * scale + 1e-6),
                -0.75 / (std * scale + 1e-6));
        check(
                new MasteryScaled(1e-6),
                new double[] {1, 0},
                new int[] {0, 2},
                0.5 / (Math.sqrt(0.5) + 1e-6),
                -0.5 / (Math.sqrt(0.5) + 1e-6));
    }

    @Test
    void equalRewardsAndSingleResponsesGetExactlyZero() {
        double[] reward = {0.1, 0.1, 0.1, 7};
        for (Parts.Part part : Parts.of(Parts.Kind.ADVANTAGE)) {
            AdvantageEstimator estimator = (AdvantageEstimator) part.defaults();
            assertThat(
                            Arrays.stream(
                                            estimator.advantages(
                                                    reward, correct(reward), new int[] {0, 3, 4}))
                                    .allMatch(a -> a == 0))
                    .as(part.name())
                    .isTrue();
        }
    }
}
