package dev.forkpoint.learner.objective;

import java.util.Arrays;

/**
 * Clipped surrogate whose bound depends on the prompt's difficulty, the response's correctness and
 * the token's entropy. Outside the bounds, tokens of high entropy are pushed against A instead of
 * losing their gradient.
 */
@Published(
        name = "htpo",
        summary =
                "Clipped gain with rules of its own by difficulty of the prompt, correctness and entropy of the token.",
        equation =
                "high: among the top_fraction of its response by entropy; hard: share of correct responses < hard_below."
                        + " correct, hard, high: r A inside the bounds, −(1 + ε_high) A logp above, −[1/r] A logp below;"
                        + " wrong, high: r A, but −(1 − ε_low) A logp below; others clipped, and 0 for the lowest"
                        + " drop_low of the low tokens of correct, hard and the highest drop_high of the high tokens of"
                        + " correct, easy; A < 0: max(·, c A)",
        source = "HTPO, arXiv 2605.08283, as in the authors' code, compute_policy_loss_htpo")
public record HtpoSurrogate(
        @Option("ε_low, 0 to 1") double clipLow,
        @Option("ε_high, 0 or above") double clipHigh,
        @Option("c, above 1") double dualClip,
        @Option("share of a response's tokens that are of high entropy, 0 to 1; at least one")
                double topFraction,
        @Option("share of correct responses below which a prompt is hard, 0 to 1") double hardBelow,
        @Option("share of low tokens left out of correct responses to hard prompts, 0 to 1")
                double dropLow,
        @Option(
                        "share of high tokens left out of correct responses to easy prompts, 0 to 1; at least one")
                double dropHigh)
        implements Surrogate {
    private static final byte CLIPPED = 0;
    private static final byte DROPPED = 1;
    private static final byte PUSHED_BACK = 2;
    private static final byte PUSHED_UP = 3;

    public HtpoSurrogate {
        Check.inRange("htpo.clip_low", clipLow, 0, 1);
        Check.notNegative("htpo.clip_high", clipHigh);
        if (!(dualClip > 1)) {
            throw new IllegalArgumentException(
                    "htpo.dual_clip: " + dualClip + " (expected: above 1)");
        }
        Check.inRange("htpo.top_fraction", topFraction, 0, 1);
        Check.inRange("htpo.hard_below", hardBelow, 0, 1);
        Check.inRange("htpo.drop_low", dropLow, 0, 1);
        Check.inRange("htpo.drop_high", dropHigh, 0, 1);
    }

    public static HtpoSurrogate defaults() {
        return new HtpoSurrogate(0.2, 0.28, 3, 0.2, 0.6, 0.006, 0.02);
    }

    @Override
    public double evaluate(Tokens tokens, double[] gradient, Tally tally) {
        double advantage = tokens.advantage();
        double[] logRatio = tokens.logRatio();
        double sum = 0;
        for (int t = 0; t < gradient.length; t++) {
            double weight = tokens.weight()[t];
            byte kind = tokens.marked()[t];
            if (weight == 0 || kind == DROPPED) {
                continue;
            }
            double r = Math.exp(logRatio[t]);
            boolean above = r > 1 + clipHigh;
            boolean below = r < 1 - clipLow;
            double value;
            double slope;
            if (kind == PUSHED_BACK && (above || below)) {
                value = -(above ? 1 + clipHigh : 1 / r) * advantage;
                slope = value;
            } else if (kind == PUSHED_UP && below) {
                value = -(1 - clipLow) * advantage;
                slope = value;
            } else {
                boolean clips = kind == CLIPPED && bound(r, advantage) != Bound.NONE;
                double bounded = clips ? (above ? 1 + clipHigh : 1 - clipLow) : r;
                value = bounded * advantage;
                slope = clips ? 0 : value;
            }
            if (advantage < 0 && value < dualClip * advantage) {
                value = dualClip * advantage;
                slope = 0;
            }
            sum += weight * value;
            gradient[t] = weight * slope;
            tally.add(logRatio[t], r, slope == 0 ? bound(r, advantage) : Bound.NONE);
        }
        return sum;
    }

    @Override
    public Bound bound(double r, double advantage) {
        if (advantage > 0) {
            return r > 1 + clipHigh ? Bound.HIGH : Bound.NONE;
        }
        if (r > dualClip) {
            return Bound.HIGH;
        }
        return r < 1 - clipLow ? Bound.LOW : Bound.NONE;
    }

    @Override
    public boolean marksTokens() {
        return true;
    }

    @Override
    public byte[] mark(Candidates update, boolean[] kept) {
        double[] correctShare = update.step().correctShare();
        byte[] marked = new byte[update.tokens()];
        for (int i = 0; i < update.responses().length; i++) {
            int response = update.responses()[i];
            float[] entropy =
                    Arrays.copyOfRange(
                            update.entropy(), update.offset()[i], update.offset()[i + 1]);
            byte[] kinds =
                    kinds(
                            entropy,
                            update.step().correct()[response],
                            correctShare[response] < hardBelow);
            System.arraycopy(kinds, 0, marked, update.offset()[i], kinds.length);
        }
        return marked;
    }

    private byte[] kinds(float[] entropy, boolean correct, boolean hard) {
        byte[] kinds = new byte[entropy.length];
        if (entropy.length == 0) {
            return kinds;
        }
        float[] ascending = entropy.clone();
        Arrays.sort(ascending);
        float threshold = ascending[ascending.length - atLeastOne(topFraction, ascending.length)];
        int low = 0;
        while (ascending[low] < threshold) {
            low++;
        }
        float lowest = low == 0 ? threshold : ascending[atLeastOne(dropLow, low) - 1];
        float highest = ascending[ascending.length - atLeastOne(dropHigh, ascending.length - low)];
        for (int t = 0; t < kinds.length; t++) {
            boolean high = entropy[t] >= threshold;
            if (!correct) {
                kinds[t] = high ? PUSHED_UP : CLIPPED;
            } else if (hard) {
                boolean dropped = !high && entropy[t] < lowest;
                kinds[t] = high ? PUSHED_BACK : dropped ? DROPPED : CLIPPED;
            } else {
                kinds[t] = high && entropy[t] >= highest ? DROPPED : CLIPPED;
            }
        }
        return kinds;
    }

    private static int atLeastOne(double share, int count) {
        return Math.max(1, (int) (share * count));
    }
}
