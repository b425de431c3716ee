package dev.forkpoint.learner.objective;

import java.util.Map;

/** Replaces prompts whose responses are all right or all wrong: they teach nothing. */
@Published(
        name = "dynamic_sampling",
        summary =
                "Replaces prompts whose responses are all correct or all wrong, for at most some rounds.",
        equation =
                "keep a group when 0 < correct < G, by the verdict before shaping; sample P − kept new prompts",
        source = "DAPO, arXiv 2503.14476 §3.2")
public record DynamicSamplingPlanner(
        @Option(
                        value =
                                "most rounds of sampling a step, at least 1; the step goes on with what it has then",
                        absent = Option.REQUIRED)
                int maxRounds)
        implements RolloutPlanner {
    public DynamicSamplingPlanner {
        Check.atLeast("dynamic_sampling.max_rounds", maxRounds, 1);
    }

    public static DynamicSamplingPlanner defaults() {
        return new DynamicSamplingPlanner(10);
    }

    @Override
    public Request next(State state) {
        long kept = state.prompts().stream().filter(p -> accepts(p, state.groupSize())).count();
        int missing = (int) Math.max(0, state.promptsPerStep() - kept);
        return missing == 0 || state.round() >= maxRounds
                ? Request.NOTHING
                : new Request(missing, state.groupSize(), Map.of());
    }

    @Override
    public boolean accepts(Prompt prompt, int groupSize) {
        return prompt.correct() > 0 && prompt.correct() < prompt.responses();
    }
}
