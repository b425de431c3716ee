package dev.forkpoint.cli.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.forkpoint.cli.Main;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command as a process of its own, with fake services as processes of their own. */
@Timeout(120)
class LocalProcessTest {

    @TempDir Path folder;
    private Path home;
    private final List<ProcessHandle> toEnd = new ArrayList<>();

    @BeforeEach
    void install() throws IOException {
        home = Files.createDirectories(folder.resolve("a home, with blanks"));
        Files.createDirectories(home.resolve("recipes"));
        Files.createDirectories(home.resolve("models/countdown-base"));
        Files.copy(Path.of("../recipes/quickstart.yaml"), home.resolve("recipes/quickstart.yaml"));
        for (Service service : Service.values()) {
            Path jar = new Installation(home).jar(service);
            Files.createDirectories(jar.getParent());
            writeJar(jar);
        }
    }

    /** A jar that only says where the classes are. */
    private static void writeJar(Path jar) throws IOException {
        Manifest manifest = new Manifest();
        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.put(Attributes.Name.MAIN_CLASS, FakeService.class.getName());
        attributes.put(
                Attributes.Name.CLASS_PATH,
                Arrays.stream(System.getProperty("java.class.path").split(":"))
                        .map(entry -> Path.of(entry).toUri().toString())
                        .collect(Collectors.joining(" ")));
        new JarOutputStream(Files.newOutputStream(jar), manifest).close();
    }

    @AfterEach
    void endEverything() {
        toEnd.forEach(ProcessHandle::destroyForcibly);
    }

    private Process forkpoint(Map<String, String> environment, String... arguments)
            throws IOException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:TieredStopAtLevel=1",
                                "-cp",
                                System.getProperty("java.class.path"),
                                "-Dforkpoint.home=" + home,
                                "-Dforkpoint.terminal=",
                                Main.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        // quick starts matter more than fast services here
        builder.environment().put("FORKPOINT_JAVA_OPTS", "-XX:TieredStopAtLevel=1");
        builder.environment().putAll(environment);
        Process process = builder.start();
        toEnd.add(process.toHandle());
        return process;
    }

    private static String rest(BufferedReader reader) {
        return reader.lines().collect(Collectors.joining("\n"));
    }

    private static BufferedReader errors(Process process) {
        return new BufferedReader(
                new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
    }

    /** Reads lines until one contains the text; all that were read. */
    private static String until(BufferedReader reader, String text) throws IOException {
        StringBuilder seen = new StringBuilder();
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            seen.append(line).append('\n');
            if (line.contains(text)) {
                return seen.toString();
            }
        }
        throw new AssertionError("ended before \"" + text + "\":\n" + seen);
    }

    private List<ProcessHandle> children(Process process) {
        List<ProcessHandle> children = process.toHandle().descendants().toList();
        toEnd.addAll(children);
        return children;
    }

    private static void assertGone(List<ProcessHandle> processes) throws Exception {
        for (ProcessHandle process : processes) {
            process.onExit().get(30, TimeUnit.SECONDS);
        }
    }

    private static void signal(Process process, String name) throws Exception {
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
    }

    private Process serve(Path ready) throws IOException {
        Process process = forkpoint(Map.of(), "serve", "--ready-file", ready.toString());
        until(errors(process), "ready; Ctrl-C stops");
        return process;
    }

    @Test
    void serveSaysWhereEverythingIsAndStopsInOrderWhenTold() throws Exception {
        Path ready = folder.resolve("state/ready.json");
        Process process = serve(ready);
        JsonNode state = JsonMapper.builder().build().readTree(ready.toFile());
        List<ProcessHandle> children = children(process);
        assertThat(children).hasSize(4);
        for (Service service : Service.values()) {
            assertThat(state.get(service.label()).asText()).matches("127\\.0\\.0\\.1:\\d+");
            assertThat(children)
                    .extracting(ProcessHandle::pid)
                    .contains(state.get("pids").get(service.label()).asLong());
        }
        assertThat(state.get("dashboard").asText())
                .isEqualTo("http://" + state.get("learner").asText() + "/");

        Process client =
                forkpoint(
                        Map.of(),
                        "generate",
                        "--json",
                        "--address",
                        ready.toString(),
                        "--prompt",
                        "a");
        assertThat(client.waitFor()).isZero();

        signal(process, "TERM");
        assertThat(process.waitFor()).isZero();
        assertGone(children);
        assertThat(ready).doesNotExist();
    }

    @Test
    void noServiceOutlivesACommandThatIsKilled() throws Exception {
        Process process = serve(folder.resolve("ready.json"));
        List<ProcessHandle> children = children(process);
        process.destroyForcibly();
        assertGone(children);
    }

    @Test
    void aServiceThatDiesEndsServeWithItsNameAndLog() throws Exception {
        Path ready = folder.resolve("ready.json");
        Process process = forkpoint(Map.of(), "serve", "--ready-file", ready.toString());
        BufferedReader errors = errors(process);
        until(errors, "ready; Ctrl-C stops");
        List<ProcessHandle> children = children(process);
        long rewardPid =
                JsonMapper.builder()
                        .build()
                        .readTree(ready.toFile())
                        .get("pids")
                        .get("reward")
                        .asLong();
        ProcessHandle.of(rewardPid).orElseThrow().destroyForcibly();
        assertThat(process.waitFor()).isEqualTo(1);
        assertThat(rest(errors))
                .contains("reward-service (process " + rewardPid + ") ended unexpectedly")
                .contains("signal 9")
                .contains("reward-service.log")
                .contains("reward starts with");
        assertGone(children);
    }

    @Test
    void aServiceThatCannotStartIsAFailureThatShowsItsLog() throws Exception {
        Process process = forkpoint(Map.of("FAKE_FAIL", "entropy"), "serve");
        assertThat(process.waitFor()).isEqualTo(1);
        assertThat(rest(errors(process)))
                .contains("entropy-service")
                .contains("exit code 3")
                .contains("the moon is full");
        assertThat(children(process)).isEmpty();
    }

    @Test
    void aPortInUseIsBadInputAndNamesIt() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Process process =
                    forkpoint(Map.of(), "serve", "--port", "reward=" + taken.getLocalPort());
            assertThat(process.waitFor()).isEqualTo(2);
            assertThat(rest(errors(process)))
                    .contains("port " + taken.getLocalPort() + " for reward-service is in use");
        }
    }

    @Test
    void anInterruptedQuickstartIsSavedAndItsServicesEnd() throws Exception {
        Path run = folder.resolve("runs/first");
        Process process = forkpoint(Map.of(), "quickstart", "--run-dir", run.toString());
        BufferedReader errors = errors(process);
        until(errors, "step 2/2");
        List<ProcessHandle> children = children(process);
        assertThat(children).hasSize(4);
        // As a terminal does, to the whole foreground group: the services must not take it.
        for (ProcessHandle child : children) {
            new ProcessBuilder("kill", "-INT", Long.toString(child.pid())).start().waitFor();
        }
        signal(process, "INT");
        assertThat(process.waitFor()).isEqualTo(130);
        assertThat(rest(errors)).contains("saved after step 2").contains("forkpoint resume");
        assertGone(children);
        // The logs moved to the run, and say that the learner was asked to stop before it ended.
        Path log = folder.resolve("runs/fake run/logs/learner-service.log");
        assertThat(Files.readString(log)).contains("learner drained, stops: 1");
        try (Stream<Path> left = Files.list(folder.resolve("runs"))) {
            assertThat(left.map(path -> path.getFileName().toString())).containsExactly("fake run");
        }
    }

    @Test
    void aServiceThatDiesDuringARunEndsItAndSaysHowToGoOn() throws Exception {
        Process process =
                forkpoint(Map.of(), "quickstart", "--run-dir", folder.resolve("runs/a").toString());
        BufferedReader errors = errors(process);
        until(errors, "step 2/2");
        List<ProcessHandle> children = children(process);
        ProcessHandle victim =
                children.stream()
                        .filter(c -> c.info().commandLine().orElse("").contains("rollout-service"))
                        .findFirst()
                        .orElseThrow();
        victim.destroyForcibly();
        assertThat(process.waitFor()).isEqualTo(1);
        assertThat(rest(errors))
                .contains("rollout-service (process " + victim.pid() + ") ended unexpectedly")
                .contains("forkpoint resume");
        assertGone(children);
    }

    @Test
    void theLearnerIsToldWhereTheOthersAreAndWhatItMayLoad() throws Exception {
        Process process =
                forkpoint(Map.of(), "serve", "--run-root", folder.resolve("r").toString());
        String seen = until(errors(process), "logs  ");
        Path logs = Path.of(seen.substring(seen.indexOf("logs  ") + 6).strip());
        String log = Files.readString(logs.resolve("learner-service.log"));
        assertThat(log)
                .contains("forkpoint.learner.run-root=" + folder.resolve("r").toRealPath())
                .containsPattern("forkpoint.learner.rollout=127.0.0.1:\\d+")
                .containsPattern("forkpoint.learner.entropy=127.0.0.1:\\d+")
                .containsPattern("forkpoint.learner.reward=127.0.0.1:\\d+")
                .contains("a%20home%2C%20with%20blanks/models");
        signal(process, "TERM");
        process.waitFor();
    }
}
