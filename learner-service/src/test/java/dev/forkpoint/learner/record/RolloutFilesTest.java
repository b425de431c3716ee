package dev.forkpoint.learner.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RolloutFilesTest {
    @TempDir Path folder;

    private static RolloutRow row(int step, int sample, boolean scored) {
        return new RolloutRow(
                step,
                40,
                "Make 24 of 1 2 3 4",
                "24",
                sample,
                step - 1,
                List.of(1, 2, 3),
                List.of(7, 8),
                List.of(-0.5f, -1.25f),
                scored ? List.of(-0.5f, -1.26f) : null,
                scored ? List.of(0.1f, 1.5f) : null,
                null,
                scored ? List.of(false, true) : null,
                scored ? 1.0 : null,
                scored ? 0.75 : null,
                scored ? -0.5 : null,
                scored,
                scored ? "CORRECT" : "UNPARSABLE_GOLD",
                "STOP");
    }

    @Test
    void readsBackWhatItWrote() throws IOException {
        RolloutFiles files = new RolloutFiles(folder.resolve("rollouts"));
        List<RolloutRow> rows = List.of(row(1, 0, true), row(1, 1, false));
        files.write(1, rows);
        assertThat(files.read(1)).isEqualTo(rows);
        files.write(1, rows.subList(0, 1));
        assertThat(files.read(1)).hasSize(1);
    }

    @Test
    void truncatingForgetsLaterStepsAndHalfWrittenFiles() throws IOException {
        RolloutFiles files = new RolloutFiles(folder);
        for (int step = 1; step <= 3; step++) {
            files.write(step, List.of(row(step, 0, true)));
        }
        Files.writeString(folder.resolve(".step-000002.parquet.123.tmp"), "half");
        Files.writeString(folder.resolve("notes.txt"), "mine");
        files.truncate(2);
        try (var list = Files.list(folder)) {
            assertThat(list.map(p -> p.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "step-000001.parquet", "step-000002.parquet", "notes.txt");
        }
        new RolloutFiles(folder.resolve("nowhere")).truncate(0);
    }

    @Test
    void pyarrowReadsTheColumnsByTheirNames() throws IOException, InterruptedException {
        String python = System.getProperty("forkpoint.python", "python3");
        assumeTrue(runs(python, "import pyarrow"), "no Python with pyarrow (-Dforkpoint.python=…)");
        RolloutFiles files = new RolloutFiles(folder);
        files.write(5, List.of(row(5, 0, true), row(5, 1, false)));
        String script =
                "import pyarrow.parquet as p; t = p.read_table('"
                        + files.file(5)
                        + "').to_pylist(); "
                        + "print(len(t), t[0]['token_ids'], t[0]['old_log_prob'][0], t[1]['entropy'], t[0]['kept'],"
                        + " t[1]['reward'], t[0]['finish_reason'], t[0]['policy_version'])";
        Process process =
                new ProcessBuilder(python, "-c", script).redirectErrorStream(true).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        assertThat(out.strip()).isEqualTo("2 [7, 8] -0.5 None [False, True] None STOP 4");
    }

    private static boolean runs(String python, String script) throws InterruptedException {
        try {
            return new ProcessBuilder(python, "-c", script)
                            .redirectErrorStream(true)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
