package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.cli.command.Forkpoint;
import dev.forkpoint.cli.local.Installation;
import dev.forkpoint.cli.output.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/**
 * docs/reference/cli.md is what the commands say of themselves. {@code
 * -Dforkpoint.update-docs=true} writes it anew.
 */
class ReferencePageTest {

    private static final Path PAGE = Cli.ROOT.resolve("docs/reference/cli.md");

    @Test
    void isWhatTheCommandsSayOfThemselves() throws IOException {
        String expected = page();
        if (Boolean.getBoolean("forkpoint.update-docs")) {
            Files.createDirectories(PAGE.getParent());
            Files.writeString(PAGE, expected);
        }
        assertThat(Files.readString(PAGE))
                .as("%s (write it anew with -Dforkpoint.update-docs=true)", PAGE)
                .isEqualTo(expected);
    }

    private static String page() {
        Console console = new Console(System.out, System.err, false, false, false);
        CommandLine root = new CommandLine(new Forkpoint(console, new Installation(Cli.ROOT)));
        StringBuilder page = new StringBuilder();
        page.append("# The command line\n\n")
                .append(
                        "Every command is a client of the services. Without `--address` it starts those that it needs as processes on free loopback ports and stops them at the end. Data go to standard output, everything else to standard error; files may be `-`. `generate`, `score` and `verify` print JSON Lines unless a person reads standard output on a terminal; `--json` makes sure of it.\n\n")
                .append(
                        "Environment: `FORKPOINT_JAVA_OPTS` adds JVM options to the services, `OMP_WAIT_POLICY` and `MALLOC_ARENA_MAX` are passed on (`passive` and `1` when not set), `NO_COLOR` turns colours off, `FORKPOINT_SKIP_BUILD=1` keeps the launcher from building.\n");
        append(page, root, "forkpoint");
        return page.toString();
    }

    private static void append(StringBuilder page, CommandLine command, String name) {
        command.setUsageHelpAutoWidth(false);
        command.setUsageHelpWidth(110);
        page.append("\n## ").append(name).append("\n\n```text\n");
        // The lists of exit codes and of common options are on the first entry alone.
        String usage = command.getUsageMessage(Ansi.OFF);
        if (!name.equals("forkpoint")) {
            usage =
                    usage.replaceFirst("(?s)\nExit codes:\n.*", "")
                            .replaceFirst("(?m)^  -h, --help .*\n", "")
                            .replaceFirst("(?m)^  -V, --version .*\n?", "");
        }
        page.append(usage.stripTrailing()).append("\n```\n");
        for (CommandLine sub : command.getSubcommands().values()) {
            append(page, sub, name + " " + sub.getCommandName());
        }
    }
}
