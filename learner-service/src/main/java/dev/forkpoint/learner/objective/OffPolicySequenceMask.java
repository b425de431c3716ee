package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import java.util.Arrays;

/**
 * Drops bad responses that the policy has already moved away from: pushing further teaches little
 * and unsettles.
 */
@Published(
        name = "off_policy_sequence_mask",
        summary = "Drops a response of negative advantage that the policy has moved away from.",
        equation =
                "m_t = 0 for all tokens of a response with A < 0 and (1/|o|) Σ_t (old_t − logp_t) > δ",
        source = "DeepSeek-V3.2, arXiv 2512.02556; TRL 1.13 off_policy_mask_threshold")
public record OffPolicySequenceMask(
        @Option(value = "δ, nats, above 0", absent = Option.REQUIRED) double delta,
        @Option("ρ of the top by entropy that it acts within, above 0, at most 1")
                double keepFraction)
        implements TokenSelector {
    public OffPolicySequenceMask {
        Check.positive("off_policy_sequence_mask.delta", delta);
        KeepFraction.check("off_policy_sequence_mask", keepFraction);
    }

    public static OffPolicySequenceMask defaults() {
        return new OffPolicySequenceMask(0.1, 1);
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
        return Refinement.RESPONSE;
    }

    @Override
    public void refine(Candidates current, boolean[] kept) {
        for (int i = 0; i < current.responses().length; i++) {
            int from = current.offset()[i];
            int to = current.offset()[i + 1];
            double moved = 0;
            for (int t = from; t < to; t++) {
                moved += (double) current.oldLogProb()[t] - current.logProb()[t];
            }
            if (current.advantage(i) < 0 && moved / (to - from) > delta) {
                Arrays.fill(kept, from, to, false);
            }
        }
    }
}
