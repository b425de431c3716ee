package dev.forkpoint.policy;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A Python with the peers, named by -Dforkpoint.python (default python3). Tests that ask for it are
 * skipped where it is missing.
 */
public final class PythonPeer {

    private PythonPeer() {}

    /** Skips the test unless all modules can be imported. */
    public static void assumeModules(String... modules) throws IOException, InterruptedException {
        Result r;
        try {
            r = run("-c", "import " + String.join(", ", modules));
        } catch (IOException e) {
            r = new Result(-1, "");
        }
        Assumptions.assumeTrue(
                r.code == 0,
                "skipped: "
                        + python()
                        + " has not all of "
                        + String.join(", ", modules)
                        + " (name another with -Dforkpoint.python)");
    }

    /** What a run gave. */
    public record Result(int code, String output) {}

    public static String python() {
        return System.getProperty("forkpoint.python", "python3");
    }

    public static Path script(String name) {
        return Path.of("src", "test", "python", name);
    }

    /** Runs Python, with errors to this process's own stderr. */
    public static Result run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(python(), "-W", "ignore"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectError(new File("/dev/null")).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(300, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new IOException(command + ": no end after 300 s");
        }
        return new Result(process.exitValue(), output);
    }
}
