package dev.forkpoint.learner.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.learner.objective.FinishReason;
import dev.forkpoint.learner.objective.GroupCentred;
import dev.forkpoint.learner.objective.GroupsWithoutSignal;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.OverlongPenalty;
import dev.forkpoint.learner.objective.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StepAssemblerTest {
    private static Rollout rollout(int sample, int length, OptionalDouble reward) {
        float[] old = new float[length];
        Arrays.fill(old, -1);
        return new Rollout(
                sample,
                old,
                new float[length],
                null,
                null,
                null,
                reward,
                reward.orElse(0) > 0.5,
                FinishReason.STOP);
    }

    private static RolloutGroup group(long key, double... rewards) {
        List<Rollout> rollouts = new ArrayList<>();
        for (int i = 0; i < rewards.length; i++) {
            rollouts.add(rollout(i, 2 + i, OptionalDouble.of(rewards[i])));
        }
        return new RolloutGroup(key, rollouts);
    }

    private static AssembledStep assemble(Objective objective, RolloutGroup... groups) {
        return new StepAssembler(objective).assemble(0, List.of(groups));
    }

    @Test
    void orderOfArrivalDoesNotMatter() {
        Random random = new Random(1);
        List<RolloutGroup> groups = new ArrayList<>();
        List<RolloutGroup> mixed = new ArrayList<>();
        for (int g = 0; g < 6; g++) {
            RolloutGroup group = group(g * 10L, 1, 0, random.nextInt(2), 0.3 * random.nextInt(3));
            groups.add(group);
            List<Rollout> shuffled = new ArrayList<>(group.rollouts());
            Collections.shuffle(shuffled, random);
            mixed.add(new RolloutGroup(group.promptKey(), shuffled));
        }
        Collections.shuffle(mixed, random);
        AssembledStep straight = new StepAssembler(Objective.defaults()).assemble(4, groups);
        AssembledStep other = new StepAssembler(Objective.defaults()).assemble(4, mixed);
        assertThat(other).usingRecursiveComparison().isEqualTo(straight);
    }

    @Test
    void groupsWithoutSignalAreDroppedOrKeptAsAsked() {
        RolloutGroup[] groups = {group(1, 1, 1), group(2, 1, 0), group(3, 0, 0)};
        AssembledStep dropped = assemble(Objective.defaults(), groups);
        AssembledStep kept = assemble(Objective.defaults().with(GroupsWithoutSignal.KEEP), groups);
        assertThat(dropped.step().responses()).isEqualTo(2);
        assertThat(dropped.source()).containsExactly(new Source(2, 0), new Source(2, 1));
        assertThat(kept.step().responses()).isEqualTo(6);
        assertThat(kept.counts().droppedGroups()).isZero();
        assertThat(dropped.counts().droppedGroups()).isEqualTo(2);
        assertThat(dropped.counts().groupsWithoutSignal()).isEqualTo(2);
        assertThat(dropped.counts().allCorrectGroups()).isEqualTo(1);
        assertThat(dropped.counts().allWrongGroups()).isEqualTo(1);
    }

    @Test
    void equalRewardsThatRoundDoNotMakeSignal() {
        assertThat(assemble(Objective.defaults(), group(1, 0.1, 0.1, 0.1)).step().responses())
                .isZero();
    }

    @Test
    void shapesBeforeAdvantagesAndKeepsTheVerdict() {
        Objective objective =
                Objective.defaults().with(new OverlongPenalty(4, 2)).with(new GroupCentred());
        Step step = assemble(objective, group(1, 1, 1, 1)).step();
        assertThat(step.reward()).containsExactly(1, 1, 1);
        // Lengths 2, 3, 4 of at most 4, slope over the last 2.
        assertThat(step.shapedReward()).containsExactly(1, 0.5, 0);
        assertThat(step.advantage()).containsExactly(0.5, 0, -0.5);
        assertThat(step.correct()).containsExactly(true, true, true);
    }

    @Test
    void responsesWithoutRewardLeaveTheirGroup() {
        RolloutGroup group =
                new RolloutGroup(
                        1,
                        List.of(
                                rollout(0, 3, OptionalDouble.of(1)),
                                rollout(1, 3, OptionalDouble.empty()),
                                rollout(2, 3, OptionalDouble.of(Double.NaN)),
                                rollout(3, 3, OptionalDouble.of(0))));
        AssembledStep step = assemble(Objective.defaults(), group);
        assertThat(step.source()).containsExactly(new Source(1, 0), new Source(1, 3));
        assertThat(step.counts().unrewardedResponses()).isEqualTo(2);
        assertThat(step.step().advantage()[0])
                .isCloseTo(0.5 / (Math.sqrt(0.5) + 1e-6), within(1e-12));
    }

    @Test
    void aGroupOfOneHasNoSignal() {
        AssembledStep step = assemble(Objective.defaults(), group(1, 1), group(2, 0, 1));
        assertThat(step.step().responses()).isEqualTo(2);
        assertThat(step.counts().singleGroups()).isEqualTo(1);
    }

    @Test
    void emptyResponsesCountInTheirGroupAndHaveNoTokens() {
        RolloutGroup group =
                new RolloutGroup(
                        1,
                        List.of(
                                rollout(0, 0, OptionalDouble.of(0)),
                                rollout(1, 5, OptionalDouble.of(1))));
        AssembledStep step = assemble(Objective.defaults(), group);
        assertThat(step.step().responses()).isEqualTo(2);
        assertThat(step.step().tokens()).isEqualTo(5);
        assertThat(step.counts().emptyResponses()).isEqualTo(1);
    }

    @Test
    void aPromptOrSampleThatComesTwiceIsRefused() {
        assertThatThrownBy(() -> assemble(Objective.defaults(), group(1, 1, 0), group(1, 0, 1)))
                .hasMessageContaining("promptKey: 1 comes twice");
        RolloutGroup twice =
                new RolloutGroup(
                        2,
                        List.of(
                                rollout(0, 1, OptionalDouble.of(0)),
                                rollout(0, 1, OptionalDouble.of(1))));
        assertThatThrownBy(() -> assemble(Objective.defaults(), twice))
                .hasMessageContaining("comes twice");
    }

    @Test
    void updatesDealEveryResponseOnceAPassInNearEqualShares() {
        Step step =
                assemble(
                                Objective.defaults(),
                                group(1, 1, 0, 0),
                                group(2, 1, 0, 1),
                                group(3, 0, 1, 1, 0))
                        .step();
        List<int[]> updates = Updates.of(step, 4, 2, 7);
        assertThat(updates).hasSize(8);
        for (int pass = 0; pass < 2; pass++) {
            int[] all =
                    updates.subList(4 * pass, 4 * pass + 4).stream()
                            .flatMapToInt(Arrays::stream)
                            .sorted()
                            .toArray();
            assertThat(all).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        }
        for (int[] update : updates) {
            assertThat(update.length).isBetween(2, 3);
        }
        assertThat(Updates.of(step, 4, 2, 7)).usingRecursiveComparison().isEqualTo(updates);
        assertThat(updates.subList(4, 8))
                .usingRecursiveComparison()
                .isNotEqualTo(updates.subList(0, 4));
    }

    @Test
    void microBatchesHoldTheBudgetAndNeverLoseAResponse() {
        int[] tokens = {5, 5, 30, 5, 5, 5};
        List<int[]> batches = Updates.microBatches(new int[] {0, 1, 2, 3, 5}, tokens, 12);
        assertThat(batches)
                .usingRecursiveComparison()
                .isEqualTo(List.of(new int[] {0, 1}, new int[] {2}, new int[] {3, 5}));
    }

    @Test
    void roundsResponsesToTheNearestNumberOfUpdates() {
        assertThat(Updates.count(100, 32)).isEqualTo(3);
        assertThat(Updates.count(5, 32)).isEqualTo(1);
        assertThat(Updates.count(512, 32)).isEqualTo(16);
    }
}
