package dev.forkpoint.triton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What only a process of its own can show: which natives it loads, and how it ends. */
@Timeout(900)
class TritonProcessTest {

    @TempDir Path directory;

    @BeforeEach
    void needsTriton() {
        assumeThat(TritonRuntime.whyUnsupported()).as("Triton runs here").isNull();
    }

    private ProcessBuilder child(String what, String... jvm) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(List.of("-Xmx256m", "-cp", System.getProperty("java.class.path")));
        command.add("-Dforkpoint.triton.home=" + directory.resolve("home"));
        command.addAll(List.of(jvm));
        command.addAll(List.of(TritonChild.class.getName(), directory.toString(), what));
        return new ProcessBuilder(command).redirectErrorStream(true);
    }

    private static String output(Process process, int exit) throws Exception {
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(300, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isEqualTo(exit);
        return output;
    }

    private static String expected() {
        RolloutRequest request = RolloutRequest.of("r", new int[] {1, 2}, 3, 20);
        List<Integer> tokens = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            tokens.add(ToyEngine.token(1, request, i));
        }
        return "tokens " + tokens + "\ncancelled CANCELLED\n";
    }

    @Test
    void runsOnStandInsForEveryLibraryACpuMachineMayLack() throws Exception {
        Process process = child("close", "-Dforkpoint.triton.stubs=true").start();
        assertThat(output(process, 0)).contains(expected() + "closed");
        try (Stream<Path> standIns = Files.list(directory.resolve("home/stand-ins"))) {
            assertThat(standIns.map(p -> p.getFileName().toString()))
                    .contains(
                            "libcudart.so.12",
                            "libdcgm.so.3",
                            "libcurl.so.4",
                            "libxml2.so.2",
                            "libnuma.so.1");
        }
    }

    @Test
    void callsOverJniAreClean() throws Exception {
        Process process = child("close", "-Xcheck:jni").start();
        assertThat(output(process, 0))
                .contains(expected() + "closed")
                .doesNotContain("FATAL ERROR")
                .doesNotContain("pending exception")
                .doesNotContain("WARNING in native method");
    }

    @Test
    void systemExitUnderRunningStreamsKeepsItsStatus() throws Exception {
        output(child("exit").start(), 7);
        assertThat(crashReports()).isEmpty();
    }

    @Test
    void killedProcessesLeaveNothingThatStopsTheNext() throws Exception {
        for (boolean force : new boolean[] {true, false}) {
            Process process = child("stay").start();
            BufferedReader lines = process.inputReader(StandardCharsets.UTF_8);
            String line = lines.readLine();
            while (line != null && !line.equals("running")) {
                line = lines.readLine();
            }
            assertThat(line).isEqualTo("running");
            List<ProcessHandle> descendants = process.descendants().toList();
            if (force) {
                process.destroyForcibly();
            } else {
                process.destroy();
            }
            assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("ended").isTrue();
            assertThat(descendants).noneMatch(ProcessHandle::isAlive);
        }
        assertThat(output(child("close").start(), 0)).contains(expected() + "closed");
        assertThat(crashReports()).isEmpty();
    }

    private static List<Path> crashReports() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("."))) {
            return files.filter(p -> p.getFileName().toString().startsWith("hs_err_pid")).toList();
        }
    }

    /** Needs gcc and jni.h; elsewhere the shipped libraries are what there is. */
    @Test
    void rebuiltNativesBehaveLikeTheShippedOnes() throws Exception {
        Path javaHome = Path.of(System.getProperty("java.home"));
        assumeThat(Files.exists(javaHome.resolve("include/jni.h"))).as("a JDK with jni.h").isTrue();
        assumeThat(runs("gcc", "--version")).as("gcc").isTrue();
        Path rebuilt = directory.resolve("rebuilt");
        ProcessBuilder build =
                new ProcessBuilder("sh", "src/main/native/build.sh", rebuilt.toString());
        build.environment().put("JAVA_HOME", javaHome.toString());
        output(build.redirectErrorStream(true).start(), 0);
        try (Stream<Path> files = Files.list(rebuilt)) {
            assertThat(files.map(p -> p.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "libtriton_forkpoint.so",
                            "libcudart.so.12",
                            "libdcgm.so.3",
                            "libcurl.so.4",
                            "libxml2.so.2",
                            "libnuma.so.1");
        }
        Process process =
                child(
                                "close",
                                "-Dforkpoint.triton.natives=" + rebuilt,
                                "-Dforkpoint.triton.stubs=true")
                        .start();
        assertThat(output(process, 0)).contains(expected() + "closed");
        assertThat(exports(rebuilt))
                .isEqualTo(exports(Path.of("src/main/resources/native/linux-x86_64")));
    }

    private static boolean runs(String... command) {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException | InterruptedException e) {
            return false;
        }
    }

    private static List<String> exports(Path libraries) throws Exception {
        List<String> all = new ArrayList<>();
        try (Stream<Path> files = Files.list(libraries)) {
            for (Path file : files.sorted().toList()) {
                Process nm =
                        new ProcessBuilder(
                                        "nm",
                                        "-D",
                                        "--defined-only",
                                        "--format=posix",
                                        file.toString())
                                .start();
                for (String line : output(nm, 0).lines().toList()) {
                    all.add(file.getFileName() + " " + line.split(" ")[0]);
                }
            }
        }
        return all;
    }

    @Test
    void saysWhatToDoWhenASecondClassLoaderLoadsIt() throws Exception {
        List<URL> path = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            path.add(Path.of(entry).toUri().toURL());
        }
        try (URLClassLoader second =
                new URLClassLoader(
                        path.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
            Object why =
                    second.loadClass(TritonRuntime.class.getName())
                            .getMethod("whyUnsupported")
                            .invoke(null);
            assertThat(String.valueOf(why)).contains("parent-first");
        }
        assertThat(TritonRuntime.whyUnsupported()).as("the first goes on").isNull();
    }

    /**
     * What JvmBackend.prepare keeps from happening to policies; other backends' models may still do
     * it.
     */
    @Test
    void closesSoonAfterAReloadThatFailedInsideTriton() throws IOException {
        Path model = Files.createDirectories(directory.resolve("models/disk"));
        Files.createDirectories(model.resolve("1"));
        Path policy = ToyEngine.write(directory.resolve("toy"), "weights=1\n");
        TritonServer server =
                TritonServer.start(
                        new TritonServer.Options(
                                directory.resolve("models"), TritonRuntime.load(), 0));
        server.register("toy", ToyEngine::open);
        Files.writeString(model.resolve("config.pbtxt"), text(new PolicySpec(1, policy)));
        server.load("disk");
        Files.writeString(
                model.resolve("config.pbtxt"), text(new PolicySpec(2, directory.resolve("none"))));
        assertThatThrownBy(() -> server.load("disk")).hasMessageContaining("none");
        Gathered got = new Gathered();
        RolloutRequest request = RolloutRequest.of("r", new int[] {1}, 2, 5);
        server.infer(
                "disk", "r", TensorContract.encode(request), 0, new TritonPolicy.SinkListener(got));
        assertThat(got.await().versions).as("the old one serves").containsOnly(1L);
        long started = System.nanoTime();
        server.close();
        // it would be Triton's exit timeout, 30 s unless it is set, were that left alone
        assertThat(Duration.ofNanos(System.nanoTime() - started))
                .isLessThan(Duration.ofSeconds(25));
    }

    private static String text(PolicySpec policy) {
        return VllmModelRepository.protobufText(
                TensorContract.parse(TritonPolicy.modelConfig("disk", "toy", policy)));
    }
}
