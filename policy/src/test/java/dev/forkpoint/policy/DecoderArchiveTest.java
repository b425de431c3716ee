package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.forkpoint.policy.tensor.Script;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The compiled archives: they are what decoder.py says, and one computes what the other computes.
 */
class DecoderArchiveTest {

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"native", "aten", "bfloat16"})
    void archiveIsWhatTheSourceCompilesTo(String kind) throws Exception {
        PythonPeer.assumeModules("torch");
        Path built = folder.resolve("built.pt");
        Path source =
                Path.of(
                        "src",
                        "main",
                        "resources",
                        "dev",
                        "forkpoint",
                        "policy",
                        "decoder",
                        "decoder.py");
        assertThat(PythonPeer.run(source.toString(), kind, built.toString()).code()).isZero();
        try (InputStream archive =
                Objects.requireNonNull(
                        Script.class.getResourceAsStream(
                                "/dev/forkpoint/policy/decoder/decoder-" + kind + ".pt"))) {
            assertThat(code(archive.readAllBytes())).isEqualTo(code(Files.readAllBytes(built)));
        }
    }

    /** The program in an archive: its files but for the first folder's name and version marks. */
    private static Map<String, String> code(byte[] archive) throws IOException {
        Map<String, String> out = new TreeMap<>();
        try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(archive))) {
            for (ZipEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
                String name = e.getName().substring(e.getName().indexOf('/') + 1);
                if (name.startsWith("code/")) {
                    out.put(
                            name,
                            new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8));
                }
            }
        }
        assertThat(out).isNotEmpty();
        return out;
    }

    /** The same compiler gives the same bytes; another one's are not compared. */
    @Test
    void kernelsAreWhatTheSourceCompilesTo() throws Exception {
        byte[] shipped;
        try (InputStream in =
                Objects.requireNonNull(
                        Script.class.getResourceAsStream(
                                "/native/linux-x86_64/libforkpoint_kernels.so"))) {
            shipped = in.readAllBytes();
        }
        assumeTrue(
                System.getProperty("os.arch").equals("amd64") && gcc(),
                "skipped: no gcc for x86-64");
        Process build =
                new ProcessBuilder("sh", "src/main/native/build.sh", folder.toString())
                        .inheritIO()
                        .start();
        assertThat(build.waitFor()).as("exit of build.sh").isZero();
        Path built = folder.resolve("libforkpoint_kernels.so");
        byte[] bytes = Files.readAllBytes(built);
        assumeTrue(compiler(bytes).equals(compiler(shipped)), "skipped: another gcc");
        assertThat(bytes).isEqualTo(shipped);
    }

    /** As in Quarkus' tests and dev mode, where each application has a class loader. */
    @Test
    @EnabledOnOs(value = OS.LINUX, architectures = "amd64", disabledReason = "no operators here")
    void anotherClassLoaderLoadsNoSecondCopyOfTheOperators() throws Exception {
        var unused = Script.on("cpu");
        List<String> before = mappedOperators();
        assertThat(before).isNotEmpty();
        List<URL> classPath = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            classPath.add(Path.of(entry).toUri().toURL());
        }
        try (URLClassLoader other =
                new URLClassLoader(
                        classPath.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Method load =
                    other.loadClass("dev.forkpoint.policy.tensor.Kernels")
                            .getDeclaredMethod("load");
            load.setAccessible(true);
            load.invoke(null);
        }
        assertThat(mappedOperators()).isEqualTo(before);
    }

    private static List<String> mappedOperators() throws IOException {
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            return maps.filter(line -> line.contains("forkpoint-kernels")).toList();
        }
    }

    private static boolean gcc() throws InterruptedException {
        try {
            return new ProcessBuilder("gcc", "--version")
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }

    /** What a compiler leaves in the section .comment. */
    private static String compiler(byte[] library) {
        String text = new String(library, java.nio.charset.StandardCharsets.ISO_8859_1);
        int at = text.indexOf("GCC: (");
        assertThat(at).isPositive();
        return text.substring(at, text.indexOf(0, at));
    }

    private record Computed(
            List<TokenScores> scores, List<Rollout> rollouts, GradientStatistics gradients) {}

    private static Computed compute(Path model, int longest) throws PolicyFormatException {
        try (Policy policy = Policy.load(model, PolicyOptions.defaults());
                Scorer scorer = new Scorer(policy, ScorerOptions.defaults());
                Generator generator = new Generator(policy, GeneratorOptions.defaults());
                Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            int vocabulary = policy.config().vocabularySize();
            List<int[]> sequences = new ArrayList<>();
            List<TrainingSequence> training = new ArrayList<>();
            for (int n : new int[] {11, 70, 67, longest}) { // with a prompt in common
                int[] ids =
                        IntStream.range(0, n)
                                .map(
                                        i ->
                                                (i < 20 ? i * i * 7 + 3 : i * n * 31 + i * i)
                                                        % vocabulary)
                                .toArray();
                sequences.add(ids);
                training.add(
                        new TrainingSequence(
                                ids,
                                Math.min(9, n),
                                IntStream.range(10, n).filter(i -> i % 3 != 0).toArray()));
            }
            SamplingParameters greedy = SamplingParameters.greedy(12).ignoringEos();
            SamplingParameters drawn = SamplingParameters.defaults(80).ignoringEos();
            List<Rollout> rollouts =
                    Generations.run(
                            generator,
                            List.of(
                                    new GenerationRequest(sequences.get(0), 0, greedy),
                                    new GenerationRequest(sequences.get(1), 1, drawn),
                                    new GenerationRequest(
                                            sequences.get(2), 2, drawn.withTemperature(0.7)),
                                    new GenerationRequest(
                                            sequences.get(1),
                                            3,
                                            drawn.withFilters(0.9, 40, 0.01))));
            trainer.accumulate(
                    training,
                    1.3,
                    (s, logProb, entropy, dLogProb, dEntropy) -> {
                        Arrays.fill(dLogProb, 1);
                        Arrays.fill(dEntropy, 0.5f);
                    });
            return new Computed(
                    scorer.score(sequences, 1.3), rollouts, trainer.gradientStatistics());
        }
    }

    /** What other devices run: the same scores, tokens and gradients as our own operators. */
    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void bothArchivesComputeTheSame(String name) throws Exception {
        compare(Fixtures.folder(name), 150);
    }

    /** Long enough for attention in blocks of queries, where libtorch computes it. */
    @Test
    void bothArchivesComputeTheSameOfALongSequence() throws Exception {
        Path model = TinyModels.writeLong(folder.resolve("long"));
        compare(model, 1100);
    }

    private static void compare(Path model, int longest) throws Exception {
        Computed own = compute(model, longest);
        Computed plain;
        try (AutoCloseable choice = Script.usePlainProducts()) {
            plain = compute(model, longest);
        }
        for (int s = 0; s < own.scores.size(); s++) {
            TokenScores expected = own.scores.get(s);
            TokenScores actual = plain.scores.get(s);
            close(actual.logProb(), expected.logProb(), 1); // nothing predicts the first token
            close(actual.entropy(), expected.entropy(), 1);
            close(actual.collisionProbability(), expected.collisionProbability(), 1);
        }
        for (int r = 0; r < own.rollouts.size(); r++) {
            Rollout expected = own.rollouts.get(r);
            Rollout actual = plain.rollouts.get(r);
            assertThat(actual.tokenIds()).isEqualTo(expected.tokenIds());
            close(actual.logProb(), expected.logProb(), 0);
            close(actual.entropy(), expected.entropy(), 0);
            close(actual.collisionProbability(), expected.collisionProbability(), 0);
        }
        own.gradients
                .tensorNorm()
                .forEach(
                        (tensor, norm) ->
                                assertThat(plain.gradients.tensorNorm().get(tensor))
                                        .as(tensor)
                                        .isCloseTo(norm, within(1e-4 * norm + 1e-6)));
    }

    private static void close(float[] actual, float[] expected, int from) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = from; i < actual.length; i++) {
            assertThat(expected[i]).as("at %d", i).isFinite();
            assertThat(actual[i]).as("at %d", i).isFinite().isCloseTo(expected[i], within(1e-4f));
        }
    }

    @Test
    void engineIsFoundFromAnyContextClassLoader() throws Exception {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(ClassLoader.getPlatformClassLoader());
        try (Policy policy = Policy.load(Fixtures.folder("qwen3-tied"), PolicyOptions.defaults())) {
            assertThat(policy.tokenizer().encode("12", false)).isNotEmpty();
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
