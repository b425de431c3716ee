package dev.forkpoint.learner.objective;

import java.util.Map;

/** The next P prompts, G responses each. */
@Published(
        name = "plain",
        summary = "The next P prompts, G responses each, whatever comes of them.",
        equation = "P prompts · G responses",
        source = "GRPO, arXiv 2402.03300")
public record PlainPlanner() implements RolloutPlanner {
    public static PlainPlanner defaults() {
        return new PlainPlanner();
    }

    @Override
    public Request next(State state) {
        return state.round() == 0
                ? new Request(state.promptsPerStep(), state.groupSize(), Map.of())
                : Request.NOTHING;
    }
}
