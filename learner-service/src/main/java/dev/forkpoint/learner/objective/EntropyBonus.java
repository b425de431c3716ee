package dev.forkpoint.learner.objective;

/** Rewards uncertainty at the tokens that are trained on. */
@Published(
        name = "entropy_bonus",
        summary = "Rewards entropy, as a mean over the kept tokens.",
        equation = "−(1/Σ m_t) Σ_t m_t H_t",
        source = "A3C, arXiv 1602.01783; TRL 1.13 entropy_coef")
public record EntropyBonus() implements AuxiliaryTerm {
    public static EntropyBonus defaults() {
        return new EntropyBonus();
    }

    @Override
    public double value(Token token) {
        return -token.entropy();
    }

    @Override
    public double byEntropy(Token token) {
        return -1;
    }

    @Override
    public Over over() {
        return Over.KEPT_TOKENS;
    }

    @Override
    public boolean readsEntropy() {
        return true;
    }
}
