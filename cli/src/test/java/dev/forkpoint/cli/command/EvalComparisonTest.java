package dev.forkpoint.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.output.JsonLines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalComparisonTest {

    @TempDir Path folder;

    private static List<Accuracy.Problem> problems(int samples, int... correct) {
        return IntStream.of(correct).mapToObj(c -> new Accuracy.Problem(samples, c, 10)).toList();
    }

    @Test
    void oneSampleAProblemIsMcNemars() {
        EvalComparison c =
                EvalComparison.of(
                        problems(1, 0, 0, 0, 0, 0, 0, 1, 1), problems(1, 1, 1, 1, 1, 1, 1, 1, 0));
        assertThat(c.test()).startsWith("McNemar");
        assertThat(c.p()).isCloseTo(2 * (1 + 7) / 128.0, within(1e-12));
        assertThat(c.onlyFirst()).isEqualTo(1);
        assertThat(c.onlySecond()).isEqualTo(6);
        assertThat(c.difference().mean()).isEqualTo(5 / 8.0);
    }

    @Test
    void severalSamplesFlipSignsOverProblems() {
        EvalComparison c = EvalComparison.of(problems(4, 0, 1, 2, 3), problems(4, 1, 2, 3, 4));
        assertThat(c.p()).isEqualTo(2 / 16.0);
        assertThat(c.sentence())
                .startsWith("difference +25.0 points, 95 % interval +25.0 to +25.0");
        assertThatThrownBy(() -> EvalComparison.of(problems(4, 0), problems(4, 0, 1)))
                .hasMessageContaining("the same");
    }

    @Test
    void aCacheGoesOnAfterTheLastWholeLine() throws IOException {
        ObjectNode settings = JsonLines.object().put("policy_sha256", "ab");
        List<EvalRun.Outcome> some =
                List.of(
                        new EvalRun.Outcome(true, 12, false, 3.5),
                        new EvalRun.Outcome(false, 52, true, Double.NaN));
        EvalCache cache = new EvalCache(folder, settings);
        assertThat(cache.found(10)).isEmpty();
        cache.add(some);
        Path file;
        try (var files = Files.list(folder)) {
            file = files.findFirst().orElseThrow();
        }
        Files.writeString(file, Files.readString(file) + "{\"correct\": tr");
        EvalCache again = new EvalCache(folder, settings);
        assertThat(again.found(10)).isEqualTo(some);
        again.add(some);
        assertThat(new EvalCache(folder, settings).found(10)).hasSize(4);
        assertThat(new EvalCache(folder, settings).found(1)).hasSize(1);
        assertThat(new EvalCache(folder, JsonLines.object().put("policy_sha256", "cd")).found(9))
                .isEmpty();
    }

    @Test
    void aPolicyIsKnownByItsFiles() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{}");
        String before = EvalCache.policyHash(folder);
        Files.writeString(folder.resolve("model.safetensors"), "x");
        assertThat(EvalCache.policyHash(folder)).isNotEqualTo(before).hasSize(64);
    }
}
