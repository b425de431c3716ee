package dev.forkpoint.cli.output;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where a command writes.
 *
 * @param out data
 * @param err progress, logs and everything else
 * @param outTerminal whether a person reads {@code out}
 * @param errTerminal whether a person reads {@code err}
 * @param colour whether terminals may be coloured
 */
public record Console(
        PrintStream out,
        PrintStream err,
        boolean outTerminal,
        boolean errTerminal,
        boolean colour) {

    /**
     * The process's own streams in UTF-8. The launcher says by {@code -Dforkpoint.terminal} which
     * of {@code out} and {@code err} are terminals, since Java 17 only tells of all three together.
     */
    public static Console system() {
        String named = System.getProperty("forkpoint.terminal");
        Set<String> terminals =
                named == null
                        ? (System.console() == null ? Set.of() : Set.of("out", "err"))
                        : Set.of(named.split(",", -1));
        return new Console(
                stream(FileDescriptor.out),
                stream(FileDescriptor.err),
                terminals.contains("out"),
                terminals.contains("err"),
                System.getenv("NO_COLOR") == null && !"dumb".equals(System.getenv("TERM")));
    }

    /** One line to people. */
    public void note(String text) {
        err.println(text);
        err.flush();
    }

    /** An error to people. */
    public void error(@Nullable String text) {
        note("forkpoint: " + text);
    }

    /**
     * The text without control characters, so that what others wrote cannot drive the terminal;
     * line breaks stay.
     */
    public static String printable(String text) {
        StringBuilder clean = new StringBuilder(text.length());
        text.codePoints()
                .forEach(
                        c -> {
                            if (c == '\n' || c == '\t' || !Character.isISOControl(c)) {
                                clean.appendCodePoint(c);
                            } else {
                                clean.append('\uFFFD');
                            }
                        });
        return clean.toString();
    }

    private static PrintStream stream(FileDescriptor descriptor) {
        return new PrintStream(
                new java.io.BufferedOutputStream(new FileOutputStream(descriptor), 1 << 16),
                false,
                StandardCharsets.UTF_8);
    }
}
