package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.util.OptionalDouble;

/** Control: the tokens of lowest entropy; the paper's bottom 80 % is 0.8. */
@Published(
        name = "bottom",
        summary = "Control: the tokens of lowest entropy; the paper's bottom 80 % is 0.8.",
        equation = "m_t = 1 for the ⌈ρ·n⌉ tokens that are not among the n − ⌈ρ·n⌉ of largest H_t",
        source = "arXiv 2506.01939")
public record BottomEntropy(
        @Option(value = KeepFraction.MEANING, absent = Option.REQUIRED) double keepFraction)
        implements TokenSelector {
    public BottomEntropy {
        KeepFraction.check("bottom", keepFraction);
    }

    public static BottomEntropy defaults() {
        return new BottomEntropy(KeepFraction.OF_THE_PAPER);
    }

    @Override
    public OptionalDouble promisedFraction() {
        return OptionalDouble.of(keepFraction);
    }

    @Override
    public Selection select(Candidates candidates) {
        int count = TopSelection.count(candidates.tokens(), keepFraction);
        Selection top = TopSelection.greatest(candidates.entropy(), candidates.tokens() - count);
        return Masks.unranked(Masks.minus(AllTokens.defaults().select(candidates), top));
    }
}
