package dev.forkpoint.learner.objective;

/** All response tokens of the update, kept or not: v1 of the paper. */
@Published(
        name = "all_tokens",
        summary = "Divides by the number of all response tokens of the update.",
        equation = "Z = Σ_i |o_i|",
        source = "DAPO, arXiv 2503.14476; arXiv 2506.01939 v1; TRL's bnpo and dapo")
public record AllTokensNormaliser() implements Normaliser {
    public static AllTokensNormaliser defaults() {
        return new AllTokensNormaliser();
    }

    @Override
    public double weight(UpdateCounts update, int lengthTokens) {
        return update.tokens() == 0 ? 0 : 1.0 / update.tokens();
    }
}
