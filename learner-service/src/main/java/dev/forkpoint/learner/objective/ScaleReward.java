package dev.forkpoint.learner.objective;

/** Linear map of the reward, such as from {0, 1} to {−1, 1}. */
@Published(
        name = "scale",
        summary = "Multiplies the reward and adds a constant.",
        equation = "factor · r + offset",
        source = "DAPO's reward of ±1, arXiv 2503.14476: factor 2, offset −1")
public record ScaleReward(
        @Option(value = "factor, finite, not 0", absent = Option.REQUIRED) double factor,
        @Option("offset, finite") double offset)
        implements RewardShaper {
    public ScaleReward {
        if (!Double.isFinite(factor) || factor == 0) {
            throw new IllegalArgumentException(
                    "scale.factor: " + factor + " (expected: finite, not 0)");
        }
        Check.finite("scale.offset", offset);
    }

    public static ScaleReward defaults() {
        return new ScaleReward(1, 0);
    }

    @Override
    public double shape(double reward, int lengthTokens) {
        return factor * reward + offset;
    }
}
