package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.forkpoint.cli.local.Service;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One packaged service in a process of its own, with the settings of a test. */
final class RealService implements AutoCloseable {

    private static final HttpClient HTTP =
            HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .connectTimeout(Duration.ofSeconds(10))
                    .build();

    private final Service service;
    private final Process process;
    private final Path log;
    private final Path readyFile;

    private RealService(Service service, Process process, Path log, Path readyFile) {
        this.service = service;
        this.process = process;
        this.log = log;
        this.readyFile = readyFile;
    }

    /** Starts it; it does not listen yet. */
    static RealService start(
            Path folder, String name, Service service, Map<String, String> settings)
            throws IOException {
        Path jar =
                Cli.ROOT.resolve(service.label() + "-service/target/quarkus-app/quarkus-run.jar");
        assertThat(jar).as("packaged by the build before this test").isRegularFile();
        Path log = folder.resolve(name + ".log");
        Path ready = folder.resolve(name + ".ready.json");
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "-Xmx768m",
                                "-Dquarkus.http.host=127.0.0.1",
                                "-Dquarkus.http.port=0",
                                "-Dforkpoint.ready-file=" + ready,
                                "-Dforkpoint.parent-pid=" + ProcessHandle.current().pid()));
        settings.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.addAll(List.of("-jar", jar.toString()));
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .redirectInput(new File("/dev/null"));
        builder.environment().put("OMP_WAIT_POLICY", "passive");
        return new RealService(service, builder.start(), log, ready);
    }

    /** Waits until it listens, and says where. */
    String address() throws IOException, InterruptedException {
        for (int i = 0; !Files.exists(readyFile); i++) {
            assertThat(process.isAlive() && i < 3600).as(log()).isTrue();
            process.waitFor(50, TimeUnit.MILLISECONDS);
        }
        var ready = JsonMapper.builder().build().readTree(readyFile.toFile());
        return ready.get("host").asText() + ":" + ready.get("port").asInt();
    }

    /** A channel without TLS; the caller ends it. */
    ManagedChannel channel() throws IOException, InterruptedException {
        return ManagedChannelBuilder.forTarget(address())
                .usePlaintext()
                .maxInboundMessageSize(64 << 20)
                .build();
    }

    /** Waits for a process that ends by itself. */
    int exitCode() throws InterruptedException {
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("ends by itself").isTrue();
        return process.exitValue();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** kill -9. */
    void kill() {
        process.destroyForcibly();
        process.onExit().join();
    }

    String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    String get(String path) throws IOException, InterruptedException {
        return HTTP.send(
                        HttpRequest.newBuilder(URI.create("http://" + address() + path))
                                .timeout(Duration.ofSeconds(30))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
    }

    /** Sum of a metric over its labels; 0 when it is not there yet. */
    double metric(String name) throws IOException, InterruptedException {
        Matcher m =
                Pattern.compile("(?m)^" + name + "(?:\\{[^}]*})?\\s+(\\S+)")
                        .matcher(get("/q/metrics"));
        double sum = 0;
        while (m.find()) {
            sum += Double.parseDouble(m.group(1));
        }
        return sum;
    }

    /** {@code VmRSS} of the process, MiB. */
    double residentMib() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024;
            }
        }
        throw new IOException(service + ": no VmRSS");
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
