package dev.forkpoint.learner.step;

import dev.forkpoint.learner.objective.Step;
import java.util.List;

/**
 * A whole step, ready for an objective.
 *
 * @param step may hold no response, where no group had signal: then there is nothing to learn from
 * @param source [R], where each of the step's responses came from
 * @param counts over everything that was sampled
 */
public record AssembledStep(Step step, List<Source> source, StepCounts counts) {
    public AssembledStep {
        source = List.copyOf(source);
    }
}
