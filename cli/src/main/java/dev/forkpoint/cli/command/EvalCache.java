package dev.forkpoint.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * Responses' outcomes by policy, problems and settings: one file for each, the settings in its
 * first line, then one response a line. A call that was interrupted goes on after the last whole
 * line.
 */
final class EvalCache {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path file;
    private final String head;

    /**
     * @param folder of the cache
     * @param settings everything that a response's outcome depends on
     */
    EvalCache(Path folder, ObjectNode settings) {
        head = settings.toString();
        file =
                folder.resolve(
                        hash(head.getBytes(StandardCharsets.UTF_8)).substring(0, 32) + ".jsonl");
    }

    /** The first outcomes, at most {@code most}. */
    List<EvalRun.Outcome> found(int most) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            List<EvalRun.Outcome> outcomes = new ArrayList<>();
            StringBuilder whole = new StringBuilder(head).append('\n');
            if (Files.exists(file)) {
                String text = Files.readString(file);
                // what follows the last line break was torn off
                List<String> lines = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
                if (!lines.isEmpty() && lines.get(0).equals(head)) {
                    for (String line : lines.subList(1, Math.min(lines.size(), most + 1))) {
                        outcomes.add(outcome(JSON.readTree(line)));
                        whole.append(line).append('\n');
                    }
                }
            }
            Files.writeString(file, whole);
            return outcomes;
        } catch (JsonProcessingException e) {
            throw new FailureException(file + " is damaged: delete it", e);
        } catch (IOException e) {
            throw new UsageException("--cache: " + file + ": " + e.getMessage(), e);
        }
    }

    /** Keeps the next outcomes. */
    void add(List<EvalRun.Outcome> outcomes) {
        StringBuilder lines = new StringBuilder();
        for (EvalRun.Outcome o : outcomes) {
            ObjectNode line = JSON.createObjectNode();
            line.put("correct", o.correct());
            line.put("tokens", o.tokens());
            line.put("truncated", o.truncated());
            if (Double.isFinite(o.entropySum())) {
                line.put("entropy_sum", o.entropySum());
            }
            lines.append(line).append('\n');
        }
        try {
            Files.writeString(file, lines, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new FailureException("--cache: cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    private static EvalRun.Outcome outcome(JsonNode line) {
        return new EvalRun.Outcome(
                line.path("correct").asBoolean(),
                line.path("tokens").asInt(),
                line.path("truncated").asBoolean(),
                line.path("entropy_sum").asDouble(Double.NaN));
    }

    /** SHA-256 over the files of a policy's folder, by name. */
    static String policyHash(Path folder) {
        MessageDigest digest = digest();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                digest.update(file.getFileName().toString().getBytes(StandardCharsets.UTF_8));
                digest.update((byte) 0);
                try (InputStream in = Files.newInputStream(file)) {
                    byte[] buffer = new byte[1 << 16];
                    for (int n = in.read(buffer); n > 0; n = in.read(buffer)) {
                        digest.update(buffer, 0, n);
                    }
                }
            }
        } catch (IOException e) {
            throw new UsageException("cannot read " + folder + ": " + e.getMessage(), e);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /** SHA-256 of bytes, hexadecimal. */
    static String hash(byte[] bytes) {
        return HexFormat.of().formatHex(digest().digest(bytes));
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
