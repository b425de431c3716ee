package dev.forkpoint.cli.command;

import dev.forkpoint.cli.FailureException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** Files that a measurement leaves behind for nobody. */
final class BenchFiles {

    private BenchFiles() {}

    static Path temporaryFolder() {
        try {
            return Files.createTempDirectory("forkpoint-bench-").toRealPath();
        } catch (IOException e) {
            throw new FailureException("cannot make a temporary folder: " + e.getMessage(), e);
        }
    }

    static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // the system clears its temporary folder
        }
    }
}
