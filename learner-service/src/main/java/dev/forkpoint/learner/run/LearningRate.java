package dev.forkpoint.learner.run;

import dev.forkpoint.policy.AdamW;
import dev.forkpoint.proto.learner.v1.OptimizerSpec;

/** Learning rate of an update: linear warm-up times what the schedule leaves of the peak. */
final class LearningRate {

    private LearningRate() {}

    /**
     * @param update number of the update, from 1
     * @param progress share of the run that is done with this update, in [0, 1]
     */
    static double at(OptimizerSpec o, long update, double progress) {
        double warmup = o.getWarmupUpdates() == 0 ? 1 : (double) update / o.getWarmupUpdates();
        double last = o.getFinalFraction();
        double left =
                switch (o.getSchedule()) {
                    case LEARNING_RATE_SCHEDULE_LINEAR -> 1 - (1 - last) * progress;
                    case LEARNING_RATE_SCHEDULE_COSINE ->
                            last + (1 - last) * 0.5 * (1 + Math.cos(Math.PI * progress));
                    default -> 1;
                };
        return o.getLearningRate() * Math.min(1, warmup) * left;
    }

    static AdamW adamW(OptimizerSpec o, double learningRate) {
        return new AdamW(
                learningRate,
                o.getBeta1(),
                o.getBeta2(),
                o.getEpsilon(),
                o.getWeightDecay(),
                o.getMaxGradientNorm());
    }
}
