package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.util.OptionalDouble;

/** Control: the tokens of largest gradient with respect to the logits. */
@Published(
        name = "top_gradient",
        summary = "Control: the tokens of largest gradient with respect to the logits.",
        equation =
                "m_t = 1 for exactly ⌈ρ·n⌉ tokens of largest |A| a √(1 − 2p_t + Σ_v p_v²), a = the normaliser's weight",
        source = "control; the norm is derived in docs/reference/objectives.md")
public record TopGradient(
        @Option(value = KeepFraction.MEANING, absent = Option.REQUIRED) double keepFraction)
        implements TokenSelector {
    public TopGradient {
        KeepFraction.check("top_gradient", keepFraction);
    }

    public static TopGradient defaults() {
        return new TopGradient(KeepFraction.OF_THE_PAPER);
    }

    @Override
    public OptionalDouble promisedFraction() {
        return OptionalDouble.of(keepFraction);
    }

    @Override
    public Selection select(Candidates candidates) {
        return TopSelection.select(candidates.gradientNorm(), keepFraction);
    }

    @Override
    public boolean readsCollision() {
        return true;
    }
}
