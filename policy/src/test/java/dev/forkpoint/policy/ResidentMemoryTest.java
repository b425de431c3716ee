package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.forkpoint.policy.bench.PolicyBench;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Resident memory over rounds of loading, sampling, scoring and updating, in a process of its own
 * whose Java heap is resident from the start, so that what grows is native. {@code
 * -Dforkpoint.soak.rounds=10000} is the full soak, of shapes that never repeat; the short one still
 * warms up at its end, so it finds only what leaks a policy or a batch a round.
 */
class ResidentMemoryTest {

    private static final int ROUNDS = Integer.getInteger("forkpoint.soak.rounds", 60);

    @TempDir static Path folder;

    @Test
    void residentMemoryIsFlatInTheSecondHalfOfManyRounds() throws Exception {
        assumeTrue(Files.exists(Path.of("/proc/self/status")), "needs /proc");
        Path log = folder.resolve("log");
        Process process =
                new ProcessBuilder(
                                List.of(
                                        Path.of(System.getProperty("java.home"), "bin", "java")
                                                .toString(),
                                        "-XX:+UseSerialGC",
                                        "-Xms96m",
                                        "-Xmx96m",
                                        "-XX:+AlwaysPreTouch",
                                        "-cp",
                                        System.getProperty(
                                                "surefire.test.class.path",
                                                System.getProperty("java.class.path")),
                                        PolicyBench.class.getName(),
                                        "soak",
                                        Fixtures.folder("qwen3-tied").toString(),
                                        Integer.toString(ROUNDS),
                                        ROUNDS < 2000 ? "6" : "0"))
                        .redirectError(folder.resolve("errors").toFile())
                        .redirectOutput(log.toFile())
                        .start();
        assertThat(process.waitFor()).isZero();
        String result = Files.readString(log, StandardCharsets.UTF_8);
        System.out.println(result);
        Matcher growth = Pattern.compile("\"second_half_growth\": (-?[0-9.]+)").matcher(result);
        assertThat(growth.find()).isTrue();
        assertThat(Double.parseDouble(growth.group(1)))
                .as(result)
                .isLessThan(ROUNDS < 10_000 ? 0.1 : 0.02);
    }
}
