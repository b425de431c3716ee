package dev.forkpoint.policy;

import java.util.Optional;

/**
 * How a {@link Trainer} computes; only {@code lora} changes what is computed.
 *
 * @param tokensPerMicroBatch most tokens that one worker holds at once; a longer sequence goes
 *     alone
 * @param threads worker threads; 0: those of the policy
 * @param gradientCheckpointing keep only each layer's input and compute the rest again on the way
 *     back: less memory, a third more time
 * @param lora train an adapter of this shape instead of the weights; ignored when the policy was
 *     loaded with an adapter, which is then what is trained
 */
public record TrainerOptions(
        int tokensPerMicroBatch,
        int threads,
        boolean gradientCheckpointing,
        Optional<LoraSettings> lora) {

    public TrainerOptions {
        if (tokensPerMicroBatch < 1) {
            throw new IllegalArgumentException(
                    "tokensPerMicroBatch: " + tokensPerMicroBatch + " (expected: at least 1)");
        }
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException("threads: " + threads + " (expected: 0 to 1024)");
        }
    }

    public static TrainerOptions defaults() {
        return new TrainerOptions(2400, 0, false, Optional.empty());
    }

    public TrainerOptions withTokensPerMicroBatch(int value) {
        return new TrainerOptions(value, threads, gradientCheckpointing, lora);
    }

    public TrainerOptions withThreads(int value) {
        return new TrainerOptions(tokensPerMicroBatch, value, gradientCheckpointing, lora);
    }

    public TrainerOptions withGradientCheckpointing(boolean value) {
        return new TrainerOptions(tokensPerMicroBatch, threads, value, lora);
    }

    public TrainerOptions withLora(LoraSettings value) {
        return new TrainerOptions(
                tokensPerMicroBatch, threads, gradientCheckpointing, Optional.of(value));
    }
}
