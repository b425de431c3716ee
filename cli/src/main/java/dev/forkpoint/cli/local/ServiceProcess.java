package dev.forkpoint.cli.local;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.forkpoint.cli.FailureException;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** One local service: a process of its own, with its log and its ready file in {@code folder}. */
final class ServiceProcess implements AutoCloseable {

    private static final int LOG_LINES_SHOWN = 15;
    private static final int LOG_BYTES_READ = 64 << 10;

    /** Keeps the terminal's Ctrl-C from the service: the command line ends it in order instead. */
    private static final List<String> WITHOUT_TERMINAL_SIGNALS =
            List.of("sh", "-c", "trap '' INT QUIT HUP; exec \"$@\"", "sh");

    private final Service service;
    private final Process process;
    private final Logs logs;
    private final Path readyFile;

    private ServiceProcess(Service service, Process process, Logs logs, Path readyFile) {
        this.service = service;
        this.process = process;
        this.logs = logs;
        this.readyFile = readyFile;
    }

    /**
     * Starts a service; it is not ready yet.
     *
     * @param javaOptions of the service's JVM
     * @param settings configuration keys and their values
     */
    static ServiceProcess start(
            Service service,
            Path jar,
            List<String> javaOptions,
            Map<String, String> settings,
            Logs logs) {
        if (!Files.isRegularFile(jar)) {
            throw new FailureException(
                    service.label() + "-service is not built: " + jar + " is missing");
        }
        Path readyFile = logs.folder().resolve(service.label() + ".ready.json");
        List<String> command = new ArrayList<>(WITHOUT_TERMINAL_SIGNALS);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(javaOptions);
        settings.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.add("-Dforkpoint.ready-file=" + readyFile);
        command.add("-jar");
        command.add(jar.toString());
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putIfAbsent("OMP_WAIT_POLICY", "passive");
        builder.redirectInput(new File("/dev/null"));
        builder.redirectErrorStream(true);
        try {
            Files.deleteIfExists(readyFile);
            builder.redirectOutput(logs.of(service).toFile());
            return new ServiceProcess(service, builder.start(), logs, readyFile);
        } catch (IOException e) {
            throw new FailureException(
                    "cannot start " + service.label() + "-service: " + e.getMessage(), e);
        }
    }

    /**
     * Waits until the service listens.
     *
     * @return host:port
     * @throws ServiceDiedException if it ended instead
     * @throws FailureException if it takes longer than the limit
     */
    String awaitReady(Duration limit) throws InterruptedException {
        long end = System.nanoTime() + limit.toNanos();
        while (!Files.exists(readyFile)) {
            checkAlive();
            if (System.nanoTime() > end) {
                throw new FailureException(
                        "%s-service was not ready after %d s; %s"
                                .formatted(service.label(), limit.toSeconds(), logExcerpt()));
            }
            process.waitFor(25, TimeUnit.MILLISECONDS);
        }
        try {
            JsonNode ready = JsonMapper.builder().build().readTree(readyFile.toFile());
            return ready.path("host").asText("127.0.0.1") + ":" + ready.path("port").asInt();
        } catch (IOException e) {
            throw new FailureException("cannot read " + readyFile + ": " + e.getMessage(), e);
        }
    }

    /**
     * @throws ServiceDiedException if the process has ended
     */
    void checkAlive() {
        if (!process.isAlive()) {
            throw new ServiceDiedException(
                    "%s-service (process %d) ended unexpectedly with %s; %s"
                            .formatted(
                                    service.label(),
                                    process.pid(),
                                    exitReason(process.exitValue()),
                                    logExcerpt()),
                    logs.of(service));
        }
    }

    long pid() {
        return process.pid();
    }

    /** Asks the process to drain and end. */
    void terminate() {
        process.destroy();
    }

    /** Waits for the end, and makes it come when it does not. */
    void awaitEnd(Duration grace) {
        boolean interrupted = false;
        try {
            if (process.waitFor(grace.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            interrupted = true;
        }
        process.destroyForcibly();
        process.onExit().join();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends the process at once. */
    @Override
    public void close() {
        process.destroyForcibly();
    }

    private static String exitReason(int code) {
        return code > 128 && code < 160
                ? "signal " + (code - 128) + (code == 137 ? " (killed, perhaps for memory)" : "")
                : "exit code " + code;
    }

    private String logExcerpt() {
        Path log = logs.of(service);
        List<String> lines = tail(log);
        return lines.isEmpty()
                ? "its log is " + log + " (empty)"
                : "its log is " + log + ", which ends:\n  " + String.join("\n  ", lines);
    }

    private static List<String> tail(Path log) {
        try (var channel = Files.newByteChannel(log)) {
            long size = channel.size();
            channel.position(Math.max(0, size - LOG_BYTES_READ));
            var buffer = java.nio.ByteBuffer.allocate((int) Math.min(size, LOG_BYTES_READ));
            while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
                // reads on until the end of the file
            }
            List<String> lines =
                    new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8)
                            .lines()
                            .filter(line -> !line.isBlank())
                            .toList();
            return lines.subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size());
        } catch (IOException e) {
            return List.of();
        }
    }
}
