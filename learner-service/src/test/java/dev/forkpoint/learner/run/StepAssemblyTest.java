package dev.forkpoint.learner.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.forkpoint.learner.objective.EntropySource;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.Step;
import dev.forkpoint.learner.objective.StepObjective;
import dev.forkpoint.learner.objective.TopEntropy;
import dev.forkpoint.learner.record.RolloutFiles;
import dev.forkpoint.learner.record.RolloutRow;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.policy.v1.FinishReason;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.rollout.v1.Rollout;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepAssemblyTest {
    @TempDir Path folder;

    /** A response of the given length; its t-th token has entropy t nats. */
    private static Episode episode(long problem, int sample, int length, Optional<Double> reward) {
        Rollout.Builder rollout =
                Rollout.newBuilder()
                        .addAllPromptIds(List.of(5, 6))
                        .setPolicyVersion(3)
                        .setFinishReason(FinishReason.FINISH_REASON_STOP);
        TokenScores.Builder scores = TokenScores.newBuilder();
        for (int t = 0; t < length; t++) {
            rollout.addTokenIds(10 + t).addLogProbs(-1.5f);
            scores.addLogProbs(-1.25f).addEntropies(t).addCollisionProbabilities(0.5f);
        }
        Optional<Verification> verification =
                reward.map(
                        r ->
                                Verification.newBuilder()
                                        .setReward(r)
                                        .setVerdict(
                                                r > 0
                                                        ? Verdict.VERDICT_CORRECT
                                                        : Verdict.VERDICT_INCORRECT)
                                        .build());
        return new Episode(
                Problem.newBuilder().setPrompt("Make 24.").setGold("24").build(),
                problem,
                sample,
                rollout.build(),
                verification,
                Optional.of(scores.build()),
                Optional.empty());
    }

    private static List<List<Episode>> groups() {
        return List.of(
                List.of(
                        episode(8, 0, 3, Optional.of(1.0)),
                        episode(8, 1, 2, Optional.empty()),
                        episode(8, 2, 0, Optional.of(0.0)),
                        episode(8, 3, 5, Optional.of(0.0))),
                List.of(episode(4, 0, 2, Optional.of(1.0)), episode(4, 1, 2, Optional.of(1.0))));
    }

    @Test
    void takesOldLogProbsAndEntropiesFromTheSourceAndKeepsTheEngines() {
        StepAssembly assembly = StepAssembly.of(1, groups(), Objective.defaults());
        Step step = Objects.requireNonNull(assembly.step());
        assertThat(step.responses()).isEqualTo(3);
        assertThat(step.tokens()).isEqualTo(8);
        assertThat(step.oldLogProb()).containsOnly(-1.25f);
        assertThat(step.rolloutLogProb()).containsOnly(-1.5f);
        assertThat(step.entropy()).containsExactly(0, 1, 2, 0, 1, 2, 3, 4);
        assertThat(step.refLogProb()).isNull();
        assertThat(assembly.episodes()).extracting(Episode::sample).containsExactly(0, 2, 3);
        assertThat(assembly.counts().unrewardedResponses()).isEqualTo(1);
        assertThat(assembly.counts().droppedGroups()).isEqualTo(1);
    }

    @Test
    void anEngineWithoutEntropiesIsAnErrorWithSourceRollout() {
        Objective objective = Objective.defaults().with(EntropySource.ROLLOUT);
        assertThatThrownBy(() -> StepAssembly.of(1, groups(), objective))
                .hasMessageContaining(
                        "entropy_source: ROLLOUT, but the rollout engine reports no entropies");
    }

    @Test
    void withoutSignalThereIsNoStep() {
        assertThat(StepAssembly.of(1, groups().subList(1, 2), Objective.defaults()).step())
                .isNull();
    }

    @Test
    void recordsEverythingSampledWithTheMaskItTrainedBy() throws IOException {
        Objective objective = Objective.defaults().with(new TopEntropy(0.25));
        StepAssembly assembly = StepAssembly.of(1, groups(), objective);
        StepObjective selected = objective.over(Objects.requireNonNull(assembly.step()));
        RolloutFiles files = new RolloutFiles(folder);
        files.write(1, RolloutRows.of(1, groups(), assembly(objective), selected.selection()));
        List<RolloutRow> rows = new ArrayList<>(files.read(1));
        assertThat(rows).hasSize(6);

        files.write(1, RolloutRows.of(1, sampledOf(assembly), assembly, selected.selection()));
        rows = files.read(1);
        RolloutRow longest = rows.get(2);
        assertThat(longest.tokenIds()).containsExactly(10, 11, 12, 13, 14);
        assertThat(longest.kept()).containsExactly(false, false, false, true, true);
        assertThat(longest.advantage()).isNegative();
        assertThat(longest.oldLogProb()).containsOnly(-1.25f);
        assertThat(longest.verdict()).isEqualTo("INCORRECT");
        assertThat(longest.policyVersion()).isEqualTo(3);
    }

    private static StepAssembly assembly(Objective objective) {
        return StepAssembly.of(1, groups(), objective);
    }

    /** The episodes that the assembly holds, as one group. */
    private static List<List<Episode>> sampledOf(StepAssembly assembly) {
        return List.of(assembly.episodes());
    }
}
