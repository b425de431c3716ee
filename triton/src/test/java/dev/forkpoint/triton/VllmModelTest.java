package dev.forkpoint.triton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.forkpoint.triton.kserve.Python;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The vLLM model repository: what it holds, and its model.py against a stand-in for vLLM. No GPU is
 * used.
 */
class VllmModelTest {

    @TempDir Path directory;

    private static VllmModelRepository.Settings settings(boolean exactEntropy) {
        return new VllmModelRepository.Settings(
                "policy",
                new PolicySpec(3, Path.of("/policies/3")),
                exactEntropy,
                false,
                "{\"tensor_parallel_size\": 2, \"dtype\": \"bfloat16\"}");
    }

    @Test
    void writesARepositoryThatServesTheTensorContract() throws Exception {
        VllmModelRepository.write(directory, settings(false));
        VllmModelRepository.write(directory, settings(false)); // over itself
        assertThat(directory.resolve("policy/1/model.py")).exists();
        assertThat(directory.resolve("policy/1/forkpoint_worker.py")).exists();
        String text = Files.readString(directory.resolve("policy/config.pbtxt"));
        assertThat(text)
                .contains("backend: \"python\"")
                .contains("data_type: TYPE_INT32")
                .contains("kind: KIND_MODEL")
                .contains(
                        "string_value: \"{\\\"tensor_parallel_size\\\": 2, \\\"dtype\\\": \\\"bfloat16\\\"}\"");
        TensorContract.check(VllmModelRepository.config(settings(false)).toString());
        assertThat(VllmModelRepository.config(settings(true)).toString())
                .contains("\"entropy\":{\"string_value\":\"exact\"}");
    }

    @Test
    void refusesNamesAndArgumentsThatDoNotFit() {
        PolicySpec policy = new PolicySpec(3, Path.of("/policies/3"));
        assertThatThrownBy(
                        () -> new VllmModelRepository.Settings("../x", policy, false, false, "{}"))
                .hasMessageContaining("model");
        assertThatThrownBy(() -> new VllmModelRepository.Settings("x", policy, false, false, "[1]"))
                .hasMessageContaining("JSON object");
    }

    /**
     * The same writer, read by a real Triton: there is no Python backend here, so with the JVM's.
     */
    @Test
    void tritonReadsTheConfigurationsTextForm() throws Exception {
        assumeThat(TritonRuntime.whyUnsupported()).as("Triton runs here").isNull();
        Path policy = ToyEngine.write(directory.resolve("toy"), "weights=1\n");
        Path model = Files.createDirectories(directory.resolve("models/disk"));
        Files.createDirectories(model.resolve("1"));
        Files.writeString(
                model.resolve("config.pbtxt"),
                VllmModelRepository.protobufText(
                        TensorContract.parse(
                                TritonPolicy.modelConfig(
                                        "disk", "toy", new PolicySpec(5, policy)))));
        try (TritonServer server =
                TritonServer.start(
                        new TritonServer.Options(
                                directory.resolve("models"), TritonRuntime.load(), 0))) {
            server.register("toy", ToyEngine::open);
            server.load("disk");
            Gathered got = new Gathered();
            RolloutRequest request = RolloutRequest.of("r", new int[] {1}, 2, 5);
            server.infer(
                    "disk",
                    "r",
                    TensorContract.encode(request),
                    0,
                    new TritonPolicy.SinkListener(got));
            assertThat(got.await().versions).hasSize(got.ids.size()).containsOnly(5L);
        }
    }

    @Test
    void modelPyKeepsTheContractAroundVllm() throws Exception {
        Path python = Python.with("numpy");
        VllmModelRepository.write(directory, settings(false));
        Process process =
                new ProcessBuilder(
                                List.of(
                                        python.toString(),
                                        "-W",
                                        "ignore",
                                        Path.of("src/test/resources/python/vllm_model_test.py")
                                                .toString(),
                                        directory.resolve("policy/1").toString()))
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(300, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        assertThat(output)
                .contains("test_weights_change_in_place")
                .containsPattern("\nOK( \\(skipped=\\d+\\))?\n$");
    }
}
