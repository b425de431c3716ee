package dev.forkpoint.learner.run;

import dev.forkpoint.learner.objective.Step;
import dev.forkpoint.learner.record.RolloutRow;
import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.Verification;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A step's rollouts as rows for its Parquet file: everything sampled, also what the step left out.
 */
final class RolloutRows {

    private RolloutRows() {}

    /**
     * @param sampled every group
     * @param assembly what the step made of them
     * @param selection over the step's tokens; null where each update chose for itself
     */
    static List<RolloutRow> of(
            int step,
            List<List<Episode>> sampled,
            StepAssembly assembly,
            @Nullable Selection selection) {
        Map<Episode, Trained> trained = new IdentityHashMap<>();
        Step assembled = assembly.step();
        for (int i = 0; assembled != null && i < assembly.episodes().size(); i++) {
            trained.put(assembly.episodes().get(i), Trained.of(assembled, i, selection));
        }
        List<RolloutRow> rows = new ArrayList<>();
        for (List<Episode> group : sampled) {
            for (Episode e : group) {
                rows.add(row(step, e, trained.get(e)));
            }
        }
        return rows;
    }

    /** What the step made of a response. */
    private record Trained(@Nullable List<Boolean> kept, Double shapedReward, Double advantage) {
        static Trained of(Step step, int response, @Nullable Selection selection) {
            List<Boolean> kept = null;
            if (selection != null) {
                kept = new ArrayList<>(step.length(response));
                for (int t = step.offset()[response]; t < step.offset()[response + 1]; t++) {
                    kept.add(selection.kept()[t]);
                }
            }
            return new Trained(kept, step.shapedReward()[response], step.advantage()[response]);
        }
    }

    private static RolloutRow row(int number, Episode e, @Nullable Trained trained) {
        List<Float> engine = e.rollout().getEntropiesList();
        List<Float> collision = e.rollout().getCollisionProbabilitiesList();
        return new RolloutRow(
                number,
                e.problemIndex(),
                e.problem().getPrompt(),
                e.problem().getGold(),
                e.sample(),
                e.rollout().getPolicyVersion(),
                e.rollout().getPromptIdsList(),
                e.rollout().getTokenIdsList(),
                e.rollout().getLogProbsList(),
                e.scores().map(TokenScores::getLogProbsList).orElse(null),
                e.scores()
                        .map(TokenScores::getEntropiesList)
                        .orElse(engine.isEmpty() ? null : engine),
                e.scores()
                        .map(TokenScores::getCollisionProbabilitiesList)
                        .orElse(collision.isEmpty() ? null : collision),
                trained == null ? null : trained.kept(),
                e.rewarded() ? e.verification().orElseThrow().getReward() : null,
                trained == null ? null : trained.shapedReward(),
                trained == null ? null : trained.advantage(),
                e.correct(),
                e.verification()
                        .map(Verification::getVerdict)
                        .orElse(Verdict.VERDICT_UNSPECIFIED)
                        .name()
                        .replace("VERDICT_", ""),
                e.rollout().getFinishReason().name().replace("FINISH_REASON_", ""));
    }
}
