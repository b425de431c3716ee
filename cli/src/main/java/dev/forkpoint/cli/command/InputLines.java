package dev.forkpoint.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.jerolba.carpet.CarpetReader;
import com.jerolba.carpet.CloseableIterator;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Reads rows: JSON Lines, or Parquet by its ending. */
final class InputLines {

    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    /**
     * One object of a file.
     *
     * @param source file and line or row, for messages
     * @param number of the line or row, from 1
     * @param value the object
     */
    record Line(String source, int number, ObjectNode value) {

        /** An error in this line. */
        UsageException error(String message) {
            return new UsageException(source + ": " + message);
        }

        /** The text of a key. */
        String text(String key) {
            JsonNode node = value.get(key);
            if (node == null || !node.isTextual()) {
                throw error(
                        "%s: found %s (allowed: text)"
                                .formatted(key, node == null ? "nothing" : node));
            }
            return node.asText();
        }

        /** Token ids of a key. */
        List<Integer> ids(String key) {
            JsonNode node = value.path(key);
            if (!node.isArray() || node.isEmpty()) {
                throw error(key + ": found " + node + " (allowed: a list of token ids, not empty)");
            }
            List<Integer> ids = new ArrayList<>(node.size());
            for (int i = 0; i < node.size(); i++) {
                JsonNode id = node.get(i);
                if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
                    throw error(
                            "%s[%d]: found %s (allowed: a token id, a whole number from 0)"
                                    .formatted(key, i, id));
                }
                ids.add(id.intValue());
            }
            return ids;
        }
    }

    private InputLines() {}

    /**
     * All objects of a file; blank lines are skipped.
     *
     * @param file path, or {@code -} for standard input
     * @throws UsageException if the file cannot be read, has no object, or a line is not one (names
     *     the line)
     */
    static List<Line> read(String file) {
        return file.endsWith(".parquet") ? parquet(Path.of(file)) : jsonLines(file);
    }

    private static List<Line> parquet(Path file) {
        requireFile(file);
        List<Line> rows = new ArrayList<>();
        try (CloseableIterator<?> all = new CarpetReader<>(file.toFile(), Map.class).iterator()) {
            for (int row = 1; all.hasNext(); row++) {
                rows.add(new Line(file + ":" + row, row, MAPPER.valueToTree(all.next())));
            }
        } catch (IOException | RuntimeException e) {
            throw new UsageException(file + ": not Parquet that can be read: " + e.getMessage(), e);
        }
        if (rows.isEmpty()) {
            throw new UsageException(file + ": empty (expected: one problem a row)");
        }
        return rows;
    }

    private static List<Line> jsonLines(String file) {
        String name = file.equals("-") ? "standard input" : file;
        List<Line> lines = new ArrayList<>();
        try (BufferedReader reader = open(file)) {
            int number = 0;
            for (String text = reader.readLine(); text != null; text = reader.readLine()) {
                number++;
                if (!text.isBlank()) {
                    lines.add(parse(name + ":" + number, number, text));
                }
            }
        } catch (CharacterCodingException e) {
            throw new UsageException(name + ": not UTF-8 text", e);
        } catch (IOException e) {
            throw new FailureException("cannot read " + name + ": " + e.getMessage(), e);
        }
        if (lines.isEmpty()) {
            throw new UsageException(name + ": empty (expected: one JSON object a line)");
        }
        return lines;
    }

    private static Line parse(String source, int number, String text) {
        try {
            JsonNode node = MAPPER.readTree(text);
            if (node instanceof ObjectNode object) {
                return new Line(source, number, object);
            }
            throw new UsageException(
                    source + ": found " + node.getNodeType() + " (expected: a JSON object)");
        } catch (JsonProcessingException e) {
            throw new UsageException(source + ": not JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static BufferedReader open(String file) throws IOException {
        InputStream stream;
        if (file.equals("-")) {
            stream = System.in;
        } else {
            requireFile(Path.of(file));
            stream = Files.newInputStream(Path.of(file));
        }
        return new BufferedReader(
                new InputStreamReader(stream, StandardCharsets.UTF_8.newDecoder()));
    }

    private static void requireFile(Path path) {
        if (!Files.isRegularFile(path)) {
            throw new UsageException(
                    "no file at "
                            + path.toAbsolutePath()
                            + (Files.isDirectory(path) ? " (it is a folder)" : ""));
        }
    }
}
