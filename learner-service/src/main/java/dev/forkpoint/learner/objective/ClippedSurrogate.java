package dev.forkpoint.learner.objective;

import java.util.OptionalDouble;

/** Clipped surrogate of PPO with separate bounds, over token or sequence ratios. */
@Published(
        name = "clipped",
        summary =
                "The smaller of plain and clipped gain; GRPO, DAPO, GSPO, GMPO and HölderPO by their ratio.",
        equation =
                "min(r A, clip(r, 1 − ε_low, 1 + ε_high) A); dual clip: for A < 0 max(·, c A); "
                        + "ratio cap: min(r, cap) for r in the first term",
        source =
                "PPO, arXiv 1707.06347 eq. 7; bounds: DAPO, arXiv 2503.14476; dual clip: arXiv 1912.09729;"
                        + " ratio cap: TRL 1.13 delta")
public record ClippedSurrogate(
        @Option("ε_low, 0 to 1") double clipLow,
        @Option("ε_high, 0 or above") double clipHigh,
        @Option("c, above 1; absent: off") OptionalDouble dualClip,
        @Option("largest r, above 1 + ε_high; absent: off") OptionalDouble ratioCap,
        @Option("which ratio is clipped") RatioReducer ratio)
        implements Surrogate {
    public ClippedSurrogate {
        Check.inRange("clipped.clip_low", clipLow, 0, 1);
        Check.notNegative("clipped.clip_high", clipHigh);
        if (dualClip.isPresent() && !(dualClip.getAsDouble() > 1)) {
            throw new IllegalArgumentException(
                    "clipped.dual_clip: " + dualClip.getAsDouble() + " (expected: above 1)");
        }
        if (ratioCap.isPresent() && !(ratioCap.getAsDouble() > 1 + clipHigh)) {
            throw new IllegalArgumentException(
                    "clipped.ratio_cap: "
                            + ratioCap.getAsDouble()
                            + " (expected: above 1 + clip_high, which is "
                            + (1 + clipHigh)
                            + ")");
        }
    }

    /** Without dual clip and ratio cap, over token ratios. */
    public ClippedSurrogate(double clipLow, double clipHigh) {
        this(
                clipLow,
                clipHigh,
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                TokenRatio.defaults());
    }

    public static ClippedSurrogate defaults() {
        return new ClippedSurrogate(0.2, 0.28);
    }

    /** The same bounds over another ratio. */
    public ClippedSurrogate over(RatioReducer other) {
        return new ClippedSurrogate(clipLow, clipHigh, dualClip, ratioCap, other);
    }

    @Override
    public ClippedSurrogate at(int step) {
        return over(ratio.at(step));
    }

    @Override
    public double evaluate(Tokens tokens, double[] gradient, Tally tally) {
        double advantage = tokens.advantage();
        double[] logRatio = tokens.logRatio();
        RatioReducer.Ratios ratios = ratio.reduce(logRatio, advantage);
        double sum = 0;
        double byShared = 0;
        for (int t = 0; t < gradient.length; t++) {
            double weight = tokens.weight()[t];
            if (weight == 0) {
                continue;
            }
            double r = ratios.value()[t];
            sum += weight * value(r, advantage);
            double byRatio = weight * derivative(r, advantage);
            if (ratio.sharesRatio()) {
                byShared += byRatio;
            } else {
                gradient[t] = byRatio * ratios.derivative()[t];
            }
            tally.add(
                    logRatio[t],
                    r,
                    ratio.boundsItself()
                            ? ownBound(ratios.derivative()[t], advantage)
                            : bound(r, advantage));
        }
        if (byShared != 0) {
            for (int t = 0; t < gradient.length; t++) {
                gradient[t] = byShared * ratios.derivative()[t];
            }
        }
        return sum;
    }

    private double value(double r, double advantage) {
        if (ratio.boundsItself()) {
            return r * advantage;
        }
        double clipped = Math.max(1 - clipLow, Math.min(1 + clipHigh, r)) * advantage;
        double value =
                Math.min(
                        Math.min(r, ratioCap.orElse(Double.POSITIVE_INFINITY)) * advantage,
                        clipped);
        return advantage < 0 && dualClip.isPresent()
                ? Math.max(value, dualClip.getAsDouble() * advantage)
                : value;
    }

    private double derivative(double r, double advantage) {
        return ratio.boundsItself() || bound(r, advantage) == Bound.NONE ? advantage : 0;
    }

    @Override
    public Bound bound(double r, double advantage) {
        if (advantage > 0) {
            return r > 1 + clipHigh ? Bound.HIGH : Bound.NONE;
        }
        if (r < 1 - clipLow) {
            return Bound.LOW;
        }
        boolean capped =
                r
                        > Math.min(
                                dualClip.orElse(Double.POSITIVE_INFINITY),
                                ratioCap.orElse(Double.POSITIVE_INFINITY));
        return capped ? Bound.HIGH : Bound.NONE;
    }

    private static Bound ownBound(double derivative, double advantage) {
        if (derivative != 0) {
            return Bound.NONE;
        }
        return advantage > 0 ? Bound.HIGH : Bound.LOW;
    }

    @Override
    public boolean readsWholeResponse() {
        return ratio.readsWholeResponse();
    }

    @Override
    public boolean sharesRatio() {
        return ratio.sharesRatio();
    }
}
