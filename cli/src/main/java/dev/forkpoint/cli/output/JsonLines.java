package dev.forkpoint.cli.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.FailureException;
import java.io.PrintStream;
import java.util.List;

/** Writes one JSON value a line. */
public final class JsonLines {

    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private final PrintStream out;

    public JsonLines(PrintStream out) {
        this.out = out;
    }

    /** An empty object. */
    public static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    /** Floats in their shortest form that reads back equal; {@code null} where not finite. */
    public static ArrayNode floats(List<Float> values) {
        ArrayNode array = JsonNodeFactory.instance.arrayNode(values.size());
        for (Float value : values) {
            if (Float.isFinite(value)) {
                array.add(value.floatValue());
            } else {
                array.addNull();
            }
        }
        return array;
    }

    /** Ids, which are unsigned. */
    public static ArrayNode ids(List<Integer> values) {
        ArrayNode array = JsonNodeFactory.instance.arrayNode(values.size());
        for (Integer value : values) {
            array.add(Integer.toUnsignedLong(value));
        }
        return array;
    }

    /** A number, or {@code null} where not finite. */
    public static JsonNode number(double value) {
        return Double.isFinite(value)
                ? JsonNodeFactory.instance.numberNode(value)
                : JsonNodeFactory.instance.nullNode();
    }

    /**
     * Writes a line at once.
     *
     * @throws FailureException if the stream is gone (a closed pipe, a full disk)
     */
    public void write(JsonNode value) {
        try {
            out.println(MAPPER.writeValueAsString(value));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
        if (out.checkError()) {
            throw new FailureException("cannot write to standard output");
        }
    }
}
