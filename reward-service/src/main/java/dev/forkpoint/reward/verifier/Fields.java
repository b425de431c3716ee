package dev.forkpoint.reward.verifier;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Typed reading of a JSON-like map (strings, numbers, booleans, lists, maps) whose errors name the
 * field, what was found and what is allowed.
 */
public final class Fields {
    private final String path;
    private final Map<String, Object> values;

    private Fields(String path, Map<String, Object> values) {
        this.path = path;
        this.values = values;
    }

    /**
     * @param path the name that errors put before a key, e.g. {@code options}
     * @param values JSON-like values
     */
    public static Fields of(String path, Map<String, Object> values) {
        return new Fields(path, values);
    }

    /** The untyped values. */
    public Map<String, Object> asMap() {
        return values;
    }

    /** Whether a key has a value. */
    public boolean has(String key) {
        return values.get(key) != null;
    }

    /**
     * @throws InvalidItemException if there is a key that is not allowed (names it and the allowed
     *     ones)
     */
    public void requireOnly(Set<String> allowed) {
        for (String key : values.keySet()) {
            if (!allowed.contains(key)) {
                throw new InvalidItemException(
                        path + "." + key,
                        "unknown (allowed: %s)"
                                .formatted(allowed.isEmpty() ? "none" : new TreeSet<>(allowed)));
            }
        }
    }

    public String text(String key, String fallback) {
        return has(key) ? text(key) : fallback;
    }

    public String text(String key) {
        if (required(key) instanceof String text) {
            return text;
        }
        throw wrongType(key, "text");
    }

    public boolean flag(String key, boolean fallback) {
        if (!has(key)) {
            return fallback;
        }
        if (values.get(key) instanceof Boolean flag) {
            return flag;
        }
        throw wrongType(key, "true or false");
    }

    /** A finite number within [low, high]. */
    public double number(String key, double fallback, double low, double high) {
        double value = has(key) ? number(key) : fallback;
        if (!(value >= low && value <= high)) {
            throw new InvalidItemException(
                    path + "." + key, "%s (allowed: %s to %s)".formatted(value, low, high));
        }
        return value;
    }

    public double number(String key) {
        if (required(key) instanceof Number number && Double.isFinite(number.doubleValue())) {
            return number.doubleValue();
        }
        throw wrongType(key, "a finite number");
    }

    /** A whole number within [low, high]. */
    public long whole(String key, long fallback, long low, long high) {
        return has(key) ? whole(key, required(key), low, high) : fallback;
    }

    public long whole(String key, long low, long high) {
        return whole(key, required(key), low, high);
    }

    /** A list of whole numbers within [low, high]. */
    public List<Long> wholes(String key, long low, long high) {
        List<Long> numbers = new ArrayList<>();
        for (Object element : list(key)) {
            numbers.add(whole(key, element, low, high));
        }
        return numbers;
    }

    /** A list of texts. */
    public List<String> texts(String key, List<String> fallback) {
        if (!has(key)) {
            return fallback;
        }
        List<String> texts = new ArrayList<>();
        for (Object element : list(key)) {
            if (!(element instanceof String text)) {
                throw wrongType(key, "a list of texts");
            }
            texts.add(text);
        }
        return texts;
    }

    /** A list of maps. */
    public List<Fields> maps(String key) {
        List<Fields> maps = new ArrayList<>();
        for (Object element : list(key)) {
            maps.add(map(path + "." + key + "[" + maps.size() + "]", element));
        }
        return maps;
    }

    /** A map; empty if there is none. */
    public Fields map(String key) {
        Object value = values.get(key);
        return value == null ? of(path + "." + key, Map.of()) : map(path + "." + key, value);
    }

    /** One of the allowed words. */
    public String choice(String key, String fallback, Set<String> allowed) {
        String value = text(key, fallback);
        if (!allowed.contains(value)) {
            throw new InvalidItemException(
                    path + "." + key,
                    "%s (allowed: %s)".formatted(quote(value), new TreeSet<>(allowed)));
        }
        return value;
    }

    private List<?> list(String key) {
        if (required(key) instanceof List<?> list) {
            return list;
        }
        throw wrongType(key, "a list");
    }

    private Object required(String key) {
        Object value = values.get(key);
        if (value == null) {
            throw new InvalidItemException(path + "." + key, "missing");
        }
        return value;
    }

    private long whole(String key, Object value, long low, long high) {
        if (!(value instanceof Number number)
                || number.doubleValue() != Math.rint(number.doubleValue())) {
            throw wrongType(key, "a whole number");
        }
        double real = number.doubleValue();
        if (!(real >= low && real <= high)) {
            throw new InvalidItemException(
                    path + "." + key, "%s (allowed: %d to %d)".formatted(number, low, high));
        }
        return number.longValue();
    }

    private static Fields map(String path, @Nullable Object value) {
        if (!(value instanceof Map<?, ?> map)) {
            throw new InvalidItemException(path, "%s (allowed: an object)".formatted(quote(value)));
        }
        Map<String, Object> typed =
                map.entrySet().stream()
                        .filter(entry -> entry.getValue() != null)
                        .collect(
                                Collectors.toMap(
                                        entry -> String.valueOf(entry.getKey()),
                                        Map.Entry::getValue));
        return of(path, typed);
    }

    private InvalidItemException wrongType(String key, String allowed) {
        return new InvalidItemException(
                path + "." + key, "%s (allowed: %s)".formatted(quote(values.get(key)), allowed));
    }

    private static String quote(@Nullable Object value) {
        String text = String.valueOf(value);
        return "\"" + (text.length() > 80 ? text.substring(0, 80) + "…" : text) + "\"";
    }
}
