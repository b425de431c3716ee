package dev.forkpoint.learner.objective;

/**
 * The per-token objective ℓ, to be maximised; proportional to A while A keeps its sign. Immutable.
 */
public sealed interface Surrogate
        permits ClippedSurrogate,
                CispoSurrogate,
                SapoSurrogate,
                VespoSurrogate,
                ReinforceSurrogate,
                KlCovSurrogate,
                HtpoSurrogate {
    /**
     * Weighted sum of the surrogate over tokens of one response, and its derivative.
     *
     * @param tokens what the surrogate sees
     * @param gradient [T], receives ∂(Σ_t weight_t ℓ_t)/∂logProb_t
     * @param tally receives ratios and active bounds of tokens whose weight is not 0
     * @return Σ_t weight_t ℓ_t
     */
    double evaluate(Tokens tokens, double[] gradient, Tally tally);

    /** The surrogate of a step, from 1, for those that follow a schedule. */
    default Surrogate at(int step) {
        return this;
    }

    /** Whether log-probs of all tokens of a response are needed, kept or not. */
    default boolean readsWholeResponse() {
        return false;
    }

    /**
     * Whether all tokens share one ratio, so that a mask of single tokens would have no meaning.
     */
    default boolean sharesRatio() {
        return false;
    }

    /** Whether current log-probs of the whole update are needed before the first coefficient. */
    default boolean readsWholeUpdate() {
        return false;
    }

    /**
     * Whether importance weights go into the surrogate's own sequence weight instead of multiplying
     * it.
     */
    default boolean absorbsImportance() {
        return false;
    }

    /**
     * Which side of the bound is active at a token's ratio: there the derivative is 0 (or held
     * constant).
     */
    Bound bound(double ratio, double advantage);

    /** Whether tokens are sorted into classes before the first is evaluated. */
    default boolean marksTokens() {
        return false;
    }

    /**
     * Sorts the update's tokens into classes of the surrogate's own.
     *
     * @param update its tokens, under the policy being trained where that has scored them
     * @param kept [n]
     * @return [n], 0 for tokens that are nothing special
     */
    default byte[] mark(Candidates update, boolean[] kept) {
        return new byte[update.tokens()];
    }

    /** A side of a bound. */
    enum Bound {
        NONE,
        LOW,
        HIGH
    }

    /**
     * Tokens of one response.
     *
     * @param advantage of the response, not 0
     * @param logProb [T], current, nats
     * @param oldLogProb [T], nats
     * @param weight [T], mask · weights · 1/Z; 0 for tokens that are only read
     * @param marked [T], see {@link Surrogate#mark}
     * @param logImportance Σ_t ln(π_old/π_rollout), for surrogates that absorb it; else 0
     */
    record Tokens(
            double advantage,
            double[] logProb,
            double[] oldLogProb,
            double[] weight,
            byte[] marked,
            double logImportance) {
        double[] logRatio() {
            double[] logRatio = new double[logProb.length];
            for (int t = 0; t < logRatio.length; t++) {
                logRatio[t] = logProb[t] - oldLogProb[t];
            }
            return logRatio;
        }
    }
}
