package dev.forkpoint.cli.recipe;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.proto.learner.v1.RunSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads and writes {@link RunSpec} as YAML. Keys may be camelCase or snake_case. */
public final class Recipe {

    private static final YAMLMapper YAML =
            YAMLMapper.builder(
                            YAMLFactory.builder()
                                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                                    .build())
                    .build();

    private static final Pattern SEGMENT = Pattern.compile("([A-Za-z0-9_]+)((?:\\[\\d+])*)");

    private Recipe() {}

    /**
     * Reads a recipe and changes it.
     *
     * @param file YAML of {@code learner.v1.RunSpec}
     * @param assignments {@code path=value}, applied in order: the path's keys are separated by
     *     dots, elements of lists are {@code [i]}, values are YAML. A member of a oneof replaces
     *     the one that the recipe has
     * @throws UsageException naming every key and value that is wrong
     */
    public static RunSpec load(Path file, List<String> assignments) {
        return resolve(parse(file), file.toString(), assignments);
    }

    /** The same from text; {@code origin} names it in messages. */
    public static RunSpec read(String yaml, String origin, List<String> assignments) {
        return resolve(parse(yaml, origin), origin, assignments);
    }

    /** As YAML, with keys in snake_case. */
    public static String write(RunSpec spec) {
        try {
            String json = JsonFormat.printer().preservingProtoFieldNames().print(spec);
            return YAML.writeValueAsString(YAML.readTree(json)).replaceFirst("^---\\s*", "");
        } catch (InvalidProtocolBufferException | JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static RunSpec resolve(JsonNode tree, String origin, List<String> assignments) {
        List<String> problems = new ArrayList<>();
        JsonNode checked = SpecChecker.check(tree, RunSpec.getDescriptor(), problems);
        throwIfAny(origin, problems);
        for (String assignment : assignments) {
            assign((ObjectNode) checked, assignment);
        }
        checked = SpecChecker.check(checked, RunSpec.getDescriptor(), problems);
        throwIfAny("--set", problems);
        return build(checked, origin);
    }

    private static RunSpec build(JsonNode tree, String origin) {
        RunSpec.Builder builder = RunSpec.newBuilder();
        try {
            JsonFormat.parser().merge(tree.toString(), (Message.Builder) builder);
        } catch (InvalidProtocolBufferException e) {
            throw new UsageException(origin + ": " + e.getMessage(), e);
        }
        return builder.build();
    }

    private static void throwIfAny(String origin, List<String> problems) {
        if (!problems.isEmpty()) {
            throw new UsageException(
                    problems.size() == 1
                            ? origin + ": " + problems.get(0)
                            : origin + ":\n  " + String.join("\n  ", problems));
        }
    }

    private static JsonNode parse(Path file) {
        try {
            return parse(Files.readString(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new UsageException("no recipe at " + file.toAbsolutePath(), e);
        } catch (IOException e) {
            throw new UsageException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private static JsonNode parse(String yaml, String origin) {
        try {
            JsonNode tree = YAML.readTree(yaml);
            if (tree == null || tree instanceof MissingNode || tree.isNull()) {
                throw new UsageException(origin + ": empty (expected: a recipe)");
            }
            return tree;
        } catch (JsonProcessingException e) {
            var place = e.getLocation();
            throw new UsageException(
                    "%s%s: not YAML: %s"
                            .formatted(
                                    origin,
                                    place == null
                                            ? ""
                                            : ":" + place.getLineNr() + ":" + place.getColumnNr(),
                                    e.getOriginalMessage().lines().findFirst().orElse("")),
                    e);
        }
    }

    private static void assign(ObjectNode root, String assignment) {
        int equals = assignment.indexOf('=');
        if (equals <= 0) {
            throw new UsageException("--set " + assignment + " (expected: path=value)");
        }
        String path = assignment.substring(0, equals).trim();
        JsonNode value;
        try {
            value = YAML.readTree(assignment.substring(equals + 1));
        } catch (JsonProcessingException e) {
            throw new UsageException(
                    "--set " + path + ": value is not YAML: " + e.getOriginalMessage(), e);
        }
        if (value instanceof MissingNode) {
            value = YAML.getNodeFactory().nullNode();
        }
        ObjectNode node = root;
        Descriptor type = RunSpec.getDescriptor();
        String[] segments = path.split("\\.", -1);
        StringBuilder at = new StringBuilder();
        for (int i = 0; i < segments.length; i++) {
            Matcher segment = SEGMENT.matcher(segments[i]);
            if (!segment.matches()) {
                throw new UsageException("--set " + path + ": cannot read '" + segments[i] + "'");
            }
            boolean last = i == segments.length - 1;
            if (SpecChecker.isStruct(type)) {
                if (last) {
                    node.set(segments[i], value);
                } else {
                    node = node.withObjectProperty(segments[i]);
                }
                continue;
            }
            String key = segment.group(1);
            FieldDescriptor field =
                    SpecChecker.find(type, key).orElseThrow(unknown(type, at + key));
            at.append(key).append(segment.group(2)).append('.');
            clearSiblings(node, field);
            String brackets = segment.group(2);
            if (!brackets.isEmpty()) {
                node = element(node, field, brackets, "--set " + path, last, value);
            } else if (last) {
                node.set(field.getJsonName(), value);
            } else {
                requireMessage(field, path);
                node = node.withObjectProperty(field.getJsonName());
            }
            if (!last) {
                requireMessage(field, path);
                type = field.getMessageType();
            }
        }
    }

    private static java.util.function.Supplier<UsageException> unknown(
            Descriptor type, String path) {
        return () -> new UsageException("--set " + SpecChecker.unknownKey(type, path));
    }

    private static ObjectNode element(
            ObjectNode node,
            FieldDescriptor field,
            String brackets,
            String where,
            boolean last,
            JsonNode value) {
        if (!field.isRepeated()) {
            throw new UsageException(where + ": " + field.getName() + " is not a list");
        }
        ArrayNode list = node.withArrayProperty(field.getJsonName());
        int index = Integer.parseInt(brackets.substring(1, brackets.indexOf(']')));
        if (index > list.size()) {
            throw new UsageException(
                    "%s: index %d (allowed: 0 to %d)".formatted(where, index, list.size()));
        }
        if (index == list.size()) {
            list.addObject();
        }
        if (last) {
            list.set(index, value);
            return node;
        }
        return (ObjectNode) list.get(index);
    }

    private static void requireMessage(FieldDescriptor field, String path) {
        if (field.getJavaType() != FieldDescriptor.JavaType.MESSAGE) {
            throw new UsageException(
                    "--set " + path + ": " + field.getName() + " has no parts of its own");
        }
    }

    /** What is set takes the place of the oneof's other members. */
    private static void clearSiblings(ObjectNode node, FieldDescriptor field) {
        if (field.getRealContainingOneof() != null) {
            for (FieldDescriptor sibling : field.getRealContainingOneof().getFields()) {
                if (!sibling.equals(field)) {
                    node.remove(sibling.getJsonName());
                }
            }
        }
    }
}
