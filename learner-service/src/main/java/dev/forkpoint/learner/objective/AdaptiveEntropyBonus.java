package dev.forkpoint.learner.objective;

/**
 * Entropy bonus whose coefficient follows a target; the coefficient in the recipe is the first one.
 */
@Published(
        name = "adaptive_entropy_bonus",
        summary =
                "Entropy bonus whose coefficient rises below a target entropy and falls above it.",
        equation =
                "−(c/Σ m_t) Σ_t m_t H_t, c = 0 while H > target; c ← max(0, H ≤ target ? c + δ : c − δ) after each"
                        + " update, H = mean entropy of the last update's kept tokens",
        source = "Skywork-OR1, arXiv 2505.22312; TRL 1.13 use_adaptive_entropy")
public record AdaptiveEntropyBonus(
        @Option(
                        value = "target mean entropy of kept tokens, nats, above 0",
                        absent = Option.REQUIRED)
                double target,
        @Option(value = "δ, above 0", absent = Option.REQUIRED) double delta)
        implements AuxiliaryTerm {
    public AdaptiveEntropyBonus {
        Check.positive("adaptive_entropy_bonus.target", target);
        Check.positive("adaptive_entropy_bonus.delta", delta);
    }

    public static AdaptiveEntropyBonus defaults() {
        return new AdaptiveEntropyBonus(0.2, 0.005);
    }

    /**
     * Where the coefficient stands; the run keeps it with its state.
     *
     * @param coefficient c, 0 or above
     * @param lastEntropyNats mean entropy of the last update's kept tokens; 0 before the first
     */
    public record Control(double coefficient, double lastEntropyNats) {}

    /** The control before the first update. */
    public static Control start(double coefficient) {
        return new Control(coefficient, 0);
    }

    /** The control after an update. */
    public Control next(Control control, double meanEntropyNats) {
        double moved =
                meanEntropyNats <= target
                        ? control.coefficient + delta
                        : control.coefficient - delta;
        return new Control(Math.max(0, moved), meanEntropyNats);
    }

    /** The coefficient that the next update uses. */
    double applied(Control control) {
        return control.lastEntropyNats <= target ? control.coefficient : 0;
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
