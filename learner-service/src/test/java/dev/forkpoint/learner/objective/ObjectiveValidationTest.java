package dev.forkpoint.learner.objective;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class ObjectiveValidationTest {
    private static final Objective SEQUENCE =
            Objective.defaults()
                    .with(ClippedSurrogate.defaults().over(new SequenceGeometricRatio()));

    private static ObjectiveValidation.RunFacts run(int groupSize) {
        return new ObjectiveValidation.RunFacts(
                groupSize, PlainPlanner.defaults(), OptionalDouble.empty(), false, true, true);
    }

    private static List<String> fields(Objective objective, ObjectiveValidation.RunFacts run) {
        return ObjectiveValidation.problems(objective, run).stream().map(Problem::field).toList();
    }

    @Test
    void theDefaultObjectiveFits() {
        assertThat(fields(Objective.defaults(), run(16))).isEmpty();
    }

    @Test
    void aSharedRatioAllowsOnlyMasksOfWholeResponses() {
        assertThat(fields(SEQUENCE, run(4))).containsExactly("objective.selector");
        assertThat(fields(SEQUENCE.with(new AllTokens()), run(4))).isEmpty();
        assertThat(fields(SEQUENCE.with(new OffPolicySequenceMask(0.1, 1)), run(4))).isEmpty();
        assertThat(fields(SEQUENCE.with(new OffPolicySequenceMask(0.1, 0.5)), run(4)))
                .containsExactly("objective.selector");
        assertThat(
                        fields(
                                Objective.defaults()
                                        .with(
                                                ClippedSurrogate.defaults()
                                                        .over(new SequenceTokenRatio())),
                                run(4)))
                .isEmpty();
    }

    @Test
    void boundsWithoutEffectAreRefused() {
        Surrogate surrogate =
                new ClippedSurrogate(
                        0.2,
                        0.28,
                        OptionalDouble.of(10),
                        OptionalDouble.of(2),
                        new ClippedGeometricRatio(0.4));
        assertThat(fields(Objective.defaults().with(surrogate).with(new AllTokens()), run(4)))
                .containsExactly(
                        "objective.surrogate.clipped.dual_clip",
                        "objective.surrogate.clipped.ratio_cap");
    }

    @Test
    void keptTokensNeedASelectionThatIsNeverEmpty() {
        Objective objective =
                Objective.defaults()
                        .with(TopDifference.defaults())
                        .with(new KeptTokensNormaliser());
        assertThat(fields(objective, run(4))).containsExactly("objective.normaliser");
    }

    @Test
    void aGroupOfOneHasNothingToCompare() {
        ObjectiveValidation.RunFacts dynamic =
                new ObjectiveValidation.RunFacts(
                        1,
                        DynamicSamplingPlanner.defaults(),
                        OptionalDouble.empty(),
                        false,
                        true,
                        true);
        assertThat(fields(Objective.defaults(), dynamic))
                .containsExactly("group_size", "planner.dynamic_sampling");
    }

    @Test
    void anEngineMustReportWhatItsSourceIsAskedFor() {
        ObjectiveValidation.RunFacts bare =
                new ObjectiveValidation.RunFacts(
                        4, PlainPlanner.defaults(), OptionalDouble.empty(), false, false, false);
        Objective fromEngine = Objective.defaults().with(EntropySource.ROLLOUT);
        assertThat(fields(fromEngine.with(TopGradient.defaults()), bare))
                .containsExactly("objective.entropy_source", "objective.selector");
        assertThat(fields(fromEngine.with(new AllTokens()), bare)).isEmpty();
        assertThat(fields(Objective.defaults().with(TopGradient.defaults()), bare)).isEmpty();
    }

    @Test
    void importanceWeightsThatAreAllOneAreRefused() {
        Objective objective =
                Objective.defaults()
                        .with(EntropySource.ROLLOUT)
                        .with(TruncatedImportance.defaults());
        assertThat(fields(objective, run(4))).containsExactly("objective.weighters[0]");
    }

    @Test
    void vespoTakesTokenWeightsOnly() {
        Objective objective =
                Objective.defaults()
                        .with(VespoSurrogate.defaults())
                        .with(EntropyShapedAdvantage.defaults(), new TruncatedImportance(2, true));
        assertThat(fields(objective, run(4)))
                .containsExactly("objective.weighters[1].truncated_importance.sequence_level");
    }

    @Test
    void whatTheRunSaysMustMeanSomething() {
        ObjectiveValidation.RunFacts run =
                new ObjectiveValidation.RunFacts(
                        4, new HoraPlanner(8, 4), OptionalDouble.of(0.1), true, true, true);
        assertThat(fields(Objective.defaults(), run))
                .containsExactlyInAnyOrder(
                        "planner.hora.initial_responses", "rescore_share", "reference_policy");
    }

    @Test
    void messagesSayWhatWasFoundAndWhatIsAllowed() {
        assertThat(ObjectiveValidation.problems(Objective.defaults(), run(1)))
                .extracting(Problem::toString)
                .containsExactly(
                        "group_size: 1 with the advantage group_normalised (expected: at least 2, since it compares"
                                + " responses of a prompt)");
    }
}
