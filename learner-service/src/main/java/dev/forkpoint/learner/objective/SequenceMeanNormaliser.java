package dev.forkpoint.learner.objective;

/** Every response weighs the same, long or short. */
@Published(
        name = "sequence_mean",
        summary = "Mean over responses of the response's token mean.",
        equation = "1/Z = 1 / (R |o_i|)",
        source = "GRPO, arXiv 2402.03300; TRL's grpo and sapo")
public record SequenceMeanNormaliser() implements Normaliser {
    public static SequenceMeanNormaliser defaults() {
        return new SequenceMeanNormaliser();
    }

    @Override
    public double weight(UpdateCounts update, int lengthTokens) {
        return lengthTokens == 0 ? 0 : 1.0 / update.responses() / lengthTokens;
    }
}
