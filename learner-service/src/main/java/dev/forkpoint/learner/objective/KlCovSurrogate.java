package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.TopSelection;

/**
 * Unclipped surrogate with a penalty on the tokens that move the policy's entropy most: those of
 * largest covariance between log-prob and advantage.
 */
@Published(
        name = "kl_cov",
        summary =
                "Unclipped gain; on the few tokens of largest covariance also minus the distance from the old policy.",
        equation =
                "r A − c |logp − old| · [t among the max(1, ⌊ratio · n⌋) of largest cov]; "
                        + "cov_t = (A_t − mean A)(logp_t − mean logp) over the update's n tokens",
        source = "KL-Cov, arXiv 2505.22617; verl compute_policy_loss_kl_cov")
public record KlCovSurrogate(
        @Option("share of the update's tokens, 0 to 1; at least one token") double ratio,
        @Option("c, 0 or above") double coefficient)
        implements Surrogate {
    public KlCovSurrogate {
        Check.inRange("kl_cov.ratio", ratio, 0, 1);
        Check.notNegative("kl_cov.coefficient", coefficient);
    }

    public static KlCovSurrogate defaults() {
        return new KlCovSurrogate(2e-4, 1);
    }

    @Override
    public double evaluate(Tokens tokens, double[] gradient, Tally tally) {
        double advantage = tokens.advantage();
        double[] logRatio = tokens.logRatio();
        double sum = 0;
        for (int t = 0; t < gradient.length; t++) {
            double weight = tokens.weight()[t];
            if (weight == 0) {
                continue;
            }
            double r = Math.exp(logRatio[t]);
            double penalty = coefficient * tokens.marked()[t];
            sum += weight * (r * advantage - penalty * Math.abs(logRatio[t]));
            gradient[t] = weight * (r * advantage - penalty * Math.signum(logRatio[t]));
            tally.add(logRatio[t], r, Bound.NONE);
        }
        return sum;
    }

    @Override
    public boolean marksTokens() {
        return true;
    }

    @Override
    public boolean readsWholeUpdate() {
        return true;
    }

    @Override
    public byte[] mark(Candidates update, boolean[] kept) {
        double[] covariance = Covariance.ofTokens(update);
        float[] keptCovariance = new float[covariance.length];
        int eligible = 0;
        for (int t = 0; t < covariance.length; t++) {
            keptCovariance[t] = kept[t] ? (float) covariance[t] : Float.NEGATIVE_INFINITY;
            eligible += kept[t] ? 1 : 0;
        }
        int count = Math.min(eligible, Covariance.share(ratio, update.tokens()));
        boolean[] largest = TopSelection.greatest(keptCovariance, count).kept();
        byte[] marked = new byte[largest.length];
        for (int t = 0; t < marked.length; t++) {
            marked[t] = (byte) (largest[t] ? 1 : 0);
        }
        return marked;
    }

    @Override
    public Bound bound(double r, double advantage) {
        return Bound.NONE;
    }
}
