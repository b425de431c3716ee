package dev.forkpoint.cli.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.cli.Cli;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.recipe.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StudyTest {

    private static final String YAML =
            """
            name: s
            recipe: quickstart
            seeds: 3
            baseline: a
            variations: {a: [], b: [seed=2]}
            hypotheses:
              - {says: "a beats b.", higher: a, lower: b}
              - {says: "b is as good as a.", higher: b, lower: a, margin_points: 5}
            """;

    @TempDir Path folder;

    private Study study(String yaml) throws IOException {
        Path file = folder.resolve("s.yaml");
        Files.writeString(file, yaml);
        return Study.read(file);
    }

    private static StudyRun run(String variation, int seed, double... solved) {
        return new StudyRun(
                variation,
                seed,
                0.3,
                solved,
                0.2,
                0.9,
                Map.of("reward/correct_fraction", new TreeMap<>(Map.of(1, solved[0]))));
    }

    private StudyResult result(List<StudyRun> runs) throws IOException {
        Study study = study(YAML);
        return StudyResult.of(study, StudyReport.grouped(study, runs));
    }

    @ParameterizedTest
    @ValueSource(strings = {"controls", "rho-sweep", "normaliser", "entropy-source", "objectives"})
    void bundledStudiesChangeWhatTheirRecipeHas(String name) {
        Study study = Study.read(Cli.ROOT.resolve("studies/" + name + ".yaml"));
        List<String> specs = new ArrayList<>();
        study.variations()
                .forEach(
                        (variation, set) -> {
                            List<String> all = new ArrayList<>(study.set());
                            all.addAll(set);
                            specs.add(
                                    Recipe.write(
                                            Recipe.load(
                                                    Cli.ROOT.resolve(
                                                            "recipes/" + study.recipe() + ".yaml"),
                                                    all)));
                        });
        assertThat(specs).doesNotHaveDuplicates();
        assertThat(study.name()).isEqualTo(name);
    }

    @Test
    void saysEverythingThatIsWrongAtOnce() {
        assertThatThrownBy(
                        () ->
                                study(
                                        YAML.replace("baseline: a", "baseline: c")
                                                .replace("lower: b}", "lower: d}")
                                                .replace("seeds: 3", "seeds: -1")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("baseline: c (allowed: a, b)")
                .hasMessageContaining("hypotheses[0].lower: d (allowed: a, b)")
                .hasMessageContaining("seeds: -1 (expected: 1 to 1000)");
        assertThatThrownBy(() -> study(YAML.replace("recipe:", "recipes:")))
                .hasMessageContaining("unknown key recipes");
        assertThatThrownBy(() -> study(YAML).only(List.of("x")))
                .hasMessage("--only: x (allowed: a, b)");
    }

    @Test
    void comparesOnCommonSeedsAndStatesTheSmallestP() throws IOException {
        StudyResult r =
                result(
                        List.of(
                                run("a", 1, 0.5, 0.7),
                                run("a", 2, 0.6, 0.8),
                                run("a", 3, 0.55, 0.73),
                                run("b", 1, 0.4, 0.6),
                                run("b", 2, 0.5, 0.69),
                                run("b", 3, 0.45, 0.62)));
        StudyResult.Comparison c = r.rows().get(1).versus().orElseThrow();
        assertThat(c.difference().mean()).isCloseTo(-0.1033333, within(1e-6));
        assertThat(c.signFlip()).isEqualTo(0.25);
        assertThat(r.rows().get(1).holm()).isEqualTo(c.student());
        assertThat(r.verdicts().get(0).outcome()).isEqualTo(StudyResult.Outcome.SUPPORTED);
        assertThat(r.verdicts().get(0).sentence())
                .startsWith("a beats b. Supported (a minus b: +10.3 points, 95 % interval ");
        assertThat(r.verdicts().get(1).outcome()).isEqualTo(StudyResult.Outcome.NOT_SUPPORTED);
        assertThat(r.limits()).contains("smallest p is 0.25", "cannot reach 0.05");
    }

    @Test
    void seedsThatDisagreeDecideNothing() throws IOException {
        StudyResult r =
                result(
                        List.of(
                                run("a", 1, 0.7),
                                run("a", 2, 0.3),
                                run("b", 1, 0.4),
                                run("b", 2, 0.5)));
        assertThat(r.verdicts().get(0).outcome()).isEqualTo(StudyResult.Outcome.NOT_DECIDED);
        assertThat(r.verdicts().get(0).sentence()).contains("Not decided by this much data");
    }

    @Test
    void oneSeedSaysNothingAboutDifferences() throws IOException {
        StudyResult r = result(List.of(run("a", 1, 1, 0, 1), run("b", 1, 0, 0, 1)));
        assertThat(r.verdicts().get(0).sentence()).contains("Cannot be said from one seed");
        assertThat(r.limits()).contains("One seed shows nothing");
        assertThat(StudyReport.html(r, "forkpoint ablate s"))
                .contains("problems alone", "one seed")
                .doesNotContain("NaN");
        assertThat(StudyReport.json(r, "x").toString()).doesNotContain("NaN");
    }

    @Test
    void anUnfinishedStudyHasATableOfWhatIsThere() throws IOException {
        StudyResult r = result(List.of(run("b", 1, 1, 0)));
        assertThat(r.rows()).hasSize(1);
        assertThat(r.verdicts().get(0).outcome()).isEqualTo(StudyResult.Outcome.NO_RUNS);
        assertThat(StudyReport.html(r, "forkpoint ablate s")).contains("1 of 6 runs are finished");
        assertThat(result(List.of()).rows()).isEmpty();
    }

    @Test
    void readsWhatARunLeaves() throws IOException {
        assertThat(StudyRun.read(folder, "a", 1)).isEmpty();
        Files.writeString(
                folder.resolve("summary.json"),
                "{\"steps\": 2, \"accuracy_before\": {\"mean\": 0.25}, \"kept_fraction\":"
                        + " {\"mean\": 0.2}}");
        assertThatThrownBy(() -> StudyRun.read(folder, "a", 1))
                .isInstanceOf(FailureException.class)
                .hasMessageContaining("step-000002.json is missing");
        Files.createDirectories(folder.resolve("evaluations"));
        Files.writeString(
                folder.resolve("evaluations/step-000002.json"),
                "{\"samples\": 4, \"correct\": [4, 1, 0]}");
        Files.writeString(
                folder.resolve("metrics.jsonl"),
                "{\"step\":1,\"entropy/mean\":0.5,\"mask/kept_entropy_share\":0.8}\n"
                        + "{\"step\":2,\"entropy/mean\":0.4,\"mask/kept_entropy_share\":0.9}\n");
        StudyRun run = StudyRun.read(folder, "a", 1).orElseThrow();
        assertThat(run.solved()).containsExactly(1, 0.25, 0);
        assertThat(run.entropyShare()).isCloseTo(0.85, within(1e-12));
        assertThat(run.curves().get("entropy/mean"))
                .containsExactly(Map.entry(1, 0.5), Map.entry(2, 0.4));
        Files.writeString(folder.resolve("summary.json"), "{\"steps\": ");
        assertThatThrownBy(() -> StudyRun.read(folder, "a", 1))
                .hasMessageContaining("move it away");
    }
}
