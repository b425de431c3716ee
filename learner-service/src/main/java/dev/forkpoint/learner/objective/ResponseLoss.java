package dev.forkpoint.learner.objective;

import org.jspecify.annotations.Nullable;

/**
 * One response's part of an update's loss; parts add up to it.
 *
 * @param response index in the step
 * @param policyLoss −(1/Z) Σ_t m_t w_t ℓ_t of its tokens
 * @param auxiliaryLoss Σ_j c_j aux_j of its tokens
 * @param byLogProb d loss / d logProb at {@link UpdateObjective#positions}, [K]
 * @param byEntropy d loss / d entropy at the same, or null where the objective does not read
 *     entropies
 * @param statistics of its trained tokens
 * @param droppedTokens kept tokens that a refinement by response has dropped
 * @param sumKeptEntropy Σ of current entropies of kept tokens, nats; 0 where the objective does not
 *     read them
 */
public record ResponseLoss(
        int response,
        double policyLoss,
        double auxiliaryLoss,
        double[] byLogProb,
        double @Nullable [] byEntropy,
        TokenStatistics statistics,
        int droppedTokens,
        double sumKeptEntropy) {

    public double loss() {
        return policyLoss + auxiliaryLoss;
    }
}
