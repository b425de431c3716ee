package dev.forkpoint.cli.local;

import dev.forkpoint.cli.FailureException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * Folder of the logs of a local set of services. It can move while they write: open files go with
 * it.
 */
final class Logs {

    private volatile Path folder;

    private Logs(Path folder) {
        this.folder = folder;
    }

    /** A new folder in {@code parent}, which is made when missing. */
    static Logs in(Path parent) {
        try {
            Files.createDirectories(parent);
            return new Logs(Files.createTempDirectory(parent, ".services-").toRealPath());
        } catch (IOException e) {
            throw new FailureException("cannot write in " + parent + ": " + e.getMessage(), e);
        }
    }

    Path folder() {
        return folder;
    }

    Path of(Service service) {
        return folder.resolve(service.label() + "-service.log");
    }

    /**
     * Moves to {@code target}, or to the first of {@code target}-2, {@code target}-3, … that is
     * free.
     */
    void moveTo(Path target) {
        Path free = target;
        for (int i = 2; Files.exists(free); i++) {
            free = target.resolveSibling(target.getFileName() + "-" + i);
        }
        try {
            Files.move(folder, free);
            folder = free;
        } catch (IOException e) {
            // the logs stay where they are, and every message names that place
        }
    }

    /** Removes the folder; for logs that nobody needs. */
    void delete() {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            // a left-over log does no harm
        }
    }
}
