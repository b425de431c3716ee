package dev.forkpoint.learner.objective;

/** An estimate, from the sampled token alone, of the divergence from a frozen reference policy. */
public sealed interface ReferenceKl extends AuxiliaryTerm permits KlK1, KlK2, KlK3 {
    String CORRECTION =
            "whether the estimate is multiplied by the token's ratio to the policy that sampled, for an unbiased gradient";

    /** The estimate from ln q = ln π_ref − ln π. */
    double estimate(double logQ);

    /** Its derivative by ln q. */
    double byLogQ(double logQ);

    boolean importanceCorrected();

    @Override
    default double value(Token token) {
        double estimate = estimate(token.logQ());
        return importanceCorrected() ? token.ratio() * estimate : estimate;
    }

    @Override
    default double byLogProb(Token token) {
        double slope = -byLogQ(token.logQ());
        return importanceCorrected() ? token.ratio() * (estimate(token.logQ()) + slope) : slope;
    }

    @Override
    default boolean readsReference() {
        return true;
    }
}
