package dev.forkpoint.learner.objective;

/** The kept tokens of the update: v2 of the paper; larger by 1/ρ than all tokens. */
@Published(
        name = "kept_tokens",
        summary = "Divides by the number of kept tokens of the update.",
        equation = "Z = Σ_t m_t",
        source = "arXiv 2506.01939 v2 eq. 6")
public record KeptTokensNormaliser() implements Normaliser {
    public static KeptTokensNormaliser defaults() {
        return new KeptTokensNormaliser();
    }

    @Override
    public double weight(UpdateCounts update, int lengthTokens) {
        return update.keptTokens() == 0 ? 0 : 1.0 / update.keptTokens();
    }

    @Override
    public boolean countsKept() {
        return true;
    }
}
