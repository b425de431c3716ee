package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.forkpoint.cli.command.Forkpoint;
import dev.forkpoint.cli.local.Installation;
import dev.forkpoint.cli.output.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** Every `./forkpoint …` line in the pages is one that the command line takes. */
class DocumentedCommandsDocTest {

    private static final Path ROOT = Cli.ROOT;
    private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)");

    static List<String> commands() throws IOException {
        List<Path> pages = new ArrayList<>();
        for (String at :
                List.of("README.md", "CONTRIBUTING.md", "docs", "models", "proto/python")) {
            try (Stream<Path> walk = Files.walk(ROOT.resolve(at))) {
                walk.filter(p -> p.toString().endsWith(".md")).sorted().forEach(pages::add);
            }
        }
        List<String> found = new ArrayList<>();
        for (Path page : pages) {
            boolean shell = false;
            StringBuilder command = new StringBuilder();
            for (String line : Files.readAllLines(page)) {
                if (line.startsWith("```")) {
                    shell = line.equals("```sh") || line.equals("```bash");
                } else if (shell && (command.length() > 0 || line.startsWith("./forkpoint "))) {
                    command.append(line.replaceAll("\\\\$", ""));
                    if (!line.endsWith("\\")) {
                        found.add(command.toString().replaceAll("\\s+(#|[|>&]).*", ""));
                        command.setLength(0);
                    }
                }
            }
        }
        return found;
    }

    @ParameterizedTest
    @MethodSource("commands")
    void isTakenByTheCommandLine(String command) {
        List<String> words = new ArrayList<>();
        Matcher matcher = WORD.matcher(command.substring("./forkpoint ".length()));
        while (matcher.find()) {
            for (int group = 1; group <= 3; group++) {
                if (matcher.group(group) != null) {
                    words.add(matcher.group(group));
                }
            }
        }

        assertThatCode(
                        () ->
                                new CommandLine(
                                                new Forkpoint(
                                                        Console.system(), new Installation(ROOT)))
                                        .parseArgs(words.toArray(String[]::new)))
                .as(command)
                .doesNotThrowAnyException();
    }

    @Test
    void thePagesShowCommands() throws IOException {
        assertThat(commands()).hasSizeGreaterThanOrEqualTo(5);
    }
}
