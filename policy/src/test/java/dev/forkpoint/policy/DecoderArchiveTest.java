package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.policy.tensor.Script;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;
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
    @ValueSource(strings = {"onednn", "aten", "bfloat16"})
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

    /** What other devices run: the same scores, tokens and gradients as oneDNN's products. */
    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void bothArchivesComputeTheSame(String name) throws Exception {
        int[] ids = {18, 225, 5, 372, 104, 3, 77, 150, 12, 391, 60};
        GradientStatistics[] gradients = new GradientStatistics[2];
        float[][] logProbs = new float[2][];
        int[][] tokens = new int[2][];
        for (int plain = 0; plain < 2; plain++) {
            try (AutoCloseable choice = plain == 1 ? Script.usePlainProducts() : () -> {};
                    Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults());
                    Scorer scorer = new Scorer(policy, ScorerOptions.defaults());
                    Generator generator = new Generator(policy, GeneratorOptions.defaults());
                    Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
                logProbs[plain] = scorer.score(List.of(ids), 1).get(0).logProb();
                tokens[plain] =
                        Generations.run(
                                        generator,
                                        List.of(
                                                new GenerationRequest(
                                                        ids,
                                                        0,
                                                        SamplingParameters.greedy(12)
                                                                .ignoringEos())))
                                .get(0)
                                .tokenIds();
                trainer.accumulate(
                        List.of(
                                new TrainingSequence(
                                        ids, IntStream.range(1, ids.length).toArray())),
                        1,
                        (s, logProb, entropy, dLogProb, dEntropy) -> {
                            Arrays.fill(dLogProb, 1);
                            Arrays.fill(dEntropy, 0.5f);
                        });
                gradients[plain] = trainer.gradientStatistics();
            }
        }
        for (int t = 1; t < ids.length; t++) {
            assertThat(logProbs[1][t]).isCloseTo(logProbs[0][t], within(1e-4f));
        }
        assertThat(tokens[1]).isEqualTo(tokens[0]);
        gradients[0]
                .tensorNorm()
                .forEach(
                        (tensor, norm) ->
                                assertThat(gradients[1].tensorNorm().get(tensor))
                                        .as(tensor)
                                        .isCloseTo(norm, within(1e-4 * norm + 1e-6)));
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
