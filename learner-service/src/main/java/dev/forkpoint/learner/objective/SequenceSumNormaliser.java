package dev.forkpoint.learner.objective;

/** Sums over tokens are not divided by length. */
@Published(
        name = "sequence_sum",
        summary = "Divides by the number of responses of the update.",
        equation = "Z = R",
        source = "LUSPO, arXiv 2602.05261; TRL 1.13 luspo")
public record SequenceSumNormaliser() implements Normaliser {
    public static SequenceSumNormaliser defaults() {
        return new SequenceSumNormaliser();
    }

    @Override
    public double weight(UpdateCounts update, int lengthTokens) {
        return 1.0 / update.responses();
    }
}
