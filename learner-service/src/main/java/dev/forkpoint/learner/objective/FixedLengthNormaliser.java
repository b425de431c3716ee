package dev.forkpoint.learner.objective;

/**
 * A constant that does not depend on what was sampled, so that length is neither rewarded nor
 * punished.
 */
@Published(
        name = "fixed_length",
        summary = "Divides by the number of responses times the largest length allowed.",
        equation = "Z = R · L",
        source = "Dr. GRPO, arXiv 2503.20783; TRL's dr_grpo")
public record FixedLengthNormaliser(
        @Option(value = "L, tokens, at least 1", absent = Option.OF_SAMPLING) int maxTokens)
        implements Normaliser {
    public FixedLengthNormaliser {
        Check.atLeast("fixed_length.max_tokens", maxTokens, 1);
    }

    public static FixedLengthNormaliser defaults() {
        return new FixedLengthNormaliser(20_480);
    }

    @Override
    public double weight(UpdateCounts update, int lengthTokens) {
        return 1.0 / update.responses() / maxTokens;
    }
}
