package dev.forkpoint.learner.objective;

import java.util.Arrays;
import java.util.Random;

/** Steps for tests: random ones, and hand-made ones without a group structure. */
public final class Steps {
    private Steps() {}

    /**
     * A step with every array filled, of groups of uneven size, with empty responses and advantages
     * of 0 among them.
     *
     * @param longest most tokens of a response
     */
    public static Step random(Random random, int groups, int longest) {
        int[] groupOffset = new int[groups + 1];
        for (int g = 0; g < groups; g++) {
            groupOffset[g + 1] = groupOffset[g] + 2 + random.nextInt(3);
        }
        int responses = groupOffset[groups];
        int[] offset = new int[responses + 1];
        for (int i = 0; i < responses; i++) {
            offset[i + 1] = offset[i] + (random.nextInt(8) == 0 ? 0 : 1 + random.nextInt(longest));
        }
        int tokens = offset[responses];
        float[] old = new float[tokens];
        float[] entropy = new float[tokens];
        float[] collision = new float[tokens];
        float[] reference = new float[tokens];
        float[] rollout = new float[tokens];
        for (int t = 0; t < tokens; t++) {
            old[t] = -3 * random.nextFloat() - 0.3f;
            // Coarse values make ties.
            entropy[t] = random.nextInt(40) / 20f;
            collision[t] = 0.2f + 0.8f * random.nextFloat();
            reference[t] = old[t] + 0.3f * (float) random.nextGaussian();
            rollout[t] = old[t] + 0.2f * (float) random.nextGaussian();
        }
        double[] reward = new double[responses];
        boolean[] correct = new boolean[responses];
        FinishReason[] finish = new FinishReason[responses];
        long[] key = new long[responses];
        for (int i = 0; i < responses; i++) {
            correct[i] = random.nextBoolean();
            reward[i] = correct[i] ? 1 : 0;
            finish[i] = random.nextInt(4) == 0 ? FinishReason.LENGTH : FinishReason.STOP;
            key[i] = random.nextLong();
        }
        double[] advantage = GroupNormalised.defaults().advantages(reward, correct, groupOffset);
        return new Step(
                3,
                groupOffset,
                key,
                offset,
                old,
                entropy,
                collision,
                reference,
                rollout,
                reward,
                reward.clone(),
                advantage,
                correct,
                finish);
    }

    /** One group of responses of the given lengths and advantages; arrays of tokens are flat. */
    public static Step of(
            int[] lengths, double[] advantage, float[] old, float[] entropy, float[] reference) {
        int responses = lengths.length;
        int[] offset = new int[responses + 1];
        long[] key = new long[responses];
        for (int i = 0; i < responses; i++) {
            offset[i + 1] = offset[i] + lengths[i];
            key[i] = i;
        }
        FinishReason[] finish = new FinishReason[responses];
        Arrays.fill(finish, FinishReason.STOP);
        return new Step(
                0,
                new int[] {0, responses},
                key,
                offset,
                old,
                entropy,
                null,
                reference,
                null,
                new double[responses],
                new double[responses],
                advantage,
                new boolean[responses],
                finish);
    }

    /** Current log-probs near the old ones: some ratios within every bound, some outside. */
    public static float[] current(Step step, Random random) {
        float[] current = new float[step.tokens()];
        for (int t = 0; t < current.length; t++) {
            current[t] =
                    Math.min(-1e-3f, step.oldLogProb()[t] + 0.35f * (float) random.nextGaussian());
        }
        return current;
    }
}
