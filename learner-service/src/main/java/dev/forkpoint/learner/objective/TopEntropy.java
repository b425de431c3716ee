package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.util.OptionalDouble;

/** The forking tokens: those of highest entropy over the whole step. */
@Published(
        name = "top",
        summary = "The forking tokens: those of highest entropy over the whole step.",
        equation =
                "m_t = 1 for exactly ⌈ρ·n⌉ tokens of largest H_t; ties by prompt, sample, position",
        source = "arXiv 2506.01939")
public record TopEntropy(
        @Option(value = KeepFraction.MEANING, absent = Option.REQUIRED) double keepFraction)
        implements TokenSelector {
    public TopEntropy {
        KeepFraction.check("top", keepFraction);
    }

    public static TopEntropy defaults() {
        return new TopEntropy(KeepFraction.OF_THE_PAPER);
    }

    @Override
    public OptionalDouble promisedFraction() {
        return OptionalDouble.of(keepFraction);
    }

    @Override
    public Selection select(Candidates candidates) {
        return TopSelection.select(candidates.entropy(), keepFraction);
    }
}
