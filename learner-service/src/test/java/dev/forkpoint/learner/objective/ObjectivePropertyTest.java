package dev.forkpoint.learner.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.policy.selection.Selection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What must hold of every registered part, with its default options and with others: cases come
 * from the registry, so a new part cannot escape. Every test's name carries the seed.
 */
class ObjectivePropertyTest {
    private static final long FIRST_SEED = Long.getLong("forkpoint.seed", 1);
    private static final int SEEDS = Integer.getInteger("forkpoint.seeds", 4);

    private record Case(String name, Objective objective) {}

    private record Sample(Step step, double[] logProb, double[] entropy) {
        static Sample of(long seed) {
            Random random = new Random(seed);
            Step step = Steps.random(random, 3, 9);
            float[] current = Steps.current(step, random);
            double[] entropy = new double[step.tokens()];
            for (int t = 0; t < entropy.length; t++) {
                entropy[t] = random.nextInt(40) / 20.0;
            }
            return new Sample(step, doubles(current), entropy);
        }
    }

    @TestFactory
    Stream<DynamicTest> derivativeEqualsFiniteDifferences() {
        return forEach(
                (objective, sample, seed) -> {
                    Evaluation evaluation =
                            Evaluation.of(objective, sample.step, sample.logProb, sample.entropy);
                    UpdateObjective prepared = prepared(objective, sample);
                    // A term behind a stop-gradient has no finite difference; its derivative is
                    // checked on its own.
                    boolean detached =
                            objective.surrogate() instanceof CispoSurrogate
                                    || objective.surrogate() instanceof VespoSurrogate
                                    || objective.surrogate() instanceof HtpoSurrogate
                                    || usesSequenceToken(objective);
                    for (int t = 0; t < sample.step.tokens() && !detached; t++) {
                        if (nearKink(objective, sample, t)) {
                            continue;
                        }
                        double slope = slope(prepared, objective, sample, sample.logProb, t, 1e-5);
                        assertThat(evaluation.byLogProb()[t])
                                .as("d loss / d logProb[%d]", t)
                                .isCloseTo(slope, within(1e-7 + 1e-5 * Math.abs(slope)));
                    }
                    for (int t = 0; t < sample.step.tokens(); t++) {
                        double slope = slope(prepared, objective, sample, sample.entropy, t, 1e-4);
                        assertThat(evaluation.byEntropy()[t])
                                .as("d loss / d entropy[%d]", t)
                                .isCloseTo(slope, within(1e-8));
                    }
                });
    }

    @TestFactory
    Stream<DynamicTest> tokensThatAreNotKeptHaveNoCoefficient() {
        return forEach(
                (objective, sample, seed) -> {
                    if (objective.auxiliaryTerms().stream()
                            .anyMatch(a -> a.term().over() != AuxiliaryTerm.Over.KEPT_TOKENS)) {
                        return;
                    }
                    Step step = sample.step;
                    StepObjective over = objective.over(step);
                    Selection selection = over.selection();
                    if (selection == null) {
                        return;
                    }
                    Evaluation evaluation =
                            Evaluation.of(objective, step, sample.logProb, sample.entropy);
                    for (int t = 0; t < step.tokens(); t++) {
                        if (!selection.kept()[t]) {
                            assertThat(evaluation.byLogProb()[t]).as("token %d", t).isZero();
                            assertThat(evaluation.byEntropy()[t]).as("token %d", t).isZero();
                        }
                    }
                });
    }

    @TestFactory
    Stream<DynamicTest> orderOfEvaluationChangesNothingToTheBit() {
        return forEach(
                (objective, sample, seed) -> {
                    List<Integer> order =
                            new ArrayList<>(
                                    IntStream.range(0, sample.step.responses()).boxed().toList());
                    Collections.shuffle(order, new Random(seed));
                    int[] shuffled = order.stream().mapToInt(Integer::intValue).toArray();
                    Evaluation straight =
                            Evaluation.of(objective, sample.step, sample.logProb, sample.entropy);
                    Evaluation mixed =
                            Evaluation.of(
                                    objective,
                                    sample.step,
                                    sample.logProb,
                                    sample.entropy,
                                    shuffled,
                                    shuffled);
                    assertThat(mixed.byLogProb()).isEqualTo(straight.byLogProb());
                    assertThat(mixed.byEntropy()).isEqualTo(straight.byEntropy());
                    assertThat(mixed.statistics()).isEqualTo(straight.statistics());
                });
    }

    @TestFactory
    Stream<DynamicTest> orderOfResponsesWithinTheStepChangesNothing() {
        return forEach(
                (objective, sample, seed) -> {
                    if (hasTies(objective)) {
                        return; // Ties go to the first in the order of the step, which assembling
                        // the step fixes.
                    }
                    Sample moved = rotateGroups(sample);
                    Evaluation here =
                            Evaluation.of(objective, sample.step, sample.logProb, sample.entropy);
                    Evaluation there =
                            Evaluation.of(objective, moved.step, moved.logProb, moved.entropy);
                    assertThat(there.loss())
                            .isCloseTo(here.loss(), within(1e-12 + 1e-12 * Math.abs(here.loss())));
                    int first = firstGroupTokens(sample.step);
                    int rest = sample.step.tokens() - first;
                    for (int t = 0; t < sample.step.tokens(); t++) {
                        int image = t < first ? t + rest : t - first;
                        assertThat(there.byLogProb()[image])
                                .as("token %d", t)
                                .isCloseTo(here.byLogProb()[t], within(1e-13));
                    }
                });
    }

    @TestFactory
    Stream<DynamicTest> emptyResponsesChangeNothingButTheCountOfResponses() {
        return forEach(
                (objective, sample, seed) -> {
                    Sample padded =
                            new Sample(
                                    withEmptyResponse(sample.step), sample.logProb, sample.entropy);
                    double scale =
                            objective.normaliser() instanceof AllTokensNormaliser
                                            || objective.normaliser()
                                                    instanceof KeptTokensNormaliser
                                    ? 1
                                    : (double) sample.step.responses()
                                            / (sample.step.responses() + 1);
                    if (scale != 1 && !objective.auxiliaryTerms().isEmpty()) {
                        return;
                    }
                    Evaluation here =
                            Evaluation.of(objective, sample.step, sample.logProb, sample.entropy);
                    Evaluation there =
                            Evaluation.of(objective, padded.step, padded.logProb, padded.entropy);
                    assertThat(there.loss())
                            .isCloseTo(
                                    here.loss() * scale,
                                    within(1e-12 + 1e-12 * Math.abs(here.loss())));
                });
    }

    @TestFactory
    Stream<DynamicTest> updatesOfAStepShareOneSelection() {
        return forEach(
                (objective, sample, seed) -> {
                    Step step = sample.step;
                    Selection selection = objective.over(step).selection();
                    if (selection == null || objective.needsCurrentScores()) {
                        return;
                    }
                    int half = step.responses() / 2;
                    StepObjective over = objective.over(step);
                    int[] first = IntStream.range(0, half).toArray();
                    int[] second = IntStream.range(half, step.responses()).toArray();
                    int kept =
                            over.update(first).counts().keptTokens()
                                    + over.update(second).counts().keptTokens();
                    assertThat(kept).isEqualTo(selection.keptCount());
                });
    }

    @TestFactory
    Stream<DynamicTest> statisticsCountEveryKeptTokenAlsoWhereTheAdvantageIsZero() {
        return forEach(
                (objective, sample, seed) -> {
                    UpdateObjective prepared = prepared(objective, sample);
                    int dropped =
                            prepared.counts().keptTokens()
                                    - Evaluation.of(
                                                    objective,
                                                    sample.step,
                                                    sample.logProb,
                                                    sample.entropy)
                                            .statistics()
                                            .counts()
                                            .keptTokens();
                    if (objective.selector().refinement() == TokenSelector.Refinement.RESPONSE) {
                        assertThat(dropped).isNotNegative();
                    } else {
                        assertThat(dropped).isZero();
                    }
                });
    }

    @TestFactory
    Stream<DynamicTest> nanAndInfinityAreCaughtAndNamed() {
        return forEach(
                (objective, sample, seed) -> {
                    for (double bad :
                            new double[] {
                                Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY
                            }) {
                        UpdateObjective prepared = prepared(objective, sample);
                        for (int i : prepared.responses()) {
                            int[] positions = prepared.positions(i);
                            if (positions.length == 0) {
                                continue;
                            }
                            int victim = positions.length - 1;
                            double[] logProb = new double[positions.length];
                            double[] entropy = new double[positions.length];
                            Arrays.fill(logProb, -1);
                            logProb[victim] = bad;
                            assertThatThrownBy(() -> prepared.evaluate(i, logProb, entropy))
                                    .isInstanceOf(NonFiniteException.class)
                                    .hasMessageContaining(
                                            "response "
                                                    + i
                                                    + ": logProb["
                                                    + positions[victim]
                                                    + "]");
                        }
                    }
                });
    }

    @TestFactory
    Stream<DynamicTest> floatsFarOutGiveFiniteResultsOrAnError() {
        return forEach(
                (objective, sample, seed) -> {
                    UpdateObjective prepared = prepared(objective, sample);
                    for (double far : new double[] {-800, 800}) {
                        for (int i : prepared.responses()) {
                            double[] logProb = new double[prepared.positions(i).length];
                            Arrays.fill(logProb, far);
                            try {
                                ResponseLoss part =
                                        prepared.evaluate(i, logProb, new double[logProb.length]);
                                assertThat(part.loss()).isFinite();
                                assertThat(
                                                Arrays.stream(part.byLogProb())
                                                        .allMatch(Double::isFinite))
                                        .isTrue();
                            } catch (NonFiniteException e) {
                                assertThat(e).hasMessageContaining("response " + i);
                            }
                        }
                    }
                });
    }

    private interface Property {
        void check(Objective objective, Sample sample, long seed);
    }

    private static Stream<DynamicTest> forEach(Property property) {
        return cases().stream()
                .flatMap(
                        c ->
                                IntStream.range(0, SEEDS)
                                        .mapToObj(
                                                s -> {
                                                    long seed = FIRST_SEED + s;
                                                    return DynamicTest.dynamicTest(
                                                            c.name + ", seed " + seed,
                                                            () ->
                                                                    property.check(
                                                                            c.objective,
                                                                            Sample.of(seed),
                                                                            seed));
                                                }));
    }

    /**
     * One objective for each registered part, and some combinations whose parts touch each other.
     */
    private static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Parts.Part part : Parts.all()) {
            if (part.kind() == Parts.Kind.PLANNER) {
                continue; // Chooses prompts and takes no part in the equation.
            }
            cases.add(new Case(part.kind() + " " + part.name(), with(part.defaults())));
        }
        Objective all = Objective.defaults().with(AllTokens.defaults());
        cases.add(
                new Case(
                        "bounds",
                        all.with(
                                new ClippedSurrogate(
                                        0.2,
                                        0.28,
                                        OptionalDouble.of(1.5),
                                        OptionalDouble.empty(),
                                        TokenRatio.defaults()))));
        cases.add(
                new Case(
                        "ratio cap",
                        all.with(
                                new ClippedSurrogate(
                                        0.2,
                                        0.28,
                                        OptionalDouble.empty(),
                                        OptionalDouble.of(1.4),
                                        TokenRatio.defaults()))));
        for (double p : new double[] {-3, -1, -1e-7, 1e-7, 0.5, 2}) {
            cases.add(
                    new Case(
                            "power mean " + p,
                            all.with(ClippedSurrogate.defaults().over(new PowerMeanRatio(p)))));
        }
        cases.add(new Case("current entropy", Objective.defaults().with(EntropySource.CURRENT)));
        cases.add(
                new Case(
                        "masked off-policy over kept",
                        all.with(new OffPolicySequenceMask(0.01, 0.5))
                                .with(new KeptTokensNormaliser())));
        cases.add(
                new Case(
                        "masked off-policy with bonus",
                        all.with(new OffPolicySequenceMask(0.01, 1))
                                .with(EntropyBonus.defaults(), 0.1)));
        cases.add(
                new Case(
                        "masked off-policy by response",
                        all.with(new OffPolicySequenceMask(0.01, 0.5))));
        cases.add(
                new Case(
                        "clip-cov within the top",
                        all.with(new ClipCov(0.05, -10, 10, 0.5, 7))
                                .with(new KeptTokensNormaliser())));
        cases.add(
                new Case("many by kl-cov", Objective.defaults().with(new KlCovSurrogate(0.3, 1))));
        cases.add(
                new Case(
                        "vespo with importance",
                        all.with(VespoSurrogate.defaults()).with(TruncatedImportance.defaults())));
        cases.add(
                new Case(
                        "sequence importance",
                        all.with(
                                new MaskedImportance(0.5, 2, true),
                                EntropyShapedAdvantage.defaults())));
        cases.add(
                new Case(
                        "corrected kl",
                        all.with(new KlK1(true), 0.3).with(new SequenceMeanNormaliser())));
        cases.add(
                new Case(
                        "all of entropy but gradient",
                        all.with(
                                new TopDifference(0.3, TokenScore.SURPRISAL, TokenScore.ENTROPY))));
        return cases;
    }

    private static Objective with(Object part) {
        Objective base = Objective.defaults();
        if (part instanceof RewardShaper shaper) {
            return base.with(shaper);
        } else if (part instanceof AdvantageEstimator estimator) {
            return base.with(estimator);
        } else if (part instanceof TokenSelector selector) {
            return base.with(selector);
        } else if (part instanceof TokenWeighter weighter) {
            return base.with(weighter);
        } else if (part instanceof Surrogate surrogate) {
            return base.with(surrogate);
        } else if (part instanceof RatioReducer ratio) {
            Objective over = base.with(ClippedSurrogate.defaults().over(ratio));
            return ratio.sharesRatio() ? over.with(AllTokens.defaults()) : over;
        } else if (part instanceof Normaliser normaliser) {
            return base.with(normaliser);
        } else if (part instanceof AuxiliaryTerm term) {
            return base.with(term, 0.1);
        }
        throw new AssertionError("no test knows the kind of " + part);
    }

    private static boolean usesSequenceToken(Objective objective) {
        return objective.surrogate() instanceof ClippedSurrogate clipped
                && clipped.ratio() instanceof SequenceTokenRatio;
    }

    /** Whether a bound or a corner lies within the step of the finite difference. */
    private static boolean nearKink(Objective objective, Sample sample, int t) {
        double delta = sample.logProb[t] - sample.step.oldLogProb()[t];
        for (double corner :
                new double[] {
                    0, Math.log(0.8), Math.log(1.28), Math.log(1.5), Math.log(1.4), 0.4, -0.4
                }) {
            if (Math.abs(delta - corner) < 1e-4) {
                return true;
            }
        }
        return false;
    }

    /**
     * Central difference of the loss of a prepared update by one element of an array; the array is
     * left as it was.
     */
    private static double slope(
            UpdateObjective prepared,
            Objective objective,
            Sample sample,
            double[] array,
            int t,
            double h) {
        double kept = array[t];
        array[t] = kept + h;
        double up =
                Evaluation.of(
                                prepared,
                                objective,
                                sample.step,
                                sample.logProb,
                                sample.entropy,
                                all(sample.step))
                        .loss();
        array[t] = kept - h;
        double down =
                Evaluation.of(
                                prepared,
                                objective,
                                sample.step,
                                sample.logProb,
                                sample.entropy,
                                all(sample.step))
                        .loss();
        array[t] = kept;
        return (up - down) / (2 * h);
    }

    private static boolean hasTies(Objective objective) {
        return objective.selector().ranks();
    }

    /** An update of all responses. */
    private static UpdateObjective prepared(Objective objective, Sample sample) {
        return Evaluation.prepare(
                objective, sample.step, sample.logProb, sample.entropy, all(sample.step));
    }

    private static int[] all(Step step) {
        return IntStream.range(0, step.responses()).toArray();
    }

    private static int firstGroupTokens(Step step) {
        return step.offset()[step.groupOffset()[1]];
    }

    /** The first group moved to the end. */
    private static Sample rotateGroups(Sample sample) {
        Step step = sample.step;
        int responses = step.groupOffset()[1];
        int tokens = firstGroupTokens(step);
        int[] groupOffset = new int[step.groupOffset().length];
        for (int g = 1; g < groupOffset.length; g++) {
            int next =
                    g + 1 < groupOffset.length
                            ? step.groupOffset()[g + 1]
                            : step.responses() + responses;
            groupOffset[g] = next - responses;
        }
        int[] offset = new int[step.offset().length];
        for (int i = 0; i < step.responses(); i++) {
            offset[i + 1] = offset[i] + step.length((i + responses) % step.responses());
        }
        FinishReason[] finish = step.finishReason().clone();
        Collections.rotate(Arrays.asList(finish), -responses);
        long[] key = new long[step.responses()];
        boolean[] correct = new boolean[step.responses()];
        for (int i = 0; i < key.length; i++) {
            key[i] = step.responseKey()[(i + responses) % key.length];
            correct[i] = step.correct()[(i + responses) % key.length];
        }
        Step moved =
                new Step(
                        step.number(),
                        groupOffset,
                        key,
                        offset,
                        rotate(step.oldLogProb(), tokens),
                        rotate(step.entropy(), tokens),
                        rotate(given(step.collisionProbability()), tokens),
                        rotate(given(step.refLogProb()), tokens),
                        rotate(given(step.rolloutLogProb()), tokens),
                        rotate(step.reward(), responses),
                        rotate(step.shapedReward(), responses),
                        rotate(step.advantage(), responses),
                        correct,
                        finish);
        return new Sample(moved, rotate(sample.logProb, tokens), rotate(sample.entropy, tokens));
    }

    private static float[] given(float @Nullable [] values) {
        if (values == null) {
            throw new AssertionError("random steps have every array");
        }
        return values;
    }

    private static float[] rotate(float[] values, int by) {
        float[] rotated = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            rotated[i] = values[(i + by) % values.length];
        }
        return rotated;
    }

    private static double[] rotate(double[] values, int by) {
        double[] rotated = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            rotated[i] = values[(i + by) % values.length];
        }
        return rotated;
    }

    private static Step withEmptyResponse(Step step) {
        int responses = step.responses();
        // In a group of its own: within another it would change how many of that prompt's responses
        // are correct.
        int[] groupOffset = Arrays.copyOf(step.groupOffset(), step.groups() + 2);
        groupOffset[step.groups() + 1] = responses + 1;
        int[] offset = Arrays.copyOf(step.offset(), responses + 2);
        offset[responses + 1] = offset[responses];
        FinishReason[] finish = Arrays.copyOf(step.finishReason(), responses + 1);
        finish[responses] = FinishReason.STOP;
        return new Step(
                step.number(),
                groupOffset,
                Arrays.copyOf(step.responseKey(), responses + 1),
                offset,
                step.oldLogProb(),
                step.entropy(),
                step.collisionProbability(),
                step.refLogProb(),
                step.rolloutLogProb(),
                Arrays.copyOf(step.reward(), responses + 1),
                Arrays.copyOf(step.shapedReward(), responses + 1),
                Arrays.copyOf(step.advantage(), responses + 1),
                Arrays.copyOf(step.correct(), responses + 1),
                finish);
    }

    private static double[] doubles(float[] values) {
        double[] array = new double[values.length];
        for (int i = 0; i < array.length; i++) {
            array[i] = values[i];
        }
        return array;
    }
}
