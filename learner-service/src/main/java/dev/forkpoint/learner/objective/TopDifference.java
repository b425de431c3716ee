package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;

/** Control: the tokens on which two rankings disagree; their share is an outcome. */
@Published(
        name = "top_difference",
        summary = "Control: tokens in the top ρ by one score and not in the top ρ by another.",
        equation = "m_t = 1 for t ∈ top_ρ(in) \\ top_ρ(not_in)",
        source = "control; the norm is derived in docs/reference/objectives.md")
public record TopDifference(
        @Option(value = "ρ of both sets, above 0, below 1", absent = Option.REQUIRED)
                double keepFraction,
        @Option(value = "ranks the set to be in", absent = Option.REQUIRED) TokenScore in,
        @Option(value = "ranks the set not to be in", absent = Option.REQUIRED) TokenScore notIn)
        implements TokenSelector {
    public TopDifference {
        KeepFraction.check("top_difference", keepFraction);
        if (keepFraction == 1) {
            throw new IllegalArgumentException(
                    "top_difference.keep_fraction: 1.0 (expected: below 1, since all tokens less all are none)");
        }
        if (in == notIn) {
            throw new IllegalArgumentException(
                    "top_difference.not_in: " + notIn + " (expected: another score than in)");
        }
    }

    public static TopDifference defaults() {
        return new TopDifference(
                KeepFraction.OF_THE_PAPER, TokenScore.ENTROPY, TokenScore.GRADIENT);
    }

    @Override
    public Selection select(Candidates candidates) {
        return Masks.unranked(
                Masks.minus(in.top(candidates, keepFraction), notIn.top(candidates, keepFraction)));
    }

    @Override
    public boolean readsCollision() {
        return in == TokenScore.GRADIENT || notIn == TokenScore.GRADIENT;
    }
}
