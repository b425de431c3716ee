package dev.forkpoint.policy;

import java.util.Optional;

/**
 * How a {@link Trainer} computes; {@code lora} changes what is computed, {@code bfloat16Autocast}
 * how exactly.
 *
 * @param tokensPerMicroBatch most tokens that one worker holds at once; a longer sequence goes
 *     alone
 * @param threads worker threads; 0: those of the policy
 * @param gradientCheckpointing keep only each layer's input and compute the rest again on the way
 *     back: less memory, a third more time
 * @param bfloat16Autocast dense products take bfloat16 operands; weights, gradients, attention,
 *     log-probs and optimiser stay float32. For GPUs: on a CPU it is right but slower
 * @param lora train an adapter of this shape instead of the weights; ignored when the policy was
 *     loaded with an adapter, which is then what is trained
 */
public record TrainerOptions(
        int tokensPerMicroBatch,
        int threads,
        boolean gradientCheckpointing,
        boolean bfloat16Autocast,
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
        return new TrainerOptions(2400, 0, false, false, Optional.empty());
    }

    public TrainerOptions withTokensPerMicroBatch(int value) {
        return new TrainerOptions(value, threads, gradientCheckpointing, bfloat16Autocast, lora);
    }

    public TrainerOptions withThreads(int value) {
        return new TrainerOptions(
                tokensPerMicroBatch, value, gradientCheckpointing, bfloat16Autocast, lora);
    }

    public TrainerOptions withGradientCheckpointing(boolean value) {
        return new TrainerOptions(tokensPerMicroBatch, threads, value, bfloat16Autocast, lora);
    }

    public TrainerOptions withBfloat16Autocast(boolean value) {
        return new TrainerOptions(tokensPerMicroBatch, threads, gradientCheckpointing, value, lora);
    }

    public TrainerOptions withLora(LoraSettings value) {
        return new TrainerOptions(
                tokensPerMicroBatch,
                threads,
                gradientCheckpointing,
                bfloat16Autocast,
                Optional.of(value));
    }
}
