package dev.forkpoint.learner.objective;

import java.util.Arrays;
import java.util.OptionalDouble;

/** Power mean of the token ratios: the larger p, the more the largest ratios decide. */
@Published(
        name = "power_mean",
        summary =
                "Power (Hölder) mean of the tokens' ratios; p = 0 is GSPO's geometric mean, p = 1 the arithmetic one.",
        equation =
                "((1/|o|) Σ_t r_t^p)^(1/p); clipped at the level of the sequence; p may move over the run's steps",
        source = "HölderPO, arXiv 2605.12058 §3; clip and linear schedule as in the authors' code")
public record PowerMeanRatio(
        @Option(
                        value = "p at the first step, finite; 0 is the geometric mean",
                        absent = Option.REQUIRED)
                double p,
        @Option("p at the end of the schedule, finite; absent: p stays") OptionalDouble finalP,
        @Option("steps over which p goes there in a straight line, at least 1") int scheduleSteps)
        implements RatioReducer {
    public PowerMeanRatio {
        Check.finite("power_mean.p", p);
        Check.finite("power_mean.final_p", finalP.orElse(0));
        Check.atLeast("power_mean.schedule_steps", scheduleSteps, 1);
    }

    /** A constant p. */
    public PowerMeanRatio(double p) {
        this(p, OptionalDouble.empty(), 500);
    }

    public static PowerMeanRatio defaults() {
        return new PowerMeanRatio(1);
    }

    @Override
    public PowerMeanRatio at(int step) {
        double progress = Math.min(1, Math.max(0, step - 1.0) / scheduleSteps);
        return finalP.isPresent()
                ? new PowerMeanRatio(p + (finalP.getAsDouble() - p) * progress)
                : this;
    }

    @Override
    public Ratios reduce(double[] logRatio, double advantage) {
        if (p == 0) {
            return SequenceGeometricRatio.defaults().reduce(logRatio, advantage);
        }
        int length = logRatio.length;
        double largest = Double.NEGATIVE_INFINITY;
        for (double delta : logRatio) {
            largest = Math.max(largest, p * delta);
        }
        // Σ exp(pδ − max) − n by expm1: with p near 0 every term is near 1 and the logarithm of
        // their mean would cancel.
        double excess = 0;
        for (double delta : logRatio) {
            excess += Math.expm1(p * delta - largest);
        }
        double logMean = (largest + Math.log1p(excess / length)) / p;
        double ratio = Math.exp(logMean);
        double[] value = new double[length];
        Arrays.fill(value, ratio);
        double[] derivative = new double[length];
        for (int t = 0; t < length; t++) {
            derivative[t] = ratio * Math.exp(p * (logRatio[t] - logMean)) / length;
        }
        return new Ratios(value, derivative);
    }
}
