package dev.forkpoint.learner.step;

import dev.forkpoint.learner.objective.Step;
import dev.forkpoint.policy.sampling.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Cuts a step into updates and an update into micro-batches. */
public final class Updates {
    private Updates() {}

    /**
     * Updates of near-equal numbers of responses; each pass over the step deals the responses out
     * anew. A function of seed, step and responses alone.
     *
     * @param updates a pass, at least 1; no more than responses are made
     * @param passes at least 1
     * @return responses of each update, ascending
     */
    public static List<int[]> of(Step step, int updates, int passes, long seed) {
        if (updates < 1 || passes < 1) {
            throw new IllegalArgumentException(
                    "updates, passes: " + updates + ", " + passes + " (expected: at least 1)");
        }
        int responses = step.responses();
        int count = Math.min(updates, responses);
        List<int[]> all = new ArrayList<>();
        for (int pass = 0; pass < passes; pass++) {
            long stream = Seeds.derive(seed, step.number(), pass);
            int[] dealt =
                    count == 1
                            ? IntStream.range(0, responses).toArray()
                            : IntStream.range(0, responses)
                                    .boxed()
                                    .sorted(
                                            Comparator.comparingLong(
                                                    i ->
                                                            Seeds.derive(
                                                                    stream,
                                                                    step.responseKey()[i],
                                                                    3)))
                                    .mapToInt(Integer::intValue)
                                    .toArray();
            for (int u = 0; u < count; u++) {
                int from = (int) ((long) responses * u / count);
                int to = (int) ((long) responses * (u + 1) / count);
                int[] update = Arrays.copyOfRange(dealt, from, to);
                Arrays.sort(update);
                all.add(update);
            }
        }
        return all;
    }

    /**
     * Number of updates whose size comes nearest to a wanted one: max(1, round(responses /
     * wanted)).
     */
    public static int count(int responses, int responsesPerUpdate) {
        return Math.max(1, Math.round((float) responses / responsesPerUpdate));
    }

    /**
     * Micro-batches of neighbouring responses, so that responses of one prompt stay together, each
     * within a budget of tokens; one that exceeds the budget alone stands alone. How they are cut
     * never changes a result.
     *
     * @param responses ascending
     * @param tokens of each response of the step with its prompt, by index in the step
     */
    public static List<int[]> microBatches(int[] responses, int[] tokens, int budgetTokens) {
        List<int[]> batches = new ArrayList<>();
        int from = 0;
        long sum = 0;
        for (int i = 0; i < responses.length; i++) {
            if (i > from && sum + tokens[responses[i]] > budgetTokens) {
                batches.add(Arrays.copyOfRange(responses, from, i));
                from = i;
                sum = 0;
            }
            sum += tokens[responses[i]];
        }
        if (from < responses.length) {
            batches.add(Arrays.copyOfRange(responses, from, responses.length));
        }
        return batches;
    }
}
