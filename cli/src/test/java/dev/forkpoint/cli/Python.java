package dev.forkpoint.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A Python for the tests that want one: the system property {@code forkpoint.python}, else the
 * environment's {@code FORKPOINT_PYTHON}, else python3. Tests are skipped, saying so, where it
 * lacks a module.
 */
final class Python {

    private final String executable;

    private Python(String executable) {
        this.executable = executable;
    }

    static Python with(String... modules) throws Exception {
        String executable = System.getProperty("forkpoint.python", "");
        if (executable.isEmpty()) {
            executable = System.getenv().getOrDefault("FORKPOINT_PYTHON", "python3");
        }
        Python python = new Python(executable);
        boolean found;
        try {
            found = python.run("-c", "import " + String.join(", ", modules)).code() == 0;
        } catch (IOException e) {
            found = false;
        }
        assumeTrue(
                found,
                executable
                        + " has not all of "
                        + List.of(modules)
                        + "; name another with -Dforkpoint.python");
        return python;
    }

    /** Runs a script with the stubs of the checkout. */
    Cli.Result run(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(executable));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("PYTHONPATH", Cli.ROOT.resolve("proto/python").toString());
        builder.environment().put("PYTHONDONTWRITEBYTECODE", "1");
        Path err = java.nio.file.Files.createTempFile("python", ".err");
        Process process = builder.redirectError(err.toFile()).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int code = process.waitFor();
        String errors = java.nio.file.Files.readString(err);
        java.nio.file.Files.delete(err);
        return new Cli.Result(code, out, errors);
    }
}
