package dev.forkpoint.policy;

/**
 * Settings of one AdamW update (arXiv 1711.05101), as in PyTorch: moments with bias correction,
 * decay apart from them and on matrices alone (norm weights and biases do not decay).
 *
 * @param learningRate at least 0
 * @param beta1 decay of the first moment, in [0, 1)
 * @param beta2 decay of the second moment, in [0, 1)
 * @param epsilon added to the root of the second moment, above 0
 * @param weightDecay at least 0
 * @param maxGradientNorm the gradient is scaled down to this global norm when it is longer;
 *     infinite: never
 */
public record AdamW(
        double learningRate,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        double maxGradientNorm) {

    public AdamW {
        require(
                learningRate >= 0 && learningRate < Double.POSITIVE_INFINITY,
                "learningRate",
                learningRate,
                "at least 0");
        require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "at least 0, below 1");
        require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "at least 0, below 1");
        require(epsilon > 0, "epsilon", epsilon, "above 0");
        require(
                weightDecay >= 0 && weightDecay < Double.POSITIVE_INFINITY,
                "weightDecay",
                weightDecay,
                "at least 0");
        require(maxGradientNorm > 0, "maxGradientNorm", maxGradientNorm, "above 0");
    }

    /** PyTorch's betas and epsilon, no decay, norm clipped at 1. */
    public static AdamW of(double learningRate) {
        return new AdamW(learningRate, 0.9, 0.999, 1e-8, 0, 1);
    }

    private static void require(boolean condition, String field, double value, String expected) {
        if (!condition) {
            throw new IllegalArgumentException(
                    field + ": " + value + " (expected: " + expected + ")");
        }
    }
}
