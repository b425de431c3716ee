package dev.forkpoint.learner.objective;

import java.util.Arrays;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * An objective over one update, ready to be evaluated one response at a time, in any order and from
 * several threads. Immutable. Use: for each response ask {@link #positions}, compute current
 * log-probs there (and entropies where {@link Objective#needsEntropy()}), hand them to {@link
 * #evaluate}, carry the derivatives on; at the end {@link #statistics}.
 */
public final class UpdateObjective {
    private final Objective objective;
    private final Step step;
    private final StepObjective stepObjective;
    private final int[] responses;
    private final int[] offset;
    private final boolean[] kept;
    private final byte[] marked;
    private final boolean refined;
    private final AdaptiveEntropyBonus.Control control;
    private final UpdateCounts counts;
    private final boolean[] mastered;

    UpdateObjective(
            StepObjective stepObjective,
            int[] responses,
            int[] offset,
            boolean[] kept,
            byte[] marked,
            boolean refined,
            AdaptiveEntropyBonus.Control control) {
        this.stepObjective = stepObjective;
        this.objective = stepObjective.objective();
        this.step = stepObjective.step();
        this.responses = responses;
        this.offset = offset;
        this.kept = kept;
        this.marked = marked;
        this.refined = refined;
        this.control = control;
        this.counts = new UpdateCounts(responses.length, kept.length, Masks.count(kept));
        this.mastered = mastered(step, responses);
    }

    /** Which of the responses belong to a prompt whose responses are all correct. */
    private static boolean[] mastered(Step step, int[] responses) {
        double[] correct = step.correctShare();
        boolean[] mastered = new boolean[responses.length];
        for (int i = 0; i < mastered.length; i++) {
            mastered[i] = correct[responses[i]] == 1;
        }
        return mastered;
    }

    /** The update's responses, ascending. */
    public int[] responses() {
        return responses.clone();
    }

    /**
     * What the update consists of. Tokens that a refinement by response will drop still count as
     * kept here.
     */
    public UpdateCounts counts() {
        return counts;
    }

    /**
     * Positions in a response, ascending from 0, whose current log-prob is needed. Empty: the
     * response takes no part, and no forward pass is needed for it.
     *
     * @param response index in the step
     */
    public int[] positions(int response) {
        return plan(local(response)).positions;
    }

    /**
     * A response's part of the loss.
     *
     * @param response index in the step
     * @param logProb [K], current ln π_θ at {@link #positions}, nats
     * @param entropy [K], current entropies there, nats; null unless {@link
     *     Objective#needsEntropy()}
     * @throws NonFiniteException where an input or a result is NaN or infinite (names the first
     *     position)
     */
    public ResponseLoss evaluate(int response, double[] logProb, double @Nullable [] entropy) {
        int local = local(response);
        Plan plan = plan(local);
        String name = "response " + response + ": ";
        Check.length(name + "logProb", logProb.length, plan.positions.length);
        finite(name + "logProb", logProb, plan.positions);
        if (objective.needsEntropy()) {
            if (entropy == null) {
                throw new IllegalArgumentException(
                        name + "entropy: none (expected: one value a position)");
            }
            Check.length(name + "entropy", entropy.length, plan.positions.length);
            finite(name + "entropy", entropy, plan.positions);
        }
        int keptBefore = Masks.count(plan.kept);
        if (!refined && objective.selector().refinement() == TokenSelector.Refinement.RESPONSE) {
            refine(response, logProb, plan);
        }
        int dropped = keptBefore - Masks.count(plan.kept);
        double[] byLogProb = new double[logProb.length];
        Tally tally = new Tally();
        double policyLoss = 0;
        if (plan.trained()) {
            policyLoss =
                    -objective
                            .surrogate()
                            .evaluate(surrogateTokens(local, plan, logProb), byLogProb, tally);
            for (int k = 0; k < byLogProb.length; k++) {
                byLogProb[k] = 0 - byLogProb[k];
            }
        }
        double[] byEntropy = objective.needsEntropy() ? new double[logProb.length] : null;
        double auxiliaryLoss = 0;
        for (Objective.Weighted weighted : objective.auxiliaryTerms()) {
            auxiliaryLoss +=
                    addAuxiliary(weighted, local, plan, logProb, entropy, byLogProb, byEntropy);
        }
        finite(name + "d loss / d logProb", byLogProb, plan.positions);
        if (!Double.isFinite(policyLoss + auxiliaryLoss)) {
            throw new NonFiniteException(name + "loss", 0, policyLoss + auxiliaryLoss);
        }
        double sumKeptEntropy = 0;
        for (int k = 0; entropy != null && k < plan.positions.length; k++) {
            sumKeptEntropy += plan.kept[k] ? entropy[k] : 0;
        }
        return new ResponseLoss(
                response,
                policyLoss,
                auxiliaryLoss,
                byLogProb,
                byEntropy,
                tally.statistics(),
                dropped,
                sumKeptEntropy);
    }

    /** Loss and statistics of the whole update from its responses' parts, given in any order. */
    public UpdateStatistics statistics(Collection<ResponseLoss> parts) {
        return UpdateStatistics.of(counts, parts);
    }

    /** Tokens of one response that are needed, in ascending order of position. */
    private record Plan(int[] positions, boolean[] kept, double[] weight, double logImportance) {
        boolean trained() {
            for (double w : weight) {
                if (w != 0) {
                    return true;
                }
            }
            return false;
        }
    }

    private Plan plan(int local) {
        int response = responses[local];
        int length = step.length(response);
        double advantage = step.advantage()[response];
        double[] weight = new double[length];
        double logImportance = 0;
        if (advantage != 0) {
            Arrays.fill(weight, objective.normaliser().weight(counts, length));
            for (TokenWeighter weighter : objective.weighters()) {
                double[] factor = weighter.weights(step, response);
                boolean absorbed =
                        weighter.isImportance() && objective.surrogate().absorbsImportance();
                for (int t = 0; t < length; t++) {
                    if (absorbed) {
                        logImportance += VespoSurrogate.logImportance(factor[t]);
                    } else {
                        weight[t] *= factor[t];
                    }
                }
            }
        }
        boolean trained = false;
        for (int t = 0; t < length; t++) {
            if (!kept[offset[local] + t]) {
                weight[t] = 0;
            }
            trained |= weight[t] != 0;
        }
        boolean wholeResponse = trained && readsWholeResponse(advantage);
        boolean keptMatters = sumsOver(AuxiliaryTerm.Over.KEPT_TOKENS);
        boolean allMatters =
                sumsOver(AuxiliaryTerm.Over.ALL_TOKENS)
                        || (sumsOver(AuxiliaryTerm.Over.MASTERED_PROMPTS) && mastered[local]);
        int count = 0;
        int[] positions = new int[length];
        for (int t = 0; t < length; t++) {
            boolean needed =
                    weight[t] != 0
                            || wholeResponse
                            || allMatters
                            || (keptMatters && kept[offset[local] + t]);
            if (needed) {
                positions[count++] = t;
            }
        }
        positions = Arrays.copyOf(positions, count);
        boolean[] keptThere = new boolean[count];
        double[] weightThere = new double[count];
        for (int k = 0; k < count; k++) {
            keptThere[k] = kept[offset[local] + positions[k]];
            weightThere[k] = weight[positions[k]];
        }
        return new Plan(positions, keptThere, weightThere, logImportance);
    }

    private boolean sumsOver(AuxiliaryTerm.Over over) {
        return objective.auxiliaryTerms().stream().anyMatch(a -> a.term().over() == over);
    }

    /** A term's weight of a response's tokens; 0 for a response that it is not about. */
    private double weight(AuxiliaryTerm term, int local) {
        int length = step.length(responses[local]);
        return switch (term.over()) {
            case ALL_TOKENS -> objective.normaliser().weight(counts, length);
            case KEPT_TOKENS -> counts.keptTokens() == 0 ? 0 : 1.0 / counts.keptTokens();
            case MASTERED_PROMPTS ->
                    mastered[local] && length > 0 ? 1.0 / Masks.count(mastered) / length : 0;
        };
    }

    private boolean readsWholeResponse(double advantage) {
        boolean refinesLater =
                !refined
                        && objective.selector().refinement() == TokenSelector.Refinement.RESPONSE
                        && advantage < 0;
        return refinesLater || objective.surrogate().readsWholeResponse();
    }

    /**
     * Applies a refinement by response to the plan; where it can drop anything, all positions are
     * there.
     */
    private void refine(int response, double[] logProb, Plan plan) {
        if (!(step.advantage()[response] < 0) || plan.positions.length != step.length(response)) {
            return;
        }
        float[] current = new float[logProb.length];
        for (int k = 0; k < current.length; k++) {
            current[k] = (float) logProb[k];
        }
        Candidates alone =
                stepObjective.candidates(
                        new int[] {response},
                        new int[] {0, current.length},
                        new CurrentScores(current, new float[current.length], null));
        objective.selector().refine(alone, plan.kept);
        for (int k = 0; k < current.length; k++) {
            if (!plan.kept[k]) {
                plan.weight[k] = 0;
            }
        }
    }

    private Surrogate.Tokens surrogateTokens(int local, Plan plan, double[] logProb) {
        int response = responses[local];
        double[] old = new double[logProb.length];
        byte[] markedThere = new byte[logProb.length];
        for (int k = 0; k < old.length; k++) {
            old[k] = step.oldLogProb()[step.offset()[response] + plan.positions[k]];
            markedThere[k] = marked[offset[local] + plan.positions[k]];
        }
        return new Surrogate.Tokens(
                step.advantage()[response],
                logProb,
                old,
                plan.weight,
                markedThere,
                plan.logImportance);
    }

    private double addAuxiliary(
            Objective.Weighted weighted,
            int local,
            Plan plan,
            double[] logProb,
            double @Nullable [] entropy,
            double[] byLogProb,
            double @Nullable [] byEntropy) {
        AuxiliaryTerm term = weighted.term();
        double coefficient =
                term instanceof AdaptiveEntropyBonus adaptive
                        ? adaptive.applied(control)
                        : weighted.coefficient();
        double factor = coefficient * weight(term, local);
        float[] reference = step.refLogProb();
        double sum = 0;
        for (int k = 0; k < plan.positions.length; k++) {
            if (term.over() == AuxiliaryTerm.Over.KEPT_TOKENS && !plan.kept[k]) {
                continue;
            }
            int token = step.offset()[responses[local]] + plan.positions[k];
            AuxiliaryTerm.Token seen =
                    new AuxiliaryTerm.Token(
                            logProb[k],
                            step.oldLogProb()[token],
                            term.readsReference() && reference != null
                                    ? reference[token]
                                    : Double.NaN,
                            term.readsEntropy() && entropy != null ? entropy[k] : Double.NaN);
            sum += factor * term.value(seen);
            byLogProb[k] += factor * term.byLogProb(seen);
            if (byEntropy != null) {
                byEntropy[k] += factor * term.byEntropy(seen);
            }
        }
        return sum;
    }

    private int local(int response) {
        int local = Arrays.binarySearch(responses, response);
        if (local < 0) {
            throw new IllegalArgumentException(
                    "response: " + response + " (expected: one of the update's)");
        }
        return local;
    }

    private static void finite(String name, double[] values, int[] positions) {
        for (int k = 0; k < values.length; k++) {
            if (!Double.isFinite(values[k])) {
                throw new NonFiniteException(name, positions[k], values[k]);
            }
        }
    }
}
