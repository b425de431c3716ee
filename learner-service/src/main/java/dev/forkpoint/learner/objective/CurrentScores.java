package dev.forkpoint.learner.objective;

import org.jspecify.annotations.Nullable;

/**
 * The policy being trained, scored on all tokens of an update before its coefficients are formed;
 * flat, the update's responses in ascending order.
 *
 * @param logProb [n], ln π_θ of each token, nats
 * @param entropy [n], nats
 * @param collisionProbability [n], Σ_v p_v², or null where not computed
 */
public record CurrentScores(
        float[] logProb, float[] entropy, float @Nullable [] collisionProbability) {
    // Not the compact form: javac drops its parameters' type annotations from the class file.
    public CurrentScores(
            float[] logProb, float[] entropy, float @Nullable [] collisionProbability) {
        Check.length("current entropy", entropy.length, logProb.length);
        Check.allFinite("current logProb", logProb);
        Check.allFinite("current entropy", entropy);
        if (collisionProbability != null) {
            Check.length(
                    "current collisionProbability", collisionProbability.length, logProb.length);
            Check.allFinite("current collisionProbability", collisionProbability);
        }
        this.logProb = logProb;
        this.entropy = entropy;
        this.collisionProbability = collisionProbability;
    }
}
