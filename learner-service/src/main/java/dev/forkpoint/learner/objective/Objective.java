package dev.forkpoint.learner.objective;

import java.util.List;
import java.util.Optional;

/**
 * The composition of parts: loss = −(1/Z) Σ_t m_t w_t ℓ_t + Σ_j c_j aux_j, minimised. Immutable and
 * thread-safe.
 *
 * <p>Order: verify → shape rewards → advantages → select → weigh → surrogate → normalise. The first
 * three make a {@link Step}; {@link #over} takes it from there. Whatever needs the whole step or
 * the whole update is settled before the first response is evaluated, so that cutting an update
 * into micro-batches changes nothing.
 *
 * @param rewardShapers applied in order
 * @param advantage from shaped rewards to one value a response
 * @param groupsWithoutSignal what becomes of groups whose advantages are all zero
 * @param entropySource which policy ranks the tokens
 * @param selector m
 * @param weighters factors of w
 * @param surrogate ℓ
 * @param normaliser Z
 * @param auxiliaryTerms c and aux
 */
public record Objective(
        List<RewardShaper> rewardShapers,
        AdvantageEstimator advantage,
        GroupsWithoutSignal groupsWithoutSignal,
        EntropySource entropySource,
        TokenSelector selector,
        List<TokenWeighter> weighters,
        Surrogate surrogate,
        Normaliser normaliser,
        List<Weighted> auxiliaryTerms) {

    /**
     * An auxiliary term with its coefficient.
     *
     * @param coefficient c, 0 or above; of an {@link AdaptiveEntropyBonus} the first one
     */
    public record Weighted(AuxiliaryTerm term, double coefficient) {
        public Weighted {
            Check.notNegative("auxiliary_terms.coefficient", coefficient);
        }
    }

    public Objective {
        rewardShapers = List.copyOf(rewardShapers);
        weighters = List.copyOf(weighters);
        auxiliaryTerms = List.copyOf(auxiliaryTerms);
    }

    /** DAPO on the top 20 % by entropy, over all response tokens: the paper's v1. */
    public static Objective defaults() {
        return new Objective(
                List.of(),
                GroupNormalised.defaults(),
                GroupsWithoutSignal.DROP,
                EntropySource.RECOMPUTED,
                TopEntropy.defaults(),
                List.of(),
                ClippedSurrogate.defaults(),
                new AllTokensNormaliser(),
                List.of());
    }

    public Objective with(RewardShaper... shapers) {
        return new Objective(
                List.of(shapers),
                advantage,
                groupsWithoutSignal,
                entropySource,
                selector,
                weighters,
                surrogate,
                normaliser,
                auxiliaryTerms);
    }

    public Objective with(AdvantageEstimator other) {
        return new Objective(
                rewardShapers,
                other,
                groupsWithoutSignal,
                entropySource,
                selector,
                weighters,
                surrogate,
                normaliser,
                auxiliaryTerms);
    }

    public Objective with(GroupsWithoutSignal other) {
        return new Objective(
                rewardShapers,
                advantage,
                other,
                entropySource,
                selector,
                weighters,
                surrogate,
                normaliser,
                auxiliaryTerms);
    }

    public Objective with(EntropySource other) {
        return new Objective(
                rewardShapers,
                advantage,
                groupsWithoutSignal,
                other,
                selector,
                weighters,
                surrogate,
                normaliser,
                auxiliaryTerms);
    }

    public Objective with(TokenSelector other) {
        return new Objective(
                rewardShapers,
                advantage,
                groupsWithoutSignal,
                entropySource,
                other,
                weighters,
                surrogate,
                normaliser,
                auxiliaryTerms);
    }

    public Objective with(TokenWeighter... others) {
        return new Objective(
                rewardShapers,
                advantage,
                groupsWithoutSignal,
                entropySource,
                selector,
                List.of(others),
                surrogate,
                normaliser,
                auxiliaryTerms);
    }

    public Objective with(Surrogate other) {
        return new Objective(
                rewardShapers,
                advantage,
                groupsWithoutSignal,
                entropySource,
                selector,
                weighters,
                other,
                normaliser,
                auxiliaryTerms);
    }

    public Objective with(Normaliser other) {
        return new Objective(
                rewardShapers,
                advantage,
                groupsWithoutSignal,
                entropySource,
                selector,
                weighters,
                surrogate,
                other,
                auxiliaryTerms);
    }

    public Objective with(AuxiliaryTerm term, double coefficient) {
        return new Objective(
                rewardShapers,
                advantage,
                groupsWithoutSignal,
                entropySource,
                selector,
                weighters,
                surrogate,
                normaliser,
                List.of(new Weighted(term, coefficient)));
    }

    /** Fixes what depends on the whole step: the threshold and the mask. */
    public StepObjective over(Step step) {
        return new StepObjective(this, step);
    }

    /**
     * Whether the policy being trained must score all tokens of an update before its coefficients
     * are known: a forward pass more. If so, {@link StepObjective#update} wants the scores.
     */
    public boolean needsCurrentScores() {
        boolean ranksByCurrent = entropySource == EntropySource.CURRENT && selector.ranks();
        boolean keptCountMatters =
                normaliser.countsKept()
                        || auxiliaryTerms.stream()
                                .anyMatch(a -> a.term().over() == AuxiliaryTerm.Over.KEPT_TOKENS);
        boolean refines =
                switch (selector.refinement()) {
                    case NONE -> false;
                    case RESPONSE -> keptCountMatters;
                    case UPDATE -> true;
                };
        return ranksByCurrent || refines || surrogate.readsWholeUpdate();
    }

    /** Whether current entropies with gradient are needed of the tokens that are evaluated. */
    public boolean needsEntropy() {
        return auxiliaryTerms.stream().anyMatch(a -> a.term().readsEntropy());
    }

    /** Whether log-probs of a reference policy are needed. */
    public boolean needsReference() {
        return auxiliaryTerms.stream().anyMatch(a -> a.term().readsReference());
    }

    /** Whether collision probabilities are needed. */
    public boolean needsCollision() {
        return selector.readsCollision();
    }

    /** Whether the engine's log-probs are needed. */
    public boolean needsRolloutLogProb() {
        return weighters.stream().anyMatch(TokenWeighter::isImportance);
    }

    /** Where the coefficient of an adaptive entropy bonus starts; 0 and unused without one. */
    public AdaptiveEntropyBonus.Control startControl() {
        return AdaptiveEntropyBonus.start(adaptive().map(Weighted::coefficient).orElse(0.0));
    }

    /** The control after an update; the same one without an adaptive entropy bonus. */
    public AdaptiveEntropyBonus.Control nextControl(
            AdaptiveEntropyBonus.Control control, UpdateStatistics statistics) {
        return adaptive()
                .map(
                        a ->
                                ((AdaptiveEntropyBonus) a.term())
                                        .next(control, statistics.meanKeptEntropy()))
                .orElse(control);
    }

    private Optional<Weighted> adaptive() {
        return auxiliaryTerms.stream()
                .filter(a -> a.term() instanceof AdaptiveEntropyBonus)
                .findFirst();
    }
}
