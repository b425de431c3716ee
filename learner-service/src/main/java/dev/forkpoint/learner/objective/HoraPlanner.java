package dev.forkpoint.learner.objective;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Spends the step's responses where one more is likeliest to be the first correct one of its batch.
 */
@Published(
        name = "hora",
        summary =
                "Gives further responses to the prompts where a correct one is likeliest to be found.",
        equation =
                "maximise Σ_i U_i(b_i), Σ b_i = batch, U_i(b) = 1 − B(1+s, 1+n−s+b)/B(1+s, 1+n−s), s of n correct;"
                        + " until P·G responses are spent",
        source = "HORA, arXiv 2605.07114 §3")
public record HoraPlanner(
        @Option(
                        value =
                                "responses of each prompt before any is allocated, at least 1, at most G",
                        absent = Option.REQUIRED)
                int initialResponses,
        @Option(value = "responses allocated a round, at least 1", absent = Option.REQUIRED)
                int batch)
        implements RolloutPlanner {
    public HoraPlanner {
        Check.atLeast("hora.initial_responses", initialResponses, 1);
        Check.atLeast("hora.batch", batch, 1);
    }

    public static HoraPlanner defaults() {
        return new HoraPlanner(4, 64);
    }

    @Override
    public Request next(State state) {
        if (state.round() == 0) {
            return new Request(
                    state.promptsPerStep(),
                    Math.min(initialResponses, state.groupSize()),
                    Map.of());
        }
        long budget = (long) state.promptsPerStep() * state.groupSize();
        long spent = state.prompts().stream().mapToLong(Prompt::responses).sum();
        int left = (int) Math.min(batch, budget - spent);
        return left <= 0 ? Request.NOTHING : new Request(0, 0, allocate(state.prompts(), left));
    }

    /** U is concave in b, so giving one response after the other to the largest gain is optimal. */
    private static Map<Long, Integer> allocate(List<Prompt> prompts, int responses) {
        Map<Long, Integer> more = new HashMap<>();
        double[] stillMissed = new double[prompts.size()];
        Arrays.fill(stillMissed, 1);
        for (int given = 0; given < responses; given++) {
            int best = 0;
            double bestGain = -1;
            for (int i = 0; i < prompts.size(); i++) {
                double gain = stillMissed[i] * hitProbability(prompts.get(i), more);
                if (gain > bestGain) {
                    bestGain = gain;
                    best = i;
                }
            }
            stillMissed[best] *= 1 - hitProbability(prompts.get(best), more);
            more.merge(prompts.get(best).key(), 1, Integer::sum);
        }
        return more;
    }

    /**
     * Posterior mean of success given that all b further responses missed: (1 + s) / (2 + n + b).
     */
    private static double hitProbability(Prompt prompt, Map<Long, Integer> more) {
        int misses = more.getOrDefault(prompt.key(), 0);
        return (1.0 + prompt.correct()) / (2.0 + prompt.responses() + misses);
    }
}
