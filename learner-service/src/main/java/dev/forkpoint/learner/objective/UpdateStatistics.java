package dev.forkpoint.learner.objective;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * An update's loss and statistics.
 *
 * @param counts what the update consisted of, with the tokens kept in the end
 * @param policyLoss see {@link ResponseLoss}
 * @param auxiliaryLoss see {@link ResponseLoss}
 * @param tokens of the trained tokens
 * @param sumKeptEntropy Σ of current entropies of kept tokens, nats; 0 where the objective does not
 *     read them
 */
public record UpdateStatistics(
        UpdateCounts counts,
        double policyLoss,
        double auxiliaryLoss,
        TokenStatistics tokens,
        double sumKeptEntropy) {

    /**
     * Adds parts in the order of responses, whatever order they were evaluated in: the sum is the
     * same to the bit.
     */
    static UpdateStatistics of(UpdateCounts counts, Collection<ResponseLoss> parts) {
        List<ResponseLoss> ordered =
                parts.stream().sorted(Comparator.comparingInt(ResponseLoss::response)).toList();
        double policyLoss = 0;
        double auxiliaryLoss = 0;
        TokenStatistics tokens = TokenStatistics.NONE;
        int dropped = 0;
        double entropy = 0;
        for (ResponseLoss part : ordered) {
            policyLoss += part.policyLoss();
            auxiliaryLoss += part.auxiliaryLoss();
            tokens = tokens.plus(part.statistics());
            dropped += part.droppedTokens();
            entropy += part.sumKeptEntropy();
        }
        return new UpdateStatistics(
                new UpdateCounts(
                        counts.responses(), counts.tokens(), counts.keptTokens() - dropped),
                policyLoss,
                auxiliaryLoss,
                tokens,
                entropy);
    }

    public double loss() {
        return policyLoss + auxiliaryLoss;
    }

    /** Mean current entropy of kept tokens, nats; 0 without any. */
    public double meanKeptEntropy() {
        return counts.keptTokens() == 0 ? 0 : sumKeptEntropy / counts.keptTokens();
    }
}
