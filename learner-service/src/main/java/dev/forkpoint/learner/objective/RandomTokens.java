package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.util.OptionalDouble;

/** Control: random tokens, drawn without replacement. */
@Published(
        name = "random",
        summary = "Control: random tokens, the same for the same seed however the step is cut.",
        equation = "m_t = 1 for exactly ⌈ρ·n⌉ tokens of largest u(seed, step, response, position)",
        source = "control of arXiv 2605.07660")
public record RandomTokens(
        @Option(value = KeepFraction.MEANING, absent = Option.REQUIRED) double keepFraction,
        @Option(value = "seed of the draw; the run's", absent = Option.OF_RUN) long seed)
        implements TokenSelector {
    public RandomTokens {
        KeepFraction.check("random", keepFraction);
    }

    public static RandomTokens defaults() {
        return new RandomTokens(KeepFraction.OF_THE_PAPER, 0);
    }

    @Override
    public OptionalDouble promisedFraction() {
        return OptionalDouble.of(keepFraction);
    }

    @Override
    public Selection select(Candidates candidates) {
        Selection drawn = TopSelection.select(candidates.randomKeys(seed), keepFraction);
        return Masks.unranked(drawn.kept());
    }

    @Override
    public boolean ranks() {
        return false;
    }
}
