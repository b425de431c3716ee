package dev.forkpoint.cli.recipe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.OneofDescriptor;
import com.google.protobuf.Struct;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Compares a tree with a message type and brings it into the form that protobuf's JSON parser
 * takes: keys in camelCase, enum values by their full name, and an empty key ({@code all_tokens:})
 * as the empty message that its writer meant, where the parser would silently leave it out.
 */
final class SpecChecker {

    private static final BigInteger UINT32_MAX =
            BigInteger.ONE.shiftLeft(32).subtract(BigInteger.ONE);
    private static final BigInteger UINT64_MAX =
            BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);

    private final List<String> problems;

    private SpecChecker(List<String> problems) {
        this.problems = problems;
    }

    /** The tree in parser's form; {@code problems} gets a line for each thing that is wrong. */
    static JsonNode check(JsonNode tree, Descriptor type, List<String> problems) {
        return new SpecChecker(problems).message(tree, type, "");
    }

    static boolean isStruct(Descriptor type) {
        return type.getFullName().equals(Struct.getDescriptor().getFullName());
    }

    static Optional<FieldDescriptor> find(Descriptor type, String key) {
        return type.getFields().stream()
                .filter(field -> field.getName().equals(key) || field.getJsonName().equals(key))
                .findFirst();
    }

    /** What to say of a key that does not exist. */
    static String unknownKey(Descriptor type, String path) {
        String key = path.substring(path.lastIndexOf('.') + 1);
        List<String> names = type.getFields().stream().map(FieldDescriptor::getName).toList();
        if (names.isEmpty()) {
            return path + ": unknown key (allowed here: none)";
        }
        String snake = key.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
        String nearest = names.get(0);
        for (String name : names) {
            if (distance(snake, name) < distance(snake, nearest)) {
                nearest = name;
            }
        }
        return "%s: unknown key; the nearest known one is %s (allowed here: %s)"
                .formatted(path, nearest, String.join(", ", names));
    }

    private JsonNode message(JsonNode node, Descriptor type, String path) {
        if (isStruct(type)) {
            return expect(node.isObject(), node, path, "a mapping");
        }
        if (!node.isObject()) {
            return expect(
                    false,
                    node,
                    path,
                    "a mapping with "
                            + String.join(
                                    ", ",
                                    type.getFields().stream()
                                            .map(FieldDescriptor::getName)
                                            .toList()));
        }
        ObjectNode checked = JsonNodeFactory.instance.objectNode();
        for (var entry : node.properties()) {
            String at = path.isEmpty() ? entry.getKey() : path + "." + entry.getKey();
            Optional<FieldDescriptor> field = find(type, entry.getKey());
            if (field.isEmpty()) {
                problems.add(unknownKey(type, at));
            } else if (checked.has(field.get().getJsonName())) {
                problems.add(
                        at
                                + ": given twice, as "
                                + field.get().getName()
                                + " and as "
                                + field.get().getJsonName());
            } else {
                checked.set(field.get().getJsonName(), field(entry.getValue(), field.get(), at));
            }
        }
        for (OneofDescriptor oneof : type.getRealOneofs()) {
            List<String> given =
                    oneof.getFields().stream()
                            .filter(field -> checked.has(field.getJsonName()))
                            .map(FieldDescriptor::getName)
                            .toList();
            if (given.size() > 1) {
                problems.add(
                        "%s: found %s (allowed: one of them)"
                                .formatted(
                                        path.isEmpty() ? oneof.getName() : path,
                                        String.join(" and ", given)));
            }
        }
        return checked;
    }

    private JsonNode field(JsonNode value, FieldDescriptor field, String path) {
        if (!field.isRepeated()) {
            return single(value, field, path);
        }
        if (!value.isArray()) {
            return expect(false, value, path, "a list");
        }
        ArrayNode list = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < value.size(); i++) {
            list.add(single(value.get(i), field, path + "[" + i + "]"));
        }
        return list;
    }

    private JsonNode single(JsonNode value, FieldDescriptor field, String path) {
        return switch (field.getType()) {
            case MESSAGE ->
                    message(
                            isEmpty(value) ? JsonNodeFactory.instance.objectNode() : value,
                            field.getMessageType(),
                            path);
            case ENUM -> enumValue(value, field.getEnumType(), path);
            case STRING -> expect(value.isTextual(), value, path, "text");
            case BOOL -> expect(value.isBoolean(), value, path, "true or false");
            case DOUBLE, FLOAT -> expect(isNumber(value), value, path, "a number");
            case UINT32, FIXED32 -> whole(value, UINT32_MAX, path);
            case UINT64, FIXED64 -> whole(value, UINT64_MAX, path);
            default -> throw new IllegalStateException(field.getFullName());
        };
    }

    /** A key without a value. */
    private static boolean isEmpty(JsonNode value) {
        return value.isNull() || (value.isTextual() && value.asText().isEmpty());
    }

    private static boolean isNumber(JsonNode value) {
        if (value.isTextual()) {
            // YAML 1.1 reads 1e-4, without a point, as text.
            try {
                return Double.isFinite(Double.parseDouble(value.asText()));
            } catch (NumberFormatException e) {
                return false;
            }
        }
        return value.isNumber() && Double.isFinite(value.asDouble());
    }

    private JsonNode whole(JsonNode value, BigInteger max, String path) {
        // protobuf's JSON writes 64-bit numbers as text
        boolean whole =
                value.isIntegralNumber()
                        || (value.isTextual() && value.asText().matches("\\d{1,20}"));
        boolean fits = false;
        if (whole) {
            BigInteger number = new BigInteger(value.asText());
            fits = number.signum() >= 0 && number.compareTo(max) <= 0;
        }
        return expect(fits, value, path, "a whole number from 0 to " + max);
    }

    private JsonNode enumValue(JsonNode value, EnumDescriptor type, String path) {
        String prefix =
                type.getName().replaceAll("([a-z0-9])([A-Z])", "$1_$2").toUpperCase(Locale.ROOT)
                        + "_";
        List<String> names =
                type.getValues().stream()
                        .map(EnumValueDescriptor::getName)
                        .filter(name -> !name.endsWith("_UNSPECIFIED"))
                        .toList();
        String asked = value.isTextual() ? value.asText().toUpperCase(Locale.ROOT) : "";
        for (String name : names) {
            if (name.equals(asked) || name.equals(prefix + asked)) {
                return JsonNodeFactory.instance.textNode(name);
            }
        }
        return expect(
                false,
                value,
                path,
                "one of "
                        + String.join(
                                ", ",
                                names.stream()
                                        .map(name -> name.substring(prefix.length()))
                                        .toList()));
    }

    private JsonNode expect(boolean right, JsonNode value, String path, String allowed) {
        if (!right) {
            problems.add(
                    "%s: found %s (allowed: %s)"
                            .formatted(path.isEmpty() ? "recipe" : path, describe(value), allowed));
        }
        return value;
    }

    private static String describe(JsonNode value) {
        return switch (value.getNodeType()) {
            case STRING -> isEmpty(value) ? "nothing" : "text \"" + value.asText() + "\"";
            case NUMBER, BOOLEAN -> value.asText();
            case ARRAY -> "a list";
            case OBJECT -> "a mapping";
            default -> "nothing";
        };
    }

    /** Levenshtein's edit distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substituted, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
