package dev.forkpoint.reward.sandbox;

import dev.forkpoint.reward.verifier.UnavailableException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Runs one program in a process of its own under bubblewrap: new user, mount, pid, network, ipc and
 * uts namespaces, no capabilities, no environment, a read-only view of the system's programs, and a
 * small memory file system as its only place to write. Limits of CPU time, memory, file size, open
 * files and processes are the kernel's; wall time and output are watched from outside. Thread-safe.
 */
public final class Sandbox {
    /** The name of errors that a later attempt may not meet. */
    public static final String REASON = "SANDBOX_UNAVAILABLE";

    private static final boolean ROOT = "root".equals(System.getProperty("user.name"));
    private static final int TRIAL_PROCESSES = 16;
    private static final int MAX_ERROR = 2_000;
    private static final String TRIAL =
            "grep -v lo: /proc/net/dev | grep :\n"
                    + "ls -d /proc/[0-9]* | wc -l\n"
                    + "touch /usr/x /box/x /x 2>/dev/null && echo writable\n"
                    + "(i=0; while [ $i -lt 32 ]; do sleep 1 & i=$((i+1)); done; echo unlimited) 2>/dev/null\n"
                    + "echo end";
    private static final Duration CHECK = Duration.ofSeconds(20);

    /**
     * What one run may use.
     *
     * @param cpu CPU time, whole seconds
     * @param wall wall time
     * @param memoryBytes address space of each process
     * @param diskBytes size of /tmp, and of a file
     * @param processes processes and threads
     * @param outputBytes standard output; more ends the run
     */
    public record Limits(
            Duration cpu,
            Duration wall,
            long memoryBytes,
            long diskBytes,
            int processes,
            int outputBytes) {}

    /** How a run ended. */
    public enum End {
        EXITED,
        WALL_TIME,
        OUTPUT
    }

    /**
     * A run's result.
     *
     * @param exit the exit status if it exited by itself: 128 + n after signal n
     * @param error the beginning of standard error
     */
    public record Result(End end, int exit, String output, String error) {}

    private final String bubblewrap;
    private final String prlimit;
    private final List<Path> readOnly;

    private Sandbox(String bubblewrap, String prlimit, List<Path> readOnly) {
        this.bubblewrap = bubblewrap;
        this.prlimit = prlimit;
        this.readOnly = readOnly;
    }

    /**
     * A sandbox, once a trial run has shown that it isolates.
     *
     * @param bubblewrap the bwrap program, a path or a name on PATH
     * @param prlimit the prlimit program of util-linux
     * @param readOnly further paths that programs may read
     * @throws IllegalStateException if it cannot isolate: says what is missing
     */
    public static Sandbox open(String bubblewrap, String prlimit, List<Path> readOnly) {
        Sandbox sandbox = new Sandbox(bubblewrap, prlimit, List.copyOf(readOnly));
        Limits small = new Limits(CHECK, CHECK, 1L << 30, 1 << 20, TRIAL_PROCESSES, 10_000);
        Result trial;
        try {
            // No network device but loopback, no process but its own, no way to write outside /tmp,
            // and no more processes than allowed.
            trial = sandbox.run(List.of("/bin/sh", "-c", TRIAL), Map.of(), "", small);
        } catch (UnavailableException e) {
            throw cannot(e.getMessage() == null ? "" : e.getMessage());
        }
        List<String> lines = trial.output().lines().map(String::strip).toList();
        boolean isolated =
                trial.exit() == 0
                        && lines.size() == 2
                        && lines.get(0).matches("[1-9]")
                        && lines.get(1).equals("end");
        if (!isolated) {
            throw cannot(
                    "a trial run ended with status %d, output %s and error: %s"
                            .formatted(trial.exit(), lines, trial.error().strip()));
        }
        return sandbox;
    }

    private static IllegalStateException cannot(String why) {
        return new IllegalStateException(
                "forkpoint.reward.sandbox.enabled: true, but programs cannot be isolated here: %s. Needed: bubblewrap (bwrap) and util-linux (prlimit), and a kernel and container that allow unprivileged user namespaces"
                        .formatted(why));
    }

    /** Whether a program is there to be run. */
    public boolean has(List<String> command, Limits limits) {
        try {
            Result result = run(command, Map.of(), "", limits);
            return result.end() == End.EXITED && result.exit() == 0;
        } catch (UnavailableException e) {
            return false;
        }
    }

    /**
     * Runs a program to its end or to a limit.
     *
     * @param command program and arguments, as the sandbox sees them
     * @param files text files by name, read-only under /box
     * @param input standard input
     * @throws UnavailableException if the process cannot be started
     */
    public Result run(
            List<String> command, Map<String, String> files, String input, Limits limits) {
        Path box = null;
        Process process = null;
        try {
            box = Files.createTempDirectory("forkpoint-box");
            for (Map.Entry<String, String> file : files.entrySet()) {
                Path path = box.resolve(file.getKey());
                Files.writeString(path, file.getValue());
                Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("r--r--r--"));
            }
            Files.setPosixFilePermissions(box, PosixFilePermissions.fromString("rwxr-xr-x"));
            ProcessBuilder builder = new ProcessBuilder(arguments(box, command, limits));
            builder.environment().clear();
            process = builder.start();
            return watch(process, input, limits);
        } catch (IOException e) {
            throw new UnavailableException(REASON, "the sandbox: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UnavailableException(REASON, "the sandbox: interrupted");
        } finally {
            if (process != null) {
                // Its pid namespace dies with it, and all that it started.
                process.destroyForcibly();
            }
            delete(box);
        }
    }

    private List<String> arguments(Path box, List<String> command, Limits limits) {
        List<String> all = new ArrayList<>();
        if (ROOT) {
            // The kernel does not count root's processes.
            all.addAll(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
            all.addAll(List.of("--no-new-privs", "--"));
        }
        all.addAll(List.of(bubblewrap, "--unshare-all", "--die-with-parent", "--new-session"));
        all.addAll(List.of("--cap-drop", "ALL", "--hostname", "sandbox", "--clearenv"));
        all.addAll(List.of("--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp"));
        all.addAll(List.of("--setenv", "LANG", "C.UTF-8", "--ro-bind", "/usr", "/usr"));
        for (String name : List.of("bin", "sbin", "lib", "lib64")) {
            all.addAll(
                    Files.isSymbolicLink(Path.of("/" + name))
                            ? List.of("--symlink", "usr/" + name, "/" + name)
                            : List.of("--ro-bind-try", "/" + name, "/" + name));
        }
        for (String name : List.of("/etc/alternatives", "/etc/ld.so.cache")) {
            all.addAll(List.of("--ro-bind-try", name, name));
        }
        for (Path path : readOnly) {
            all.addAll(List.of("--ro-bind", path.toString(), path.toString()));
        }
        all.addAll(
                List.of("--proc", "/proc", "--dev", "/dev", "--ro-bind", box.toString(), "/box"));
        all.addAll(List.of("--size", Long.toString(limits.diskBytes()), "--tmpfs", "/tmp"));
        all.addAll(List.of("--chdir", "/tmp", "--remount-ro", "/", "--", prlimit));
        all.add("--cpu=" + limits.cpu().toSeconds());
        all.add("--as=" + limits.memoryBytes());
        all.add("--fsize=" + limits.diskBytes());
        all.add("--nproc=" + limits.processes());
        all.addAll(List.of("--nofile=128", "--core=0", "--"));
        all.addAll(command);
        return all;
    }

    private static Result watch(Process process, String input, Limits limits)
            throws InterruptedException, IOException {
        CompletableFuture<byte[]> output =
                read(process, process.getInputStream(), limits.outputBytes());
        CompletableFuture<byte[]> error = read(process, process.getErrorStream(), 64 * MAX_ERROR);
        CompletableFuture<Void> written =
                CompletableFuture.runAsync(() -> write(process.getOutputStream(), input));
        boolean exited = process.waitFor(limits.wall().toMillis(), TimeUnit.MILLISECONDS);
        if (!exited) {
            process.destroyForcibly().waitFor();
        }
        byte[] bytes = output.join();
        written.cancel(true);
        End end =
                bytes.length > limits.outputBytes()
                        ? End.OUTPUT
                        : exited ? End.EXITED : End.WALL_TIME;
        byte[] errors = error.join();
        return new Result(
                end,
                process.exitValue(),
                new String(
                        bytes,
                        0,
                        Math.min(bytes.length, limits.outputBytes()),
                        StandardCharsets.UTF_8),
                new String(errors, 0, Math.min(errors.length, MAX_ERROR), StandardCharsets.UTF_8));
    }

    /** Reads a stream to its end; one byte beyond the limit ends the process. */
    private static CompletableFuture<byte[]> read(Process process, InputStream in, int limit) {
        CompletableFuture<byte[]> result = new CompletableFuture<>();
        Thread reader =
                new Thread(
                        () -> {
                            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                            try (in) {
                                bytes.write(in.readNBytes(limit + 1));
                                if (bytes.size() > limit) {
                                    process.destroyForcibly();
                                }
                            } catch (IOException closed) {
                                // The process was ended: what it wrote until then counts.
                            }
                            result.complete(bytes.toByteArray());
                        },
                        "sandbox-reader");
        reader.setDaemon(true);
        reader.start();
        return result;
    }

    private static void write(OutputStream out, String input) {
        try (out) {
            out.write(input.getBytes(StandardCharsets.UTF_8));
        } catch (IOException closed) {
            // A program need not read its input.
        }
    }

    private static void delete(@org.jspecify.annotations.Nullable Path folder) {
        if (folder == null) {
            return;
        }
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            // A temporary folder that stays is no reason to lose a verdict.
        }
    }
}
