package dev.forkpoint.learner.run;

import dev.forkpoint.learner.objective.EntropySource;
import dev.forkpoint.learner.objective.FinishReason;
import dev.forkpoint.learner.objective.GroupsWithoutSignal;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.RewardShaper;
import dev.forkpoint.learner.objective.Step;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.service.error.ServiceException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * From the groups of a step to the arrays that the objective reads: rewards shaped, advantages
 * taken, groups without signal left out. The order is prompt, sample, position, whatever order
 * answers came in.
 *
 * @param step the arrays; null when no group has anything to learn from
 * @param episodes of the step's responses, in its order
 * @param failedGroups groups left out since a response has no reward
 * @param emptyResponses responses left out since they have no token
 * @param signallessGroups groups whose advantages are all zero
 */
record StepAssembly(
        @Nullable Step step,
        List<Episode> episodes,
        int failedGroups,
        int emptyResponses,
        int signallessGroups) {

    /** Groups in the order of the data; responses in the order of samples. */
    static StepAssembly of(int number, List<List<Episode>> groups, Objective objective) {
        List<Episode> kept = new ArrayList<>();
        List<Integer> groupOffset = new ArrayList<>(List.of(0));
        List<double[]> shapedOf = new ArrayList<>();
        int failed = 0;
        int empty = 0;
        int signalless = 0;
        for (List<Episode> group : groups) {
            if (!group.stream().allMatch(Episode::rewarded)) {
                failed++;
                continue;
            }
            List<Episode> members = group.stream().filter(e -> e.length() > 0).toList();
            empty += group.size() - members.size();
            double[] shaped = members.stream().mapToDouble(e -> shaped(e, objective)).toArray();
            if (!hasSignal(shaped)) {
                signalless++;
                if (objective.groupsWithoutSignal() == GroupsWithoutSignal.DROP) {
                    continue;
                }
            }
            if (members.isEmpty()) {
                continue;
            }
            kept.addAll(members);
            groupOffset.add(kept.size());
            shapedOf.add(shaped);
        }
        Step step =
                kept.isEmpty()
                        ? null
                        : step(
                                number,
                                kept,
                                groupOffset.stream().mapToInt(i -> i).toArray(),
                                shapedOf.stream()
                                        .flatMapToDouble(java.util.Arrays::stream)
                                        .toArray(),
                                objective);
        return new StepAssembly(step, kept, failed, empty, signalless);
    }

    private static boolean hasSignal(double[] rewards) {
        for (double r : rewards) {
            if (r != rewards[0]) {
                return true;
            }
        }
        return false;
    }

    private static double shaped(Episode e, Objective objective) {
        double reward = e.verification().orElseThrow().getReward();
        for (RewardShaper shaper : objective.rewardShapers()) {
            reward = shaper.shape(reward, e.length());
        }
        return reward;
    }

    private static Step step(
            int number,
            List<Episode> episodes,
            int[] groupOffset,
            double[] shaped,
            Objective objective) {
        int responses = episodes.size();
        int[] offset = new int[responses + 1];
        long[] key = new long[responses];
        double[] reward = new double[responses];
        boolean[] correct = new boolean[responses];
        FinishReason[] finish = new FinishReason[responses];
        for (int i = 0; i < responses; i++) {
            Episode e = episodes.get(i);
            offset[i + 1] = offset[i] + e.length();
            key[i] = RunSpecs.rolloutSeed(0, e.problemIndex(), e.sample());
            reward[i] = e.verification().orElseThrow().getReward();
            correct[i] = e.correct();
            finish[i] = e.truncated() ? FinishReason.LENGTH : FinishReason.STOP;
        }
        boolean fromRollout = objective.entropySource() == EntropySource.ROLLOUT;
        boolean engineReports =
                episodes.stream().allMatch(e -> e.rollout().getEntropiesCount() == e.length());
        if (fromRollout && !engineReports) {
            throw new ServiceException(
                    com.google.rpc.Code.FAILED_PRECONDITION,
                    "ENTROPY_MISSING",
                    "reinforcement.objective.entropy_source: ROLLOUT, but the rollout engine"
                            + " reports no entropies (expected: RECOMPUTED or CURRENT)");
        }
        Function<Episode, List<Float>> old =
                fromRollout ? e -> e.rollout().getLogProbsList() : e -> scores(e).getLogProbsList();
        Function<Episode, List<Float>> entropy =
                fromRollout
                        ? e -> e.rollout().getEntropiesList()
                        : e -> scores(e).getEntropiesList();
        Function<Episode, List<Float>> collision =
                fromRollout
                        ? e -> e.rollout().getCollisionProbabilitiesList()
                        : e -> scores(e).getCollisionProbabilitiesList();
        boolean reference = episodes.stream().allMatch(e -> e.reference().isPresent());
        return new Step(
                number,
                groupOffset,
                key,
                offset,
                flat(episodes, offset, "log_probs", old),
                flat(episodes, offset, "entropies", entropy),
                flat(episodes, offset, "collision_probabilities", collision),
                reference
                        ? flat(
                                episodes,
                                offset,
                                "reference log_probs",
                                e -> e.reference().orElseThrow().getLogProbsList())
                        : null,
                flat(episodes, offset, "rollout log_probs", e -> e.rollout().getLogProbsList()),
                reward,
                shaped,
                objective.advantage().advantages(shaped, groupOffset),
                correct,
                finish);
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

    private static float[] flat(
            List<Episode> episodes,
            int[] offset,
            String name,
            Function<Episode, List<Float>> values) {
        float[] out = new float[offset[episodes.size()]];
        for (int i = 0; i < episodes.size(); i++) {
            List<Float> from = values.apply(episodes.get(i));
            if (from.size() != offset[i + 1] - offset[i]) {
                throw new IllegalStateException(
                        name
                                + " of response "
                                + i
                                + ": "
                                + from.size()
                                + " values (expected: one of each of "
                                + (offset[i + 1] - offset[i])
                                + " tokens)");
            }
            for (int t = 0; t < from.size(); t++) {
                out[offset[i] + t] = from.get(t);
            }
        }
        return out;
    }
}
