package dev.forkpoint.learner.run;

import com.google.rpc.Code;
import dev.forkpoint.learner.objective.EntropySource;
import dev.forkpoint.learner.objective.FinishReason;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.Step;
import dev.forkpoint.learner.step.AssembledStep;
import dev.forkpoint.learner.step.Rollout;
import dev.forkpoint.learner.step.RolloutGroup;
import dev.forkpoint.learner.step.Source;
import dev.forkpoint.learner.step.StepAssembler;
import dev.forkpoint.learner.step.StepCounts;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.service.error.ServiceException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * From the groups of a step to the arrays that the objective reads.
 *
 * @param step the arrays; null when no group has anything to learn from
 * @param episodes of the step's responses, in its order
 * @param counts what was left out, over everything sampled
 */
record StepAssembly(@Nullable Step step, List<Episode> episodes, StepCounts counts) {

    /** Groups and responses in any order. */
    static StepAssembly of(int number, List<List<Episode>> groups, Objective objective) {
        Map<Source, Episode> bySource = new HashMap<>();
        List<RolloutGroup> rollouts = new ArrayList<>();
        for (List<Episode> group : groups) {
            List<Rollout> members = new ArrayList<>();
            for (Episode e : group) {
                bySource.put(new Source(e.problemIndex(), e.sample()), e);
                members.add(rollout(e, objective));
            }
            if (!group.isEmpty()) {
                rollouts.add(new RolloutGroup(group.get(0).problemIndex(), members));
            }
        }
        AssembledStep assembled = new StepAssembler(objective).assemble(number, rollouts);
        List<Episode> episodes = assembled.source().stream().map(s -> bySource.get(s)).toList();
        Step step = assembled.step().tokens() == 0 ? null : assembled.step();
        return new StepAssembly(step, episodes, assembled.counts());
    }

    private static Rollout rollout(Episode e, Objective objective) {
        boolean fromEngine = objective.entropySource() == EntropySource.ROLLOUT;
        if (fromEngine && e.rollout().getEntropiesCount() != e.length()) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "ENTROPY_MISSING",
                    "reinforcement.objective.entropy_source: ROLLOUT, but the rollout engine"
                            + " reports no entropies (expected: RECOMPUTED or CURRENT)");
        }
        if (e.length() == 0) {
            fromEngine = true; // nothing to score
        }
        List<Float> collision =
                fromEngine
                        ? e.rollout().getCollisionProbabilitiesList()
                        : scores(e).getCollisionProbabilitiesList();
        return new Rollout(
                e.sample(),
                floats(fromEngine ? e.rollout().getLogProbsList() : scores(e).getLogProbsList()),
                floats(fromEngine ? e.rollout().getEntropiesList() : scores(e).getEntropiesList()),
                collision.size() == e.length() ? floats(collision) : null,
                e.reference().map(r -> floats(r.getLogProbsList())).orElse(null),
                floats(e.rollout().getLogProbsList()),
                e.rewarded()
                        ? OptionalDouble.of(e.verification().orElseThrow().getReward())
                        : OptionalDouble.empty(),
                e.correct(),
                e.truncated() ? FinishReason.LENGTH : FinishReason.STOP);
    }

    private static TokenScores scores(Episode e) {
        return e.scores()
                .orElseThrow(
                        () ->
                                new IllegalStateException(
                                        "response "
                                                + e.problemIndex()
                                                + "-"
                                                + e.sample()
                                                + " was not scored"));
    }

    private static float[] floats(List<Float> values) {
        float[] out = new float[values.size()];
        for (int t = 0; t < out.length; t++) {
            out[t] = values.get(t);
        }
        return out;
    }
}
