package dev.forkpoint.policy.checkpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Files and folders that appear whole or not at all: written beside, flushed to disk, then renamed.
 */
public final class AtomicFiles {

    /** Writes to the path it is given. */
    @FunctionalInterface
    public interface Writer {
        void write(Path target) throws IOException;
    }

    private AtomicFiles() {}

    /** Replaces or creates one file. What the writer leaves half done is removed. */
    public static void file(Path target, Writer writer) throws IOException {
        Path parent = absoluteParent(target);
        Files.createDirectories(parent);
        Path draft = Files.createTempFile(parent, "." + target.getFileName() + ".", ".tmp");
        try {
            writer.write(draft);
            flush(draft);
            move(draft, target);
            flush(parent);
        } finally {
            Files.deleteIfExists(draft);
        }
    }

    /**
     * Creates one folder.
     *
     * @throws FileAlreadyExistsException if there is something of that name
     */
    public static void directory(Path target, Writer writer) throws IOException {
        if (Files.exists(target)) {
            throw new FileAlreadyExistsException(target.toString());
        }
        Path parent = absoluteParent(target);
        Files.createDirectories(parent);
        Path draft = Files.createTempDirectory(parent, "." + target.getFileName() + ".");
        try {
            writer.write(draft);
            for (Path file : filesBelow(draft)) {
                flush(file);
            }
            flush(draft);
            Files.setPosixFilePermissions(
                    draft, java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
            move(draft, target);
            flush(parent);
        } finally {
            delete(draft);
        }
    }

    /** Removes a file or a folder with all it holds; nothing when there is none. */
    public static void delete(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        try (Stream<Path> below = Files.walk(path)) {
            for (Path p : below.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(p);
            }
        }
    }

    static List<Path> filesBelow(Path directory) throws IOException {
        try (Stream<Path> below = Files.walk(directory)) {
            return below.filter(Files::isRegularFile).sorted().toList();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static Path absoluteParent(Path target) {
        Path parent = target.toAbsolutePath().getParent();
        if (parent == null) {
            throw new IllegalArgumentException(
                    "target: " + target + " (expected: a path below a folder)");
        }
        return parent;
    }

    private static void move(Path draft, Path target) throws IOException {
        try {
            Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException(target + ": its file system has no atomic rename", e);
        }
    }

    private static void flush(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
