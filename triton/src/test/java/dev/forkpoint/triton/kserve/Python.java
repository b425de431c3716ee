package dev.forkpoint.triton.kserve;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A Python for the tests that want one: the system property {@code forkpoint.python}, else python3
 * on the path.
 */
public final class Python {

    private Python() {}

    /** Skips the test, saying so, where no Python has the modules. */
    public static Path with(String... modules) {
        String python = System.getProperty("forkpoint.python", "");
        if (python.isEmpty()) {
            python = System.getenv().getOrDefault("FORKPOINT_PYTHON", "python3");
        }
        boolean found;
        try {
            Process process =
                    new ProcessBuilder(python, "-c", "import " + String.join(", ", modules))
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start();
            found = process.waitFor(120, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException | InterruptedException e) {
            found = false;
        }
        assumeThat(found).as("%s has %s", python, String.join(", ", modules)).isTrue();
        return Path.of(python);
    }
}
