package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.util.OptionalDouble;

/** Control: the tokens of lowest probability. */
@Published(
        name = "top_surprisal",
        summary = "Control: the tokens of lowest probability.",
        equation = "m_t = 1 for exactly ⌈ρ·n⌉ tokens of largest −logp_t",
        source = "control; rare tokens as in arXiv 2505.12929")
public record TopSurprisal(
        @Option(value = KeepFraction.MEANING, absent = Option.REQUIRED) double keepFraction)
        implements TokenSelector {
    public TopSurprisal {
        KeepFraction.check("top_surprisal", keepFraction);
    }

    public static TopSurprisal defaults() {
        return new TopSurprisal(KeepFraction.OF_THE_PAPER);
    }

    @Override
    public OptionalDouble promisedFraction() {
        return OptionalDouble.of(keepFraction);
    }

    @Override
    public Selection select(Candidates candidates) {
        float[] surprisal = new float[candidates.tokens()];
        for (int t = 0; t < surprisal.length; t++) {
            surprisal[t] = -candidates.logProb()[t];
        }
        return TopSelection.select(surprisal, keepFraction);
    }
}
