package dev.forkpoint.learner.step;

import dev.forkpoint.learner.objective.FinishReason;
import dev.forkpoint.learner.objective.GroupsWithoutSignal;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.RewardShaper;
import dev.forkpoint.learner.objective.Step;
import dev.forkpoint.policy.sampling.Seeds;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Makes a step of verified rollouts, in the method's order: leave out what has no reward, shape
 * rewards, advantages over each whole group, drop groups without signal. Immutable.
 */
public final class StepAssembler {
    private final Objective objective;

    public StepAssembler(Objective objective) {
        this.objective = objective;
    }

    /**
     * Assembles.
     *
     * @param number of the step in the run, from 1
     * @param groups in any order, each prompt once and with each sample once
     * @throws IllegalArgumentException if a prompt or a sample comes twice
     */
    public AssembledStep assemble(int number, List<RolloutGroup> groups) {
        List<RolloutGroup> ordered =
                groups.stream().sorted(Comparator.comparingLong(RolloutGroup::promptKey)).toList();
        List<Entry> entries = new ArrayList<>();
        List<Integer> groupEnd = new ArrayList<>();
        Set<Source> seen = new HashSet<>();
        for (RolloutGroup group : ordered) {
            if (!seen.add(new Source(group.promptKey(), -1))) {
                throw new IllegalArgumentException(
                        "promptKey: " + group.promptKey() + " comes twice");
            }
            group.rollouts().stream()
                    .sorted(Comparator.comparingInt(Rollout::sample))
                    .map(
                            rollout ->
                                    new Entry(
                                            new Source(group.promptKey(), rollout.sample()),
                                            rollout))
                    .forEach(
                            entry -> {
                                if (!seen.add(entry.source)) {
                                    throw new IllegalArgumentException(
                                            "rollout: " + entry.source + " comes twice");
                                }
                                if (entry.rollout.isRewarded()) {
                                    entries.add(entry);
                                }
                            });
            groupEnd.add(entries.size());
        }
        int[] groupOffset = offsets(groupEnd);
        double[] reward =
                entries.stream().mapToDouble(e -> e.rollout.reward().orElseThrow()).toArray();
        double[] shaped = shape(entries, reward);
        boolean[] correct = new boolean[entries.size()];
        for (int i = 0; i < correct.length; i++) {
            correct[i] = entries.get(i).rollout.correct();
        }
        double[] advantage = objective.advantage().advantages(shaped, correct, groupOffset);
        boolean[] signal = signal(advantage, groupOffset);
        boolean drop = objective.groupsWithoutSignal() == GroupsWithoutSignal.DROP;
        StepCounts counts = counts(ordered, groupOffset, reward, shaped, signal, drop);
        return keep(number, entries, groupOffset, reward, shaped, advantage, signal, drop, counts);
    }

    private record Entry(Source source, Rollout rollout) {}

    private static int[] offsets(List<Integer> ends) {
        int[] offset = new int[ends.size() + 1];
        for (int i = 0; i < ends.size(); i++) {
            offset[i + 1] = ends.get(i);
        }
        return offset;
    }

    private double[] shape(List<Entry> entries, double[] reward) {
        double[] shaped = reward.clone();
        for (RewardShaper shaper : objective.rewardShapers()) {
            for (int i = 0; i < shaped.length; i++) {
                shaped[i] = shaper.shape(shaped[i], entries.get(i).rollout.length());
            }
        }
        return shaped;
    }

    /** [P], whether a group has an advantage that is not zero. */
    private static boolean[] signal(double[] advantage, int[] groupOffset) {
        boolean[] signal = new boolean[groupOffset.length - 1];
        for (int g = 0; g < signal.length; g++) {
            for (int i = groupOffset[g]; i < groupOffset[g + 1]; i++) {
                signal[g] |= advantage[i] != 0;
            }
        }
        return signal;
    }

    private static StepCounts counts(
            List<RolloutGroup> groups,
            int[] groupOffset,
            double[] reward,
            double[] shaped,
            boolean[] signal,
            boolean drop) {
        int single = 0;
        int allCorrect = 0;
        int allWrong = 0;
        int withoutSignal = 0;
        for (int g = 0; g < signal.length; g++) {
            RolloutGroup group = groups.get(g);
            single += groupOffset[g + 1] - groupOffset[g] < 2 ? 1 : 0;
            allCorrect += group.correct() == group.rollouts().size() ? 1 : 0;
            allWrong += group.correct() == 0 ? 1 : 0;
            withoutSignal += signal[g] ? 0 : 1;
        }
        List<Rollout> all = groups.stream().flatMap(group -> group.rollouts().stream()).toList();
        return new StepCounts(
                signal.length,
                single,
                allCorrect,
                allWrong,
                withoutSignal,
                drop ? withoutSignal : 0,
                all.size(),
                all.size() - reward.length,
                (int) all.stream().filter(r -> r.length() == 0).count(),
                (int) all.stream().filter(r -> r.finishReason() == FinishReason.LENGTH).count(),
                (int) all.stream().filter(Rollout::correct).count(),
                mean(reward),
                unbiasedStd(reward),
                mean(shaped),
                all.stream().mapToLong(Rollout::length).sum(),
                all.stream().mapToInt(Rollout::length).min().orElse(0),
                all.stream().mapToInt(Rollout::length).max().orElse(0));
    }

    private static AssembledStep keep(
            int number,
            List<Entry> entries,
            int[] groupOffset,
            double[] reward,
            double[] shaped,
            double[] advantage,
            boolean[] signal,
            boolean drop,
            StepCounts counts) {
        List<Integer> kept = new ArrayList<>();
        List<Integer> groupEnd = new ArrayList<>();
        for (int g = 0; g < signal.length; g++) {
            if (signal[g] || !drop) {
                for (int i = groupOffset[g]; i < groupOffset[g + 1]; i++) {
                    kept.add(i);
                }
                groupEnd.add(kept.size());
            }
        }
        List<Rollout> rollouts = kept.stream().map(i -> entries.get(i).rollout).toList();
        List<Source> source = kept.stream().map(i -> entries.get(i).source).toList();
        int[] offset = new int[rollouts.size() + 1];
        for (int i = 0; i < rollouts.size(); i++) {
            offset[i + 1] = Math.addExact(offset[i], rollouts.get(i).length());
        }
        boolean[] correct = new boolean[rollouts.size()];
        for (int i = 0; i < correct.length; i++) {
            correct[i] = rollouts.get(i).correct();
        }
        Step step =
                new Step(
                        number,
                        offsets(groupEnd),
                        source.stream()
                                .mapToLong(s -> Seeds.derive(0, s.promptKey(), s.sample()))
                                .toArray(),
                        offset,
                        required(rollouts, offset, "oldLogProb", Rollout::oldLogProb),
                        required(rollouts, offset, "entropy", Rollout::entropy),
                        flat(
                                rollouts,
                                offset,
                                "collisionProbability",
                                Rollout::collisionProbability),
                        flat(rollouts, offset, "refLogProb", Rollout::refLogProb),
                        flat(rollouts, offset, "rolloutLogProb", Rollout::rolloutLogProb),
                        kept.stream().mapToDouble(i -> reward[i]).toArray(),
                        kept.stream().mapToDouble(i -> shaped[i]).toArray(),
                        kept.stream().mapToDouble(i -> advantage[i]).toArray(),
                        correct,
                        rollouts.stream().map(Rollout::finishReason).toArray(FinishReason[]::new));
        return new AssembledStep(step, source, counts);
    }

    private static float[] required(
            List<Rollout> rollouts, int[] offset, String name, Function<Rollout, float[]> field) {
        float[] values = flat(rollouts, offset, name, field::apply);
        return values == null ? new float[0] : values;
    }

    /** One flat array of all responses' values; null as soon as one response has none. */
    private static float @Nullable [] flat(
            List<Rollout> rollouts,
            int[] offset,
            String name,
            Function<Rollout, float @Nullable []> field) {
        float[] values = new float[offset[rollouts.size()]];
        for (int i = 0; i < rollouts.size(); i++) {
            float[] part = field.apply(rollouts.get(i));
            if (part == null) {
                return null;
            }
            if (part.length != rollouts.get(i).length()) {
                throw new IllegalArgumentException(
                        name
                                + " of response "
                                + i
                                + ": "
                                + part.length
                                + " values (expected: "
                                + rollouts.get(i).length()
                                + ")");
            }
            System.arraycopy(part, 0, values, offset[i], part.length);
        }
        return values;
    }

    private static double mean(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return values.length == 0 ? 0 : sum / values.length;
    }

    private static double unbiasedStd(double[] values) {
        double mean = mean(values);
        double squares = 0;
        for (double value : values) {
            squares += (value - mean) * (value - mean);
        }
        return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
    }
}
