package dev.forkpoint.learner.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import dev.forkpoint.learner.objective.ClippedSurrogate;
import dev.forkpoint.learner.objective.EntropySource;
import dev.forkpoint.learner.objective.FixedLengthNormaliser;
import dev.forkpoint.learner.objective.KlK3;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.OverlongPenalty;
import dev.forkpoint.learner.objective.Parts;
import dev.forkpoint.learner.objective.Problem;
import dev.forkpoint.learner.objective.RandomTokens;
import dev.forkpoint.learner.objective.SequenceGeometricRatio;
import dev.forkpoint.learner.objective.TokenScore;
import dev.forkpoint.learner.objective.TopDifference;
import dev.forkpoint.proto.learner.v1.AdvantageEstimator;
import dev.forkpoint.proto.learner.v1.AuxiliaryTerm;
import dev.forkpoint.proto.learner.v1.Normaliser;
import dev.forkpoint.proto.learner.v1.ObjectiveSpec;
import dev.forkpoint.proto.learner.v1.RatioReducer;
import dev.forkpoint.proto.learner.v1.ReinforcementSpec;
import dev.forkpoint.proto.learner.v1.RewardShaper;
import dev.forkpoint.proto.learner.v1.RolloutPlanner;
import dev.forkpoint.proto.learner.v1.Surrogate;
import dev.forkpoint.proto.learner.v1.TokenSelector;
import dev.forkpoint.proto.learner.v1.TokenWeighter;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ObjectiveFactoryTest {
    private static final int MAX_TOKENS = 512;
    private static final long SEED = 17;

    private static final Map<Parts.Kind, Descriptor> CHOICES =
            Map.of(
                    Parts.Kind.REWARD_SHAPER, RewardShaper.getDescriptor(),
                    Parts.Kind.ADVANTAGE, AdvantageEstimator.getDescriptor(),
                    Parts.Kind.SELECTOR, TokenSelector.getDescriptor(),
                    Parts.Kind.WEIGHTER, TokenWeighter.getDescriptor(),
                    Parts.Kind.SURROGATE, Surrogate.getDescriptor(),
                    Parts.Kind.RATIO, RatioReducer.getDescriptor(),
                    Parts.Kind.NORMALISER, Normaliser.getDescriptor(),
                    Parts.Kind.AUXILIARY, AuxiliaryTerm.getDescriptor(),
                    Parts.Kind.PLANNER, RolloutPlanner.getDescriptor());

    private static Objective objective(ObjectiveSpec.Builder spec) {
        return ObjectiveFactory.objective(spec.build(), MAX_TOKENS, SEED);
    }

    @ParameterizedTest
    @EnumSource(Parts.Kind.class)
    void everyCaseIsARegisteredPartAndTheReverse(Parts.Kind kind) {
        List<String> cases =
                Objects.requireNonNull(CHOICES.get(kind)).getOneofs().get(0).getFields().stream()
                        .map(FieldDescriptor::getName)
                        .toList();
        assertThat(cases)
                .containsExactlyInAnyOrderElementsOf(
                        Parts.of(kind).stream().map(Parts.Part::name).toList());
    }

    @ParameterizedTest
    @EnumSource(Parts.Kind.class)
    void everyFieldIsAnOptionAndTheReverse(Parts.Kind kind) {
        for (Parts.Part part : Parts.of(kind)) {
            Descriptor message =
                    Objects.requireNonNull(CHOICES.get(kind))
                            .findFieldByName(part.name())
                            .getMessageType();
            List<String> fields =
                    message.getFields().stream().map(FieldDescriptor::getName).toList();
            List<String> options =
                    part.options().stream()
                            .map(Parts.PartOption::name)
                            .filter(name -> !name.equals("seed")) // the run's
                            .toList();
            assertThat(fields).as(part.name()).containsExactlyInAnyOrderElementsOf(options);
        }
    }

    @ParameterizedTest
    @EnumSource(Parts.Kind.class)
    void fieldsWithoutPresenceAreRequiredOrZeroWhenAbsent(Parts.Kind kind) {
        for (Parts.Part part : Parts.of(kind)) {
            Descriptor message =
                    Objects.requireNonNull(CHOICES.get(kind))
                            .findFieldByName(part.name())
                            .getMessageType();
            for (Parts.PartOption option : part.options()) {
                FieldDescriptor field = message.findFieldByName(option.name());
                if (field != null && !field.hasPresence()) {
                    assertThat(option.absent())
                            .as("%s.%s", part.name(), option.name())
                            .isIn("required", "the sampling's max_tokens", "false", "0.0");
                }
            }
        }
    }

    @Test
    void anEmptySpecificationIsTheDefaultObjective() {
        assertThat(objective(ObjectiveSpec.newBuilder())).isEqualTo(Objective.defaults());
    }

    @Test
    void resolvingChangesNoObjectiveAndNothingTwice() {
        ObjectiveSpec.Builder spec = ObjectiveSpec.newBuilder();
        spec.getSurrogateBuilder()
                .getClippedBuilder()
                .setClipLow(0.1)
                .getRatioBuilder()
                .getClippedGeometricBuilder();
        spec.getSelectorBuilder().getClipCovBuilder().setLower(0.5);
        spec.addWeightersBuilder().getMaskedImportanceBuilder();
        spec.addRewardShapersBuilder().getOverlongBuilder().setCacheTokens(16);
        spec.addAuxiliaryTermsBuilder().setCoefficient(0.1).getKlK3Builder();
        ObjectiveSpec resolved = ObjectiveFactory.resolved(spec.build(), MAX_TOKENS);
        assertThat(ObjectiveFactory.objective(resolved, MAX_TOKENS, SEED))
                .isEqualTo(objective(spec));
        assertThat(ObjectiveFactory.resolved(resolved, MAX_TOKENS)).isEqualTo(resolved);
        assertThat(resolved.getSurrogate().getClipped().getClipHigh()).isEqualTo(0.28);
        assertThat(
                        resolved.getSurrogate()
                                .getClipped()
                                .getRatio()
                                .getClippedGeometric()
                                .getEpsilon())
                .isEqualTo(0.4);
        assertThat(resolved.getSurrogate().getClipped().hasDualClip()).isFalse();
        assertThat(resolved.getWeighters(0).getMaskedImportance().getUpper()).isEqualTo(3);
        assertThat(resolved.getRewardShapers(0).getOverlong().getMaxTokens()).isEqualTo(MAX_TOKENS);
        assertThat(resolved.getNormaliser().hasAllTokens()).isTrue();
        assertThat(resolved.getAuxiliaryTerms(0).getKlK3().getImportanceCorrected()).isTrue();
    }

    @Test
    void readsEveryKindOfOption() {
        ObjectiveSpec.Builder spec = ObjectiveSpec.newBuilder();
        spec.setEntropySource(dev.forkpoint.proto.learner.v1.EntropySource.ENTROPY_SOURCE_CURRENT);
        spec.addRewardShapersBuilder().getOverlongBuilder().setCacheTokens(64);
        spec.getSelectorBuilder()
                .getTopDifferenceBuilder()
                .setKeepFraction(0.3)
                .setIn(dev.forkpoint.proto.learner.v1.TokenScore.TOKEN_SCORE_SURPRISAL)
                .setNotIn(dev.forkpoint.proto.learner.v1.TokenScore.TOKEN_SCORE_ENTROPY);
        spec.getSurrogateBuilder()
                .getClippedBuilder()
                .setClipHigh(0.3)
                .setDualClip(10)
                .getRatioBuilder()
                .getSequenceGeometricBuilder();
        spec.getNormaliserBuilder().getFixedLengthBuilder();
        spec.addAuxiliaryTermsBuilder()
                .setCoefficient(0.01)
                .getKlK3Builder()
                .setImportanceCorrected(false);
        Objective objective = objective(spec);
        assertThat(objective.entropySource()).isEqualTo(EntropySource.CURRENT);
        assertThat(objective.rewardShapers()).containsExactly(new OverlongPenalty(MAX_TOKENS, 64));
        assertThat(objective.selector())
                .isEqualTo(new TopDifference(0.3, TokenScore.SURPRISAL, TokenScore.ENTROPY));
        assertThat(objective.surrogate())
                .isEqualTo(
                        new ClippedSurrogate(
                                0.2,
                                0.3,
                                OptionalDouble.of(10),
                                OptionalDouble.empty(),
                                new SequenceGeometricRatio()));
        assertThat(objective.normaliser()).isEqualTo(new FixedLengthNormaliser(MAX_TOKENS));
        assertThat(objective.auxiliaryTerms())
                .containsExactly(new Objective.Weighted(new KlK3(false), 0.01));
    }

    @Test
    void partsThatDrawTakeTheRunsSeed() {
        ObjectiveSpec.Builder spec = ObjectiveSpec.newBuilder();
        spec.getSelectorBuilder().getRandomBuilder().setKeepFraction(0.2);
        assertThat(objective(spec).selector()).isEqualTo(new RandomTokens(0.2, SEED));
    }

    @Test
    void findsAllProblemsAtOnceAndNamesEachField() {
        ObjectiveSpec.Builder spec = ObjectiveSpec.newBuilder();
        spec.getSelectorBuilder().getTopBuilder();
        spec.getSurrogateBuilder().getClippedBuilder().setDualClip(0.5);
        spec.addWeightersBuilder();
        spec.addAuxiliaryTermsBuilder().setCoefficient(-1).getEntropyBonusBuilder();
        assertThatThrownBy(() -> objective(spec))
                .isInstanceOfSatisfying(
                        ObjectiveFactory.InvalidObjectiveException.class,
                        e ->
                                assertThat(e.problems())
                                        .extracting(Problem::field)
                                        .containsExactlyInAnyOrder(
                                                "objective.selector.top.keep_fraction",
                                                "objective.surrogate.clipped.dual_clip",
                                                "objective.weighters[0]",
                                                "objective.auxiliary_terms[0].coefficient"))
                .hasMessageContaining(
                        "objective.selector.top.keep_fraction: 0.0 (expected: above 0, at most 1)");
    }

    @Test
    void contradictionsWithTheRunNameTheirFields() {
        ReinforcementSpec.Builder spec =
                ReinforcementSpec.newBuilder().setGroupSize(1).setRescoreShare(0.1);
        spec.getPlannerBuilder().getPlainBuilder();
        spec.getObjectiveBuilder()
                .getSurrogateBuilder()
                .getClippedBuilder()
                .getRatioBuilder()
                .getSequenceGeometricBuilder();
        assertThat(ObjectiveFactory.problems(spec.build(), SEED))
                .extracting(Problem::field)
                .containsExactlyInAnyOrder("objective.selector", "group_size", "rescore_share");
    }

    @Test
    void kindsOfTheRegistryAreAllReachable() {
        assertThat(Arrays.asList(Parts.Kind.values()))
                .containsExactlyInAnyOrderElementsOf(CHOICES.keySet());
    }
}
