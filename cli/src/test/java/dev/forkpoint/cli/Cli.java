package dev.forkpoint.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.forkpoint.cli.command.Forkpoint;
import dev.forkpoint.cli.local.Installation;
import dev.forkpoint.cli.output.Console;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Runs the command line inside the test's process and keeps what it wrote. */
public final class Cli {

    /** The checkout. */
    public static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    private Cli() {}

    /** What a command wrote and how it ended. */
    public record Result(int code, String out, String err) {

        /** Standard output as JSON Lines. */
        public List<JsonNode> json() {
            JsonMapper mapper = JsonMapper.builder().build();
            return out.lines()
                    .map(
                            line -> {
                                try {
                                    return mapper.readTree(line);
                                } catch (JsonProcessingException e) {
                                    throw new AssertionError("not JSON: " + line, e);
                                }
                            })
                    .toList();
        }
    }

    public static Result run(String... arguments) {
        return run(false, arguments);
    }

    /** As if a person sat at a terminal with colours. */
    public static Result runAtTerminal(String... arguments) {
        return run(true, arguments);
    }

    private static Result run(boolean terminal, String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console =
                new Console(
                        new PrintStream(out, true, StandardCharsets.UTF_8),
                        new PrintStream(err, true, StandardCharsets.UTF_8),
                        terminal,
                        terminal,
                        terminal);
        int code = Main.execute(new Forkpoint(console, new Installation(ROOT)), arguments);
        return new Result(
                code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
