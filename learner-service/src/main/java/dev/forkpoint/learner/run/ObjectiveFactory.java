package dev.forkpoint.learner.run;

import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.MessageOrBuilder;
import dev.forkpoint.learner.objective.AdvantageEstimator;
import dev.forkpoint.learner.objective.AuxiliaryTerm;
import dev.forkpoint.learner.objective.EntropySource;
import dev.forkpoint.learner.objective.GroupsWithoutSignal;
import dev.forkpoint.learner.objective.Normaliser;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.ObjectiveValidation;
import dev.forkpoint.learner.objective.Parts;
import dev.forkpoint.learner.objective.Problem;
import dev.forkpoint.learner.objective.Published;
import dev.forkpoint.learner.objective.RewardShaper;
import dev.forkpoint.learner.objective.RolloutPlanner;
import dev.forkpoint.learner.objective.Surrogate;
import dev.forkpoint.learner.objective.TokenSelector;
import dev.forkpoint.learner.objective.TokenWeighter;
import dev.forkpoint.proto.learner.v1.ObjectiveSpec;
import dev.forkpoint.proto.learner.v1.ReinforcementSpec;
import dev.forkpoint.proto.learner.v1.SignallessGroups;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * From messages to the parts of an objective, by name: the case of a {@code oneof} is a part's
 * registered name, a field is the option of the same name. So a new part needs no line here.
 * Collects every problem before it gives up.
 */
final class ObjectiveFactory {
    private static final String SEED = "seed";
    private static final String MAX_TOKENS = "max_tokens";

    private final int maxTokens;
    private final long seed;
    private final List<Problem> problems = new ArrayList<>();

    private ObjectiveFactory(int maxTokens, long seed) {
        this.maxTokens = maxTokens;
        this.seed = seed;
    }

    /** All that is wrong with a specification. */
    static final class InvalidObjectiveException extends IllegalArgumentException {
        private static final long serialVersionUID = 1L;
        private final transient List<Problem> problems;

        InvalidObjectiveException(List<Problem> problems) {
            super(
                    problems.stream()
                            .map(Problem::toString)
                            .reduce((a, b) -> a + "; " + b)
                            .orElse(""));
            this.problems = List.copyOf(problems);
        }

        List<Problem> problems() {
            return problems;
        }
    }

    /**
     * The objective that a specification asks for; absent parts take the defaults of its comments.
     *
     * @param maxTokens of the run's sampling: what an option {@code max_tokens} of 0 stands for
     * @param seed of the run, for the parts that draw
     * @throws InvalidObjectiveException with every problem
     */
    static Objective objective(ObjectiveSpec spec, int maxTokens, long seed) {
        ObjectiveFactory factory = new ObjectiveFactory(maxTokens, seed);
        Objective defaults = Objective.defaults();
        List<RewardShaper> shapers =
                factory.list(
                        "objective.reward_shapers",
                        spec.getRewardShapersList(),
                        Parts.Kind.REWARD_SHAPER,
                        RewardShaper.class);
        AdvantageEstimator advantage =
                spec.hasAdvantage()
                        ? factory.part(
                                "objective.advantage",
                                spec.getAdvantage(),
                                Parts.Kind.ADVANTAGE,
                                AdvantageEstimator.class)
                        : defaults.advantage();
        TokenSelector selector =
                spec.hasSelector()
                        ? factory.part(
                                "objective.selector",
                                spec.getSelector(),
                                Parts.Kind.SELECTOR,
                                TokenSelector.class)
                        : defaults.selector();
        List<TokenWeighter> weighters =
                factory.list(
                        "objective.weighters",
                        spec.getWeightersList(),
                        Parts.Kind.WEIGHTER,
                        TokenWeighter.class);
        Surrogate surrogate =
                spec.hasSurrogate()
                        ? factory.part(
                                "objective.surrogate",
                                spec.getSurrogate(),
                                Parts.Kind.SURROGATE,
                                Surrogate.class)
                        : defaults.surrogate();
        Normaliser normaliser =
                spec.hasNormaliser()
                        ? factory.part(
                                "objective.normaliser",
                                spec.getNormaliser(),
                                Parts.Kind.NORMALISER,
                                Normaliser.class)
                        : defaults.normaliser();
        List<Objective.Weighted> terms = factory.terms(spec);
        GroupsWithoutSignal groups =
                switch (spec.getSignallessGroups()) {
                    case SIGNALLESS_GROUPS_UNSPECIFIED, SIGNALLESS_GROUPS_DROP ->
                            GroupsWithoutSignal.DROP;
                    case SIGNALLESS_GROUPS_KEEP -> GroupsWithoutSignal.KEEP;
                    case UNRECOGNIZED ->
                            factory.unrecognised(
                                    "objective.signalless_groups", GroupsWithoutSignal.DROP);
                };
        EntropySource source =
                switch (spec.getEntropySource()) {
                    case ENTROPY_SOURCE_UNSPECIFIED, ENTROPY_SOURCE_RECOMPUTED ->
                            EntropySource.RECOMPUTED;
                    case ENTROPY_SOURCE_ROLLOUT -> EntropySource.ROLLOUT;
                    case ENTROPY_SOURCE_CURRENT -> EntropySource.CURRENT;
                    case UNRECOGNIZED ->
                            factory.unrecognised(
                                    "objective.entropy_source", EntropySource.RECOMPUTED);
                };
        if (advantage == null
                || selector == null
                || surrogate == null
                || normaliser == null
                || !factory.problems.isEmpty()) {
            throw new InvalidObjectiveException(factory.problems);
        }
        return new Objective(
                shapers,
                advantage,
                groups,
                source,
                selector,
                weighters,
                surrogate,
                normaliser,
                terms);
    }

    /**
     * Everything that is wrong with a run's objective and planner: options out of range first, and
     * when there are none, contradictions.
     */
    static List<Problem> problems(ReinforcementSpec spec, long seed) {
        List<Problem> problems = new ArrayList<>();
        Optional<Objective> objective =
                tried(
                        problems,
                        () ->
                                objective(
                                        spec.getObjective(),
                                        spec.getSampling().getMaxTokens(),
                                        seed));
        Optional<RolloutPlanner> planner = tried(problems, () -> planner(spec.getPlanner()));
        if (objective.isPresent() && planner.isPresent()) {
            problems.addAll(
                    ObjectiveValidation.problems(
                            objective.get(),
                            new ObjectiveValidation.RunFacts(
                                    spec.getGroupSize(),
                                    planner.get(),
                                    spec.hasRescoreShare()
                                            ? OptionalDouble.of(spec.getRescoreShare())
                                            : OptionalDouble.empty(),
                                    !spec.getReferencePolicy().isEmpty(),
                                    true,
                                    true)));
        }
        return problems;
    }

    private static <T> Optional<T> tried(List<Problem> problems, Supplier<T> made) {
        try {
            return Optional.of(made.get());
        } catch (InvalidObjectiveException e) {
            problems.addAll(e.problems());
            return Optional.empty();
        }
    }

    /**
     * The specification with every absent part and option filled in, as {@link #objective} reads
     * it.
     */
    static ObjectiveSpec resolved(ObjectiveSpec spec, int maxTokens) {
        ObjectiveSpec.Builder out = spec.toBuilder();
        Objective defaults = Objective.defaults();
        if (spec.getSignallessGroups() == SignallessGroups.SIGNALLESS_GROUPS_UNSPECIFIED) {
            out.setSignallessGroups(SignallessGroups.SIGNALLESS_GROUPS_DROP);
        }
        if (spec.getEntropySource()
                == dev.forkpoint.proto.learner.v1.EntropySource.ENTROPY_SOURCE_UNSPECIFIED) {
            out.setEntropySource(
                    dev.forkpoint.proto.learner.v1.EntropySource.ENTROPY_SOURCE_RECOMPUTED);
        }
        fill(out.getAdvantageBuilder(), Parts.Kind.ADVANTAGE, defaults.advantage(), maxTokens);
        fill(out.getSelectorBuilder(), Parts.Kind.SELECTOR, defaults.selector(), maxTokens);
        fill(out.getSurrogateBuilder(), Parts.Kind.SURROGATE, defaults.surrogate(), maxTokens);
        fill(out.getNormaliserBuilder(), Parts.Kind.NORMALISER, defaults.normaliser(), maxTokens);
        out.getRewardShapersBuilderList()
                .forEach(b -> fill(b, Parts.Kind.REWARD_SHAPER, null, maxTokens));
        out.getWeightersBuilderList().forEach(b -> fill(b, Parts.Kind.WEIGHTER, null, maxTokens));
        out.getAuxiliaryTermsBuilderList()
                .forEach(b -> fill(b, Parts.Kind.AUXILIARY, null, maxTokens));
        return out.build();
    }

    /**
     * Fills one choice; without a choice and a default it stays empty, which {@link #objective}
     * refuses.
     */
    private static void fill(
            Message.Builder choice, Parts.Kind kind, @Nullable Object otherwise, int maxTokens) {
        FieldDescriptor chosen = chosen(choice);
        Object defaults;
        boolean made = chosen == null;
        if (chosen != null) {
            defaults = Parts.named(kind, chosen.getName()).defaults();
        } else if (otherwise != null) {
            defaults = otherwise;
            String name = otherwise.getClass().getAnnotation(Published.class).name();
            chosen = choice.getDescriptorForType().findFieldByName(name);
            choice.setField(chosen, choice.newBuilderForField(chosen).build());
        } else {
            return;
        }
        Message.Builder options = ((Message) choice.getField(chosen)).toBuilder();
        for (RecordComponent component : defaults.getClass().getRecordComponents()) {
            FieldDescriptor field =
                    options.getDescriptorForType().findFieldByName(snakeCase(component.getName()));
            Object value = value(component, defaults);
            if (field == null || value instanceof OptionalDouble) {
                continue;
            }
            boolean absent = made || (field.hasPresence() && !options.hasField(field));
            if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                Message.Builder nested = ((Message) options.getField(field)).toBuilder();
                fill(nested, kindOf(component.getType()), value, maxTokens);
                options.setField(field, nested.build());
            } else if (absent) {
                options.setField(field, value);
            } else if (field.getName().equals(MAX_TOKENS) && options.getField(field).equals(0)) {
                options.setField(field, maxTokens);
            }
        }
        choice.setField(chosen, options.build());
    }

    /**
     * The planner that a specification asks for.
     *
     * @throws InvalidObjectiveException with every problem
     */
    static RolloutPlanner planner(dev.forkpoint.proto.learner.v1.RolloutPlanner spec) {
        ObjectiveFactory factory = new ObjectiveFactory(0, 0);
        RolloutPlanner planner =
                factory.part("planner", spec, Parts.Kind.PLANNER, RolloutPlanner.class);
        if (planner == null) {
            throw new InvalidObjectiveException(factory.problems);
        }
        return planner;
    }

    private <T> T unrecognised(String field, T otherwise) {
        problems.add(new Problem(field, "unknown value (expected: one that this version knows)"));
        return otherwise;
    }

    private List<Objective.Weighted> terms(ObjectiveSpec spec) {
        List<Objective.Weighted> terms = new ArrayList<>();
        for (int i = 0; i < spec.getAuxiliaryTermsCount(); i++) {
            String path = "objective.auxiliary_terms[" + i + "]";
            double coefficient = spec.getAuxiliaryTerms(i).getCoefficient();
            AuxiliaryTerm term =
                    part(
                            path,
                            spec.getAuxiliaryTerms(i),
                            Parts.Kind.AUXILIARY,
                            AuxiliaryTerm.class);
            if (!(coefficient >= 0) || Double.isInfinite(coefficient)) {
                problems.add(
                        new Problem(
                                path + ".coefficient",
                                coefficient + " (expected: 0 or above, finite)"));
            } else if (term != null) {
                terms.add(new Objective.Weighted(term, coefficient));
            }
        }
        return terms;
    }

    private <T> List<T> list(
            String path, List<? extends Message> messages, Parts.Kind kind, Class<T> type) {
        List<T> parts = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            T part = part(path + "[" + i + "]", messages.get(i), kind, type);
            if (part != null) {
                parts.add(part);
            }
        }
        return parts;
    }

    /** The part in a message's only oneof, or null with a problem noted. */
    private <T> @Nullable T part(String path, Message choice, Parts.Kind kind, Class<T> type) {
        FieldDescriptor chosen = chosen(choice);
        if (chosen == null) {
            problems.add(new Problem(path, "absent (expected: one of " + names(kind) + ")"));
            return null;
        }
        Parts.Part part = Parts.named(kind, chosen.getName());
        Message options = (Message) choice.getField(chosen);
        String partPath = path + "." + chosen.getName();
        RecordComponent[] components = part.type().getRecordComponents();
        Object[] values = new Object[components.length];
        int problemsBefore = problems.size();
        for (int i = 0; i < components.length; i++) {
            values[i] = option(partPath, options, components[i], part.defaults());
        }
        return problems.size() > problemsBefore
                ? null
                : create(path, type, part.type(), components, values);
    }

    /** The set field of a message's first oneof, which is the choice; null where none is. */
    private static @Nullable FieldDescriptor chosen(MessageOrBuilder choice) {
        return choice.getOneofFieldDescriptor(choice.getDescriptorForType().getOneofs().get(0));
    }

    private static List<String> names(Parts.Kind kind) {
        return Parts.of(kind).stream().map(Parts.Part::name).toList();
    }

    private @Nullable Object option(
            String path, Message options, RecordComponent component, Object defaults) {
        String name = snakeCase(component.getName());
        FieldDescriptor field = options.getDescriptorForType().findFieldByName(name);
        if (field == null) {
            if (name.equals(SEED)) {
                return seed;
            }
            throw new IllegalStateException(
                    options.getDescriptorForType().getFullName()
                            + " has no field for the option "
                            + name);
        }
        boolean absent = field.hasPresence() && !options.hasField(field);
        if (component.getType() == OptionalDouble.class) {
            return absent
                    ? OptionalDouble.empty()
                    : OptionalDouble.of((Double) options.getField(field));
        }
        if (absent) {
            return value(component, defaults);
        }
        Object value = options.getField(field);
        if (value instanceof EnumValueDescriptor constant) {
            return constant(path + "." + name, constant, component.getType());
        }
        if (value instanceof Message nested) {
            return part(
                    path + "." + name, nested, kindOf(component.getType()), component.getType());
        }
        return name.equals(MAX_TOKENS) && value.equals(0) ? Integer.valueOf(maxTokens) : value;
    }

    private static Parts.Kind kindOf(Class<?> type) {
        return Arrays.stream(Parts.Kind.values())
                .filter(kind -> kind.type() == type)
                .findFirst()
                .orElseThrow();
    }

    private @Nullable Object constant(String path, EnumValueDescriptor value, Class<?> type) {
        String prefix = screamingSnakeCase(value.getType().getName()) + "_";
        for (Object constant : type.getEnumConstants()) {
            if (value.getName().equals(prefix + ((Enum<?>) constant).name())) {
                return constant;
            }
        }
        problems.add(
                new Problem(
                        path,
                        value.getName()
                                + " (expected: one of "
                                + Arrays.toString(type.getEnumConstants())
                                + ")"));
        return null;
    }

    private static Object value(RecordComponent component, Object part) {
        try {
            return component.getAccessor().invoke(part);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Calls the canonical constructor, whose message begins with the part's name and option. */
    private <T> @Nullable T create(
            String path,
            Class<T> type,
            Class<?> record,
            RecordComponent[] components,
            Object[] values) {
        try {
            Constructor<?> constructor =
                    record.getDeclaredConstructor(
                            Arrays.stream(components)
                                    .map(RecordComponent::getType)
                                    .toArray(Class<?>[]::new));
            return type.cast(constructor.newInstance(values));
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof IllegalArgumentException invalid) {
                String message = String.valueOf(invalid.getMessage());
                int colon = message.indexOf(": ");
                problems.add(
                        new Problem(
                                path + "." + message.substring(0, colon),
                                message.substring(colon + 2)));
                return null;
            }
            throw new IllegalStateException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(record + " cannot be made of its options", e);
        }
    }

    private static String snakeCase(String camelCase) {
        return camelCase.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }

    private static String screamingSnakeCase(String camelCase) {
        return snakeCase(camelCase).toUpperCase(Locale.ROOT);
    }
}
