package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * An objective over one step: the selection is made, once for all its updates. Immutable and
 * thread-safe.
 */
public final class StepObjective {
    private final Objective objective;
    private final Step step;
    private final @Nullable Selection selection;

    StepObjective(Objective objective, Step step) {
        this.objective = objective.with(objective.surrogate().at(step.number()));
        this.step = step;
        require("collisionProbability", objective.needsCollision(), step.collisionProbability());
        require("refLogProb", objective.needsReference(), step.refLogProb());
        require("rolloutLogProb", objective.needsRolloutLogProb(), step.rolloutLogProb());
        this.selection = ranksByCurrent() ? null : select(wholeStep());
    }

    private static void require(String name, boolean needed, float @Nullable [] values) {
        if (needed && values == null) {
            throw new IllegalArgumentException(
                    name
                            + ": none in the step (expected: one value a token, since the objective reads it)");
        }
    }

    public Objective objective() {
        return objective;
    }

    public Step step() {
        return step;
    }

    /**
     * The selection over the whole step, or null where each update has its own (source CURRENT). Of
     * selectors that refine, what they begin with.
     */
    public @Nullable Selection selection() {
        return selection;
    }

    /**
     * Entropies of the step's own source at the tokens of some responses, flat, in the order given;
     * nats.
     */
    public float[] entropies(int[] responses) {
        return of(responses, offsets(responses), step.entropy());
    }

    /**
     * The share of Σ ‖∂ℓ_t/∂z_t‖² at ratio 1 that the kept tokens hold, or NaN where collision
     * probabilities are not reported or each update chooses for itself.
     */
    public double keptGradientShare() {
        if (selection == null || step.collisionProbability() == null) {
            return Double.NaN;
        }
        float[] norm = wholeStep().gradientNorm();
        double kept = 0;
        double all = 0;
        for (int t = 0; t < norm.length; t++) {
            double square = (double) norm[t] * norm[t];
            all += square;
            kept += selection.kept()[t] ? square : 0;
        }
        return all == 0 ? 0 : kept / all;
    }

    /**
     * Fixes what depends on the whole update: mask, counts, Z.
     *
     * @param responses the update's responses, each once, in any order
     * @param scores current scores of all their tokens where {@link
     *     Objective#needsCurrentScores()}, else null
     * @param control of an adaptive entropy bonus, see {@link Objective#startControl()}
     */
    public UpdateObjective update(
            int[] responses, @Nullable CurrentScores scores, AdaptiveEntropyBonus.Control control) {
        int[] sorted = responses.clone();
        Arrays.sort(sorted);
        int[] offset = offsets(sorted);
        int tokens = offset[sorted.length];
        if (objective.needsCurrentScores() && scores == null) {
            throw new IllegalArgumentException(
                    "scores: none (expected: of the update's "
                            + tokens
                            + " tokens, since the objective reads them)");
        }
        if (scores != null) {
            Check.length("current logProb", scores.logProb().length, tokens);
        }
        Candidates update = scores == null ? null : candidates(sorted, offset, scores);
        boolean[] kept = kept(sorted, offset, update);
        byte[] marked = new byte[tokens];
        if (update != null && objective.selector().refinement() != TokenSelector.Refinement.NONE) {
            objective.selector().refine(update, kept);
        }
        if (objective.surrogate().marksTokens()) {
            Candidates seen = update == null ? asSampled(sorted, offset) : update;
            marked = objective.surrogate().mark(seen, kept);
        }
        return new UpdateObjective(this, sorted, offset, kept, marked, update != null, control);
    }

    /**
     * As {@link #update(int[], CurrentScores, AdaptiveEntropyBonus.Control)}, for objectives that
     * need neither.
     */
    public UpdateObjective update(int... responses) {
        return update(responses, null, objective.startControl());
    }

    private int[] offsets(int[] sorted) {
        int[] offset = new int[sorted.length + 1];
        for (int i = 0; i < sorted.length; i++) {
            if (sorted[i] < 0
                    || sorted[i] >= step.responses()
                    || (i > 0 && sorted[i] == sorted[i - 1])) {
                throw new IllegalArgumentException(
                        "responses: "
                                + sorted[i]
                                + " (expected: each once, 0 to "
                                + (step.responses() - 1)
                                + ")");
            }
            offset[i + 1] = offset[i] + step.length(sorted[i]);
        }
        return offset;
    }

    private boolean ranksByCurrent() {
        return objective.entropySource() == EntropySource.CURRENT && objective.selector().ranks();
    }

    /**
     * A mask that silently keeps another share than asked for is this field's best-known bug:
     * checked.
     */
    private Selection select(Candidates candidates) {
        Selection chosen = objective.selector().select(candidates);
        OptionalDouble promised = objective.selector().promisedFraction();
        int tokens = candidates.tokens();
        // As counts, to within one token; the slack is for ρ as a binary fraction.
        if (promised.isPresent()
                && Math.abs(chosen.keptCount() - promised.getAsDouble() * tokens) > 1 + 1e-6) {
            throw new IllegalStateException(
                    "kept "
                            + chosen.keptCount()
                            + " of "
                            + tokens
                            + " tokens (expected: a share of "
                            + promised.getAsDouble()
                            + ")");
        }
        return chosen;
    }

    private boolean[] kept(int[] sorted, int[] offset, @Nullable Candidates update) {
        if (selection == null) {
            if (update == null) {
                throw new IllegalStateException("source CURRENT without current scores");
            }
            return select(update).kept();
        }
        boolean[] kept = new boolean[offset[sorted.length]];
        for (int i = 0; i < sorted.length; i++) {
            System.arraycopy(
                    selection.kept(),
                    step.offset()[sorted[i]],
                    kept,
                    offset[i],
                    step.length(sorted[i]));
        }
        return kept;
    }

    private Candidates wholeStep() {
        int[] all = IntStream.range(0, step.responses()).toArray();
        return new Candidates(
                step,
                all,
                step.offset(),
                step.oldLogProb(),
                step.oldLogProb(),
                step.entropy(),
                step.collisionProbability(),
                relativeWeights(all),
                null);
    }

    /** The update's tokens with current scores; arrays in ascending order of responses. */
    Candidates candidates(int[] responses, int[] offset, CurrentScores scores) {
        float[] old = of(responses, offset, step.oldLogProb());
        boolean[] clipped = new boolean[old.length];
        for (int i = 0; i < responses.length; i++) {
            for (int t = offset[i]; t < offset[i + 1]; t++) {
                double ratio = Math.exp((double) scores.logProb()[t] - old[t]);
                clipped[t] =
                        objective.surrogate().bound(ratio, step.advantage()[responses[i]])
                                != Surrogate.Bound.NONE;
            }
        }
        return new Candidates(
                step,
                responses,
                offset,
                old,
                scores.logProb(),
                scores.entropy(),
                scores.collisionProbability(),
                relativeWeights(responses),
                clipped);
    }

    /** The update's tokens under the policy that sampled them. */
    private Candidates asSampled(int[] responses, int[] offset) {
        float[] old = of(responses, offset, step.oldLogProb());
        return candidates(
                responses,
                offset,
                new CurrentScores(old, of(responses, offset, step.entropy()), null));
    }

    /** The step's values at the tokens of some responses, flat, in the order given. */
    private float[] of(int[] responses, int[] offset, float[] values) {
        float[] out = new float[offset[responses.length]];
        for (int i = 0; i < responses.length; i++) {
            System.arraycopy(
                    values, step.offset()[responses[i]], out, offset[i], step.length(responses[i]));
        }
        return out;
    }

    private double[] relativeWeights(int[] responses) {
        UpdateCounts counts = new UpdateCounts(step.responses(), step.tokens(), step.tokens());
        return Arrays.stream(responses)
                .mapToDouble(i -> objective.normaliser().weight(counts, step.length(i)))
                .toArray();
    }
}
