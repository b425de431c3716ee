package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;

/**
 * Control: random tokens with as much gradient as the top ρ by entropy. Their share is an outcome,
 * and a large one where the top holds most of the gradient.
 */
@Published(
        name = "matched_random",
        summary =
                "Control: random tokens until their squared gradient norms sum to those of the top ρ by entropy.",
        equation =
                "m_t = 1 in order of u(seed, step, response, position) until Σ m_t g_t² ≥ Σ_top g_t²,"
                        + " g_t = |A| a √(1 − 2p_t + Σ_v p_v²)",
        source = "control; the norm is derived in docs/reference/objectives.md")
public record MatchedRandom(
        @Option(value = "ρ of the top set to match, above 0, at most 1", absent = Option.REQUIRED)
                double keepFraction,
        @Option(value = "seed of the draw; the run's", absent = Option.OF_RUN) long seed)
        implements TokenSelector {
    public MatchedRandom {
        KeepFraction.check("matched_random", keepFraction);
    }

    public static MatchedRandom defaults() {
        return new MatchedRandom(KeepFraction.OF_THE_PAPER, 0);
    }

    @Override
    public Selection select(Candidates candidates) {
        float[] norm = candidates.gradientNorm();
        Selection top = TopSelection.select(candidates.entropy(), keepFraction);
        double target = mass(norm, top.kept());
        float[] keys = candidates.randomKeys(seed);
        // The drawn sets are nested, so the smallest that reaches the target is found by halving.
        int tooFew = 0;
        int enough = norm.length;
        while (enough - tooFew > 1) {
            int middle = (tooFew + enough) >>> 1;
            if (mass(norm, TopSelection.greatest(keys, middle).kept()) >= target) {
                enough = middle;
            } else {
                tooFew = middle;
            }
        }
        int count = target == 0 ? 0 : enough;
        return Masks.unranked(TopSelection.greatest(keys, count).kept());
    }

    private static double mass(float[] norm, boolean[] kept) {
        double sum = 0;
        for (int t = 0; t < norm.length; t++) {
            if (kept[t]) {
                sum += (double) norm[t] * norm[t];
            }
        }
        return sum;
    }

    @Override
    public boolean readsCollision() {
        return true;
    }
}
