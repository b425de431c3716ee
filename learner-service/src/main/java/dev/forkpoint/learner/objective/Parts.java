package dev.forkpoint.learner.objective;

import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * The registry of parts. A part is registered by standing in the {@code permits} clause of its
 * interface; what {@code --help}, the reference page and the property tests say of it is read from
 * its class.
 */
public final class Parts {
    private Parts() {}

    /** The kinds of part, in the order in which a step meets them. */
    public enum Kind {
        REWARD_SHAPER("reward shaper", RewardShaper.class),
        ADVANTAGE("advantage estimator", AdvantageEstimator.class),
        SELECTOR("token selector", TokenSelector.class),
        WEIGHTER("token weighter", TokenWeighter.class),
        SURROGATE("surrogate", Surrogate.class),
        RATIO("ratio reducer", RatioReducer.class),
        NORMALISER("normaliser", Normaliser.class),
        AUXILIARY("auxiliary term", AuxiliaryTerm.class),
        PLANNER("rollout planner", RolloutPlanner.class);

        private final String title;
        private final Class<?> type;

        Kind(String title, Class<?> type) {
            this.title = title;
            this.type = type;
        }

        public String title() {
            return title;
        }

        public Class<?> type() {
            return type;
        }
    }

    /**
     * A registered part.
     *
     * @param type the record that computes it
     */
    public record Part(Kind kind, Class<?> type, Published published, List<PartOption> options) {
        public String name() {
            return published.name();
        }

        /** The part with the options that its recipe leaves out. */
        public Object defaults() {
            try {
                return type.getMethod("defaults").invoke(null);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(type.getName() + " has no defaults()", e);
            }
        }
    }

    /**
     * An option of a part.
     *
     * @param name as in recipes
     * @param meaning with unit and range
     * @param absent what its absence from a recipe means: a default, or in words
     */
    public record PartOption(String name, String meaning, String absent) {}

    /** All parts, by kind. */
    public static List<Part> all() {
        return Arrays.stream(Kind.values()).flatMap(kind -> of(kind).stream()).toList();
    }

    /** The parts of a kind, in the order of its {@code permits} clause. */
    public static List<Part> of(Kind kind) {
        List<Part> parts = new ArrayList<>();
        collect(kind, kind.type, parts);
        return parts;
    }

    /** The part of a kind with a name, as recipes write it. */
    public static Part named(Kind kind, String name) {
        return of(kind).stream()
                .filter(part -> part.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        kind.title
                                                + ": "
                                                + name
                                                + " (expected: one of "
                                                + of(kind).stream().map(Part::name).toList()
                                                + ")"));
    }

    private static void collect(Kind kind, Class<?> type, List<Part> parts) {
        for (Class<?> permitted : type.getPermittedSubclasses()) {
            if (Modifier.isInterface(permitted.getModifiers())) {
                collect(kind, permitted, parts);
            } else {
                parts.add(part(kind, permitted));
            }
        }
    }

    private static Part part(Kind kind, Class<?> type) {
        Published published = type.getAnnotation(Published.class);
        if (published == null) {
            throw new IllegalStateException(type.getName() + " lacks @Published");
        }
        Object defaults = new Part(kind, type, published, List.of()).defaults();
        List<PartOption> options = new ArrayList<>();
        for (RecordComponent component : type.getRecordComponents()) {
            Option option = component.getAnnotation(Option.class);
            if (option == null) {
                throw new IllegalStateException(
                        type.getName() + "." + component.getName() + " lacks @Option");
            }
            options.add(
                    new PartOption(
                            snakeCase(component.getName()),
                            option.value(),
                            option.absent().isEmpty()
                                    ? text(defaults, component)
                                    : option.absent()));
        }
        return new Part(kind, type, published, options);
    }

    private static String text(Object defaults, RecordComponent component) {
        try {
            Object value = component.getAccessor().invoke(defaults);
            if (value instanceof OptionalDouble optional) {
                return optional.isPresent() ? String.valueOf(optional.getAsDouble()) : "absent";
            }
            Published published = value.getClass().getAnnotation(Published.class);
            if (published != null) {
                return published.name();
            }
            return value instanceof Enum<?> constant ? constant.name() : String.valueOf(value);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String snakeCase(String camelCase) {
        return camelCase.replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }
}
