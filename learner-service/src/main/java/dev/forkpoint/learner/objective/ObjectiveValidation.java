package dev.forkpoint.learner.objective;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * Contradictions between the parts of an objective, and between an objective and its run: what each
 * part cannot see for itself. Found all at once, before anything starts.
 */
public final class ObjectiveValidation {
    private final List<Problem> problems = new ArrayList<>();
    private final Objective objective;
    private final RunFacts run;

    private ObjectiveValidation(Objective objective, RunFacts run) {
        this.objective = objective;
        this.run = run;
    }

    /**
     * What an objective has to fit.
     *
     * @param groupSize responses a prompt, G
     * @param planner of the run
     * @param rescoreShare share of responses scored again with source ROLLOUT; absent where not
     *     given
     * @param referenceGiven whether the run names a reference policy
     * @param engineReportsEntropy whether the engine reports entropies; true where not known yet
     * @param engineReportsCollision whether it reports collision probabilities; true where not
     *     known yet
     */
    public record RunFacts(
            int groupSize,
            RolloutPlanner planner,
            OptionalDouble rescoreShare,
            boolean referenceGiven,
            boolean engineReportsEntropy,
            boolean engineReportsCollision) {}

    /** All contradictions; empty for an objective that fits. */
    public static List<Problem> problems(Objective objective, RunFacts run) {
        ObjectiveValidation validation = new ObjectiveValidation(objective, run);
        validation.surrogate();
        validation.groups();
        validation.entropySource();
        validation.importance();
        validation.auxiliaryTerms();
        return List.copyOf(validation.problems);
    }

    private void add(String field, String message) {
        problems.add(new Problem(field, message));
    }

    private void surrogate() {
        Surrogate surrogate = objective.surrogate();
        if (surrogate.sharesRatio() && masksSingleTokens(objective.selector())) {
            add(
                    "objective.selector",
                    nameOf(objective.selector())
                            + " masks single tokens, but the surrogate's ratio is one of the whole response, moved by"
                            + " every token (expected: all or off_policy_sequence_mask, or the ratio token or"
                            + " sequence_token)");
        }
        if (surrogate instanceof ClippedSurrogate clipped && clipped.ratio().boundsItself()) {
            if (clipped.dualClip().isPresent()) {
                add("objective.surrogate.clipped.dual_clip", bounded(clipped));
            }
            if (clipped.ratioCap().isPresent()) {
                add("objective.surrogate.clipped.ratio_cap", bounded(clipped));
            }
        }
        if (objective.normaliser().countsKept() && objective.selector() instanceof TopDifference) {
            add(
                    "objective.normaliser",
                    "kept_tokens with top_difference, whose selection is empty where both rankings agree (expected:"
                            + " another normaliser)");
        }
    }

    private static boolean masksSingleTokens(TokenSelector selector) {
        if (selector instanceof OffPolicySequenceMask mask) {
            return mask.keepFraction() != 1;
        }
        return !(selector instanceof AllTokens);
    }

    private static String bounded(ClippedSurrogate clipped) {
        return "has no effect on the ratio "
                + nameOf(clipped.ratio())
                + ", which bounds itself (expected: absent)";
    }

    private void groups() {
        if (run.groupSize() < 2 && objective.advantage().needsGroup()) {
            add(
                    "group_size",
                    run.groupSize()
                            + " with the advantage "
                            + nameOf(objective.advantage())
                            + " (expected: at least 2, since it compares responses of a prompt)");
        }
        if (run.planner() instanceof DynamicSamplingPlanner && run.groupSize() < 2) {
            add(
                    "planner.dynamic_sampling",
                    "with group_size "
                            + run.groupSize()
                            + " every prompt is all correct or all wrong (expected: group_size of at least 2)");
        }
        if (run.planner() instanceof HoraPlanner hora
                && hora.initialResponses() > run.groupSize()) {
            add(
                    "planner.hora.initial_responses",
                    hora.initialResponses()
                            + " (expected: at most group_size, which is "
                            + run.groupSize()
                            + ")");
        }
    }

    private void entropySource() {
        boolean fromEngine = objective.entropySource() == EntropySource.ROLLOUT;
        if (fromEngine && objective.selector().ranks() && !run.engineReportsEntropy()) {
            add(
                    "objective.entropy_source",
                    "ROLLOUT, but the engine reports no entropies (expected: RECOMPUTED)");
        }
        if (fromEngine && objective.needsCollision() && !run.engineReportsCollision()) {
            add(
                    "objective.selector",
                    nameOf(objective.selector())
                            + " needs collision probabilities, which the engine does not report (expected:"
                            + " entropy_source RECOMPUTED)");
        }
        if (!fromEngine && run.rescoreShare().isPresent()) {
            add(
                    "rescore_share",
                    run.rescoreShare().getAsDouble()
                            + " with entropy_source "
                            + objective.entropySource()
                            + " (expected: only with ROLLOUT)");
        }
    }

    private void importance() {
        for (int i = 0; i < objective.weighters().size(); i++) {
            TokenWeighter weighter = objective.weighters().get(i);
            String field = "objective.weighters[" + i + "]";
            if (!weighter.isImportance()) {
                continue;
            }
            if (objective.entropySource() == EntropySource.ROLLOUT) {
                add(
                        field,
                        nameOf(weighter)
                                + " with entropy_source ROLLOUT, where the engine's log-probs are the old ones and"
                                + " every weight is 1 (expected: RECOMPUTED or CURRENT)");
            }
            if (objective.surrogate().absorbsImportance() && isSequenceLevel(weighter)) {
                add(
                        field + "." + nameOf(weighter) + ".sequence_level",
                        "true with "
                                + nameOf(objective.surrogate())
                                + ", which multiplies token weights itself (expected: false)");
            }
        }
    }

    private static boolean isSequenceLevel(TokenWeighter weighter) {
        return (weighter instanceof TruncatedImportance truncated && truncated.sequenceLevel())
                || (weighter instanceof MaskedImportance masked && masked.sequenceLevel());
    }

    private void auxiliaryTerms() {
        long adaptive =
                objective.auxiliaryTerms().stream()
                        .filter(a -> a.term() instanceof AdaptiveEntropyBonus)
                        .count();
        if (adaptive > 1) {
            add(
                    "objective.auxiliary_terms",
                    adaptive + " adaptive_entropy_bonus (expected: at most 1)");
        }
        boolean needsMastered =
                objective.auxiliaryTerms().stream()
                        .anyMatch(a -> a.term().over() == AuxiliaryTerm.Over.MASTERED_PROMPTS);
        if (needsMastered && objective.groupsWithoutSignal() == GroupsWithoutSignal.DROP) {
            add(
                    "objective.signalless_groups",
                    "DROP with hinge_kl, which is about groups that are all correct (expected: KEEP)");
        }
        if (needsMastered && run.planner() instanceof DynamicSamplingPlanner) {
            add(
                    "planner.dynamic_sampling",
                    "replaces the groups that are all correct, which hinge_kl is about (expected: plain)");
        }
        if (run.referenceGiven() && !objective.needsReference()) {
            add(
                    "reference_policy",
                    "given without a KL term (expected: absent, or a term kl_k1, kl_k2 or kl_k3)");
        }
    }

    private static String nameOf(Object part) {
        return part.getClass().getAnnotation(Published.class).name();
    }
}
