package dev.forkpoint.learner.objective;

import java.util.List;
import java.util.Map;

/**
 * Decides what to sample next for a step. Immutable: a function of what has been sampled, so that a
 * resumed step plans as one never interrupted.
 */
public sealed interface RolloutPlanner permits PlainPlanner, DynamicSamplingPlanner, HoraPlanner {
    /** What to sample in the next round; nothing when the step is complete. */
    Request next(State state);

    /** Whether a prompt's group goes into the step once the step is complete. */
    default boolean accepts(Prompt prompt, int groupSize) {
        return true;
    }

    /**
     * A step so far.
     *
     * @param round of sampling, from 0
     * @param promptsPerStep P
     * @param groupSize G
     * @param prompts sampled so far in this step, each with all its responses verified
     */
    record State(int round, int promptsPerStep, int groupSize, List<Prompt> prompts) {
        public State {
            Check.atLeast("prompts_per_step", promptsPerStep, 1);
            Check.atLeast("group_size", groupSize, 1);
            prompts = List.copyOf(prompts);
        }
    }

    /**
     * A prompt's rollouts so far.
     *
     * @param key see the run's numbering of prompts
     * @param responses verified
     * @param correct of these, by the verifier, before any shaping
     */
    record Prompt(long key, int responses, int correct) {
        public Prompt {
            Check.inRange("correct", correct, 0, responses);
        }
    }

    /**
     * What to sample.
     *
     * @param newPrompts next prompts of the data
     * @param responsesEach responses of each of them
     * @param moreResponses further responses of prompts sampled before, by key
     */
    record Request(int newPrompts, int responsesEach, Map<Long, Integer> moreResponses) {
        public static final Request NOTHING = new Request(0, 0, Map.of());

        public Request {
            moreResponses = Map.copyOf(moreResponses);
        }

        public boolean isNothing() {
            return newPrompts == 0 && moreResponses.isEmpty();
        }
    }
}
