package dev.forkpoint.learner.record;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunReportTest {

    @TempDir Path folder;

    @Test
    void showsWhatCameOutWithIntervalsCurvesTablesAndResponses() throws IOException {
        FinishedRun made = FinishedRun.write(folder.resolve("r"), "invented-1");
        new RunReport(made.directory()).write(made.run(), made.events());
        String page = Files.readString(made.directory().resolve("report.html"));
        assertThat(page)
                .contains("31.0 %", "62.0 %", "+31.0 points", "95 % interval 60.0 to 64.0")
                .contains("1024 problems × 4")
                .contains("forkpoint run " + made.directory().resolve("run.yaml"))
                .contains("Numbers &lt;made up&gt;", "one &lt;b&gt;warning")
                .contains("Responses of step 30", "Make &lt;24&gt;", "<mark ");
        assertThat(page.split("<svg", -1)).hasSizeGreaterThan(9);
        assertThat(page.split("<svg", -1).length).isEqualTo(page.split("-table\"", -1).length);
        assertThat(page).doesNotContainPattern("(src|href)=\"(?!data:|#)").doesNotContain("NaN");
    }

    @Test
    void aRunWithoutAStepOrRolloutsStillHasAPage() throws IOException {
        Run run =
                Run.newBuilder()
                        .setRunId("x")
                        .setName("x")
                        .setState(RunState.RUN_STATE_FAILED)
                        .setError("policy: no such <folder>")
                        .build();
        new RunReport(folder).write(run, List.of());
        assertThat(Files.readString(folder.resolve("report.html")))
                .contains("failed: policy: no such &lt;folder&gt;");
    }

    @Test
    void damagedRolloutsCostTheirSectionAlone() throws IOException {
        FinishedRun made = FinishedRun.write(folder.resolve("r"), "invented-1");
        Files.writeString(
                new RolloutFiles(made.directory().resolve("rollouts")).file(FinishedRun.STEPS),
                "half a file");
        assertThat(new RunReport(made.directory()).body(made.run(), made.events()))
                .contains("62.0 %")
                .doesNotContain("Responses of step");
    }
}
