package dev.forkpoint.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.jerolba.carpet.CarpetWriter;
import com.jerolba.carpet.io.FileSystemOutputFile;
import dev.forkpoint.cli.Cli;
import dev.forkpoint.cli.ServiceDoubles;
import dev.forkpoint.lab.statistics.Interval;
import dev.forkpoint.lab.statistics.PassAtK;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalCommandTest {

    @TempDir Path folder;

    @Test
    void countsWhatTheVerifierSaysOfEachSample() throws IOException {
        int problems = 40;
        int samples = 4;
        JsonNode result;
        try (ServiceDoubles services = new ServiceDoubles()) {
            Cli.Result run =
                    Cli.run(
                            "eval",
                            "--json",
                            "--address",
                            services.address(),
                            "--data",
                            "task:countdown?split=held_out&seed=5&count=" + problems,
                            "--samples",
                            Integer.toString(samples),
                            "--seed",
                            "11");
            assertThat(run.code()).as(run.err()).isZero();
            result = run.json().get(0);
            assertThat(services.rollouts.get(0).getPromptText()).startsWith("countdown 5 ");
            assertThat(services.rollouts.get(0).getSampling().getMaxTokens()).isEqualTo(52);
            assertThat(services.items)
                    .allMatch(item -> item.getTask().containsFields("target"))
                    .allMatch(item -> item.getVerifier().equals("even"));
        }
        // The double calls a response right when its text has an even length.
        double correct = 0;
        double any = 0;
        double tokens = 0;
        for (int row = 0; row < problems; row++) {
            int right = 0;
            for (int sample = 0; sample < samples; sample++) {
                long seed = SampleSeeds.derive(11, row, sample);
                right += ServiceDoubles.text(seed).length() % 2 == 0 ? 1 : 0;
                tokens += ServiceDoubles.tokens(seed).size();
            }
            correct += right;
            any += right > 0 ? 1 : 0;
        }
        JsonNode accuracy = result.get("accuracy");
        assertThat(accuracy.get("mean").asDouble())
                .isCloseTo(correct / problems / samples, within(1e-12));
        assertThat(accuracy.get("ci95").get(0).asDouble())
                .isLessThan(accuracy.get("mean").asDouble());
        assertThat(accuracy.get("ci95").get(1).asDouble())
                .isGreaterThan(accuracy.get("mean").asDouble());
        assertThat(result.get("pass_at").get("1").get("mean").asDouble())
                .isCloseTo(accuracy.get("mean").asDouble(), within(1e-12));
        assertThat(result.get("pass_at").get("4").get("mean").asDouble())
                .isCloseTo(any / problems, within(1e-12));
        assertThat(result.get("mean_length").get("mean").asDouble())
                .isCloseTo(tokens / problems / samples, within(1e-12));
    }

    @Test
    void readsProblemsOfAFileAndFillsTheTemplate() throws IOException {
        Path data = folder.resolve("data.jsonl");
        Files.writeString(
                data,
                "{\"problem\": \"1+1\", \"answer\": \"2\"}\n"
                        + "{\"prompt\": \"as it is\", \"answer\": \"3\"}\n");
        try (ServiceDoubles services = new ServiceDoubles()) {
            Cli.Result run =
                    Cli.run(
                            "eval",
                            "--address",
                            services.address(),
                            "--data",
                            data.toString(),
                            "--template",
                            "Q: {problem}\\nA:",
                            "--verifier",
                            "exact");
            assertThat(run.code()).as(run.err()).isZero();
            assertThat(run.out()).contains("avg@1", "pass@1", "2 problems × 1 samples");
            assertThat(services.rollouts)
                    .extracting(r -> r.getPromptText())
                    .containsExactlyInAnyOrder("Q: 1+1\nA:", "as it is");
            assertThat(services.items).extracting(i -> i.getGold()).containsExactly("2", "3");
        }
    }

    record ProblemRow(String problem, String answer, int level) {}

    @Test
    void readsProblemsOfAParquetFile() throws IOException {
        Path data = folder.resolve("data.parquet");
        try (CarpetWriter<ProblemRow> writer =
                new CarpetWriter<>(new FileSystemOutputFile(data.toFile()), ProblemRow.class)) {
            writer.write(List.of(new ProblemRow("1+1", "2", 1), new ProblemRow("1+2", "3", 5)));
        }
        try (ServiceDoubles services = new ServiceDoubles()) {
            String[] eval = {
                "eval",
                "--address",
                services.address(),
                "--data",
                data.toString(),
                "--verifier",
                "exact"
            };
            Cli.Result run = Cli.run(eval);
            assertThat(run.code()).as(run.err()).isZero();
            assertThat(services.rollouts)
                    .extracting(r -> r.getPromptText())
                    .containsExactlyInAnyOrder("1+1", "1+2");
            assertThat(services.items).extracting(i -> i.getGold()).containsExactly("2", "3");
            assertThat(services.items.get(0).getTask().getFieldsOrThrow("level").getNumberValue())
                    .isEqualTo(1);

            Files.writeString(data, "PAR1 and no more");
            Cli.Result broken = Cli.run(eval);
            assertThat(broken.code()).isEqualTo(2);
            assertThat(broken.err()).contains("data.parquet: not Parquet that can be read");
        }
    }

    @Test
    void aGoldThatCannotBeReadIsAnErrorOfTheData() throws IOException {
        Path data = folder.resolve("data.jsonl");
        Files.writeString(data, "{\"problem\": \"1+1\", \"answer\": \"?\"}\n");
        try (ServiceDoubles services = new ServiceDoubles()) {
            Cli.Result run =
                    Cli.run(
                            "eval",
                            "--address",
                            services.address(),
                            "--data",
                            data.toString(),
                            "--verifier",
                            "exact");
            assertThat(run.code()).isEqualTo(2);
            assertThat(run.err()).contains("data.jsonl:1: gold ?");
        }
    }

    @Test
    void passAtKAgreesWithCountingSubsets() {
        for (int n = 1; n <= 7; n++) {
            for (int c = 0; c <= n; c++) {
                for (int k = 1; k <= n; k++) {
                    assertThat(PassAtK.estimate(n, c, k))
                            .as("n=%d c=%d k=%d", n, c, k)
                            .isCloseTo(bySubsets(n, c, k), within(1e-12));
                }
            }
        }
    }

    /**
     * Share of subsets of k of n samples, the first c of which are correct, that hold a correct
     * one.
     */
    private static double bySubsets(int n, int c, int k) {
        int all = 0;
        int with = 0;
        for (int subset = 0; subset < 1 << n; subset++) {
            if (Integer.bitCount(subset) == k) {
                all++;
                with += (subset & ((1 << c) - 1)) != 0 ? 1 : 0;
            }
        }
        return (double) with / all;
    }

    @Test
    void theIntervalResamplesProblemsNotSamples() {
        // All samples of a problem agree, so 100 problems of 16 samples say what 100 coins say:
        // mean 0.5, standard error 0.05.
        List<Accuracy.Problem> problems = new java.util.ArrayList<>();
        for (int i = 0; i < 100; i++) {
            problems.add(new Accuracy.Problem(16, i % 2 == 0 ? 16 : 0, 10));
        }
        Interval interval = Accuracy.average(problems);
        assertThat(interval.mean()).isEqualTo(0.5);
        assertThat(interval.low()).isCloseTo(0.5 - 1.96 * 0.05, within(0.012));
        assertThat(interval.high()).isCloseTo(0.5 + 1.96 * 0.05, within(0.012));
    }
}
