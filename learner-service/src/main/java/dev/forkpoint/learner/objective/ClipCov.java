package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;

/** Takes the gradient from a few random tokens that would move the policy's entropy most. */
@Published(
        name = "clip_cov",
        summary = "Drops a few random tokens of high covariance between log-prob and advantage.",
        equation =
                "m_t = 0 for a random max(1, ⌊ratio·n⌋) of the update's tokens with lower < cov_t < upper that the"
                        + " ratio clip has not caught; cov_t = (A_t − mean A)(logp_t − mean logp)",
        source = "Clip-Cov, arXiv 2505.22617; verl compute_policy_loss_clip_cov")
public record ClipCov(
        @Option("share dropped of the update's n tokens, 0 to 1; at least one token") double ratio,
        @Option("lower bound of cov, nats") double lower,
        @Option("upper bound of cov, nats, above lower") double upper,
        @Option("ρ of the top by entropy that it acts within, above 0, at most 1")
                double keepFraction,
        @Option(value = "seed of the draw; the run's", absent = Option.OF_RUN) long seed)
        implements TokenSelector {
    public ClipCov {
        Check.inRange("clip_cov.ratio", ratio, 0, 1);
        Check.finite("clip_cov.lower", lower);
        if (!(upper > lower)) {
            throw new IllegalArgumentException(
                    "clip_cov.upper: "
                            + upper
                            + " (expected: above lower, which is "
                            + lower
                            + ")");
        }
        KeepFraction.check("clip_cov", keepFraction);
    }

    public static ClipCov defaults() {
        return new ClipCov(2e-4, 1, 5, 1, 0);
    }

    @Override
    public Selection select(Candidates candidates) {
        return within().select(candidates);
    }

    private TokenSelector within() {
        return keepFraction == 1 ? AllTokens.defaults() : new TopEntropy(keepFraction);
    }

    @Override
    public boolean ranks() {
        return within().ranks();
    }

    @Override
    public Refinement refinement() {
        return Refinement.UPDATE;
    }

    @Override
    public void refine(Candidates update, boolean[] kept) {
        boolean[] clipped = update.clipped();
        double[] covariance = Covariance.ofTokens(update);
        float[] keys = update.randomKeys(seed);
        int eligible = 0;
        for (int t = 0; t < covariance.length; t++) {
            boolean caught = clipped != null && clipped[t];
            if (kept[t] && !caught && covariance[t] > lower && covariance[t] < upper) {
                eligible++;
            } else {
                keys[t] = -1;
            }
        }
        int count = Math.min(eligible, Covariance.share(ratio, update.tokens()));
        boolean[] dropped = TopSelection.greatest(keys, count).kept();
        for (int t = 0; t < kept.length; t++) {
            kept[t] &= !dropped[t];
        }
    }
}
