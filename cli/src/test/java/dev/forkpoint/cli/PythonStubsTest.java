package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Python stubs in proto/python against the contracts. */
class PythonStubsTest {

    private static final Path STUBS = Cli.ROOT.resolve("proto/python");

    @TempDir Path folder;

    @Test
    void areThoseOfTheContracts() throws Exception {
        Python python = Python.with("grpc_tools", "google.rpc.status_pb2");
        Cli.Result result =
                python.run(STUBS.resolve("regenerate.py").toString(), folder.toString());
        assertThat(result.code()).as(result.err()).isZero();
        Map<String, String> expected = contents(folder);
        assertThat(expected).hasSizeGreaterThan(20);
        Map<String, String> found = contents(STUBS);
        assertThat(found.keySet())
                .as("run proto/python/regenerate.py")
                .isEqualTo(expected.keySet());
        expected.forEach(
                (file, content) ->
                        assertThat(found.get(file))
                                .as("%s: run proto/python/regenerate.py", file)
                                .isEqualTo(content));
    }

    /** What the files say, without the version of the tool that wrote them. */
    private static Map<String, String> contents(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root.resolve("forkpoint"))) {
            return files.filter(file -> file.toString().matches(".*_pb2.*\\.pyi?"))
                    .collect(
                            Collectors.toMap(
                                    file -> root.relativize(file).toString(),
                                    PythonStubsTest::descriptors,
                                    (a, b) -> a,
                                    TreeMap::new));
        }
    }

    private static String descriptors(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(
                            line ->
                                    line.contains("AddSerializedFile")
                                            || line.contains("'/forkpoint.")
                                            || (file.toString().endsWith(".pyi")
                                                    && line.startsWith("class ")))
                    .collect(Collectors.joining("\n"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
