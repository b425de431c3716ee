package dev.forkpoint.learner.run;

import com.google.rpc.Code;
import dev.forkpoint.policy.checkpoint.AtomicFiles;
import dev.forkpoint.service.error.ServiceException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;

/** Where the parts of a run lie. One process owns a directory at a time. */
public final class RunDirectory implements AutoCloseable {

    private final Path root;
    private final FileChannel channel;
    private final FileLock lock;

    private RunDirectory(Path root, FileChannel channel, FileLock lock) {
        this.root = root;
        this.channel = channel;
        this.lock = lock;
    }

    /** Makes a directory for a new run; it must not exist or be empty. */
    public static RunDirectory create(Path root) {
        try {
            if (Files.exists(root)) {
                try (Stream<Path> inside = Files.list(root)) {
                    if (inside.findAny().isPresent()) {
                        throw invalid(root + " is not empty (resume it, or name another)");
                    }
                }
            }
            Files.createDirectories(root.resolve("checkpoints"));
            Files.createDirectories(root.resolve("policies"));
            Files.createDirectories(root.resolve("rollouts"));
            Files.createDirectories(root.resolve("journal"));
            return lock(root.toRealPath());
        } catch (IOException e) {
            throw invalid(root + " cannot be written: " + e);
        }
    }

    /** Opens the directory of a run that began before. */
    public static RunDirectory open(Path root) {
        if (!Files.isRegularFile(root.resolve("spec.pb"))) {
            throw invalid(root + " is no run directory (no spec.pb in it)");
        }
        try {
            return lock(root.toRealPath());
        } catch (IOException e) {
            throw invalid(root + " cannot be opened: " + e);
        }
    }

    private static RunDirectory lock(Path root) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (java.nio.channels.OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            channel.close();
            throw invalid(root + " is in use by another process");
        }
        return new RunDirectory(root, channel, lock);
    }

    private static ServiceException invalid(String message) {
        return new ServiceException(
                Code.FAILED_PRECONDITION, "RUN_DIRECTORY", "run_directory: " + message);
    }

    public Path root() {
        return root;
    }

    public Path spec() {
        return root.resolve("spec.pb");
    }

    public Path policies() {
        return root.resolve("policies");
    }

    /** Folder of the random model that a supervised run begins with, if it does. */
    public Path fresh() {
        return root.resolve("fresh");
    }

    /** Snapshot folder of a policy version. */
    public Path policy(long version) {
        return policies().resolve(Long.toString(version));
    }

    public Path checkpoints() {
        return root.resolve("checkpoints");
    }

    public Path rollouts() {
        return root.resolve("rollouts");
    }

    /** What has arrived of a step. */
    public Path journal(int step) {
        return root.resolve("journal").resolve(String.format("step-%06d.pb", step));
    }

    public Path metrics() {
        return root.resolve("metrics.jsonl");
    }

    public Path events() {
        return root.resolve("events.jsonl");
    }

    public Path summary() {
        return root.resolve("summary.json");
    }

    /** Writes a text file, all of it or nothing. */
    public void write(String name, String text) throws IOException {
        AtomicFiles.file(root.resolve(name), to -> Files.writeString(to, text));
    }

    @Override
    public void close() {
        try {
            lock.release();
            channel.close();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
