package dev.forkpoint.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What tests read of a run's directory. */
final class RunFiles {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private RunFiles() {}

    /** metrics.jsonl, a step a line. */
    static List<JsonNode> metrics(Path run) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    /** The metrics of a run that do not depend on the clock. */
    static List<String> replayable(Path run) throws IOException {
        return metrics(run).stream()
                .map(
                        line ->
                                line.properties().stream()
                                        .filter(
                                                e ->
                                                        e.getKey()
                                                                .matches(
                                                                        "step|loss|(reward|entropy|mask|advantage|length)/.*"))
                                        .map(e -> e.getKey() + "=" + e.getValue())
                                        .sorted()
                                        .collect(Collectors.joining(" ")))
                .toList();
    }
}
