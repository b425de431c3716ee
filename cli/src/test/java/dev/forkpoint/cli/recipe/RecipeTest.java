package dev.forkpoint.cli.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.forkpoint.cli.Cli;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.proto.learner.v1.EntropySource;
import dev.forkpoint.proto.learner.v1.Normaliser;
import dev.forkpoint.proto.learner.v1.RunSpec;
import dev.forkpoint.proto.learner.v1.TokenSelector;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeTest {

    private static RunSpec read(String yaml, String... assignments) {
        return Recipe.read(yaml, "r.yaml", List.of(assignments));
    }

    @ParameterizedTest
    @ValueSource(strings = {"quickstart", "pretrain-countdown", "math-jsonl"})
    void bundledRecipesAreRightAndSurviveWritingAndReading(String name) {
        Path file = Cli.ROOT.resolve("recipes").resolve(name + ".yaml");
        RunSpec spec = Recipe.load(file, List.of());
        assertThat(spec.getName()).isEqualTo(name);
        assertThat(read(Recipe.write(spec))).isEqualTo(spec);
    }

    @Test
    void theQuickstartIsTheMeasuredRecipe() {
        RunSpec spec = Recipe.load(Cli.ROOT.resolve("recipes/quickstart.yaml"), List.of());
        var rl = spec.getReinforcement();
        assertThat(rl.getPromptsPerStep() * rl.getGroupSize()).isEqualTo(512);
        assertThat(rl.getObjective().getSelector().getTop().getKeepFraction()).isEqualTo(0.2);
        assertThat(rl.getObjective().getEntropySource())
                .isEqualTo(EntropySource.ENTROPY_SOURCE_RECOMPUTED);
        assertThat(rl.getObjective().getNormaliser().getNormaliserCase())
                .isEqualTo(Normaliser.NormaliserCase.ALL_TOKENS);
        assertThat(spec.getOptimizer().getLearningRate()).isEqualTo(1e-4);
        assertThat(spec.getEvaluation().getProblems()).isGreaterThanOrEqualTo(1000);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "sede: 1                                        | sede: unknown key; the nearest known one is seed",
                "reinforcement: {groupsize: 4}                  | reinforcement.groupsize: unknown key; the nearest known one is group_size",
                "reinforcement: {objective: {selector: {topp: {}}}} | reinforcement.objective.selector.topp: unknown key; the nearest known one is top",
                "reinforcement: {steps: many}                   | reinforcement.steps: found text \"many\" (allowed: a whole number from 0 to 4294967295)",
                "reinforcement: {steps: -1}                     | reinforcement.steps: found -1 (allowed: a whole number",
                "reinforcement: {steps: 1.5}                    | reinforcement.steps: found 1.5 (allowed: a whole number",
                "reinforcement: {steps: 4294967296}             | reinforcement.steps: found 4294967296",
                "reinforcement: {steps: true}                   | reinforcement.steps: found true",
                "name: 3                                        | name: found 3 (allowed: text)",
                "seed:                                          | seed: found nothing (allowed: a whole number",
                "optimizer: {learning_rate: fast}               | optimizer.learning_rate: found text \"fast\" (allowed: a number)",
                "optimizer: {learning_rate: .nan}               | not YAML: Malformed numeric value '.nan'",
                "optimizer: {schedule: cosin}                   | optimizer.schedule: found text \"cosin\" (allowed: one of CONSTANT, LINEAR, COSINE)",
                "optimizer: 1e-3                                | optimizer: found 0.001 (allowed: a mapping with learning_rate",
                "optimizer: [1]                                 | optimizer: found a list (allowed: a mapping",
                "lora: {target_modules: q_proj}                 | lora.target_modules: found text \"q_proj\" (allowed: a list)",
                "lora: {target_modules: [1]}                    | lora.target_modules[0]: found 1 (allowed: text)",
                "lora: {rank_stabilised: yes please}            | lora.rank_stabilised: found text \"yes please\" (allowed: true or false)",
                "{lora: {rank: 1}, lora: {rank: 2}}             | not YAML: Duplicate",
                "reinforcement: {objective: {selector: {top: {keep_fraction: 0.2}, all: {}}}} | reinforcement.objective.selector: found all and top (allowed: one of them)",
                "{reinforcement: {}, supervised: {}}            | kind: found reinforcement and supervised",
                "reinforcement: {groupSize: 1, group_size: 2}   | given twice",
                "just text                                      | recipe: found text",
            })
    void whatIsWrongIsNamedWithPathFindingAndWhatIsAllowed(String yaml, String message) {
        assertThatThrownBy(() -> read(yaml))
                .isInstanceOf(UsageException.class)
                .hasMessageStartingWith("r.yaml")
                .hasMessageContaining(message.strip());
    }

    @Test
    void everyProblemIsNamedAtOnce() {
        assertThatThrownBy(() -> read("seed: x\nnam: y\noptimizer:\n  beta1: z\n"))
                .hasMessageContaining("seed: found")
                .hasMessageContaining("nam: unknown")
                .hasMessageContaining("optimizer.beta1: found");
    }

    @Test
    void brokenYamlNamesTheLine() {
        assertThatThrownBy(() -> read("name: a\nseed: [1\n"))
                .hasMessageStartingWith("r.yaml:2:")
                .hasMessageContaining("not YAML");
        assertThatThrownBy(() -> read("# nothing\n")).hasMessageContaining("empty");
    }

    @Test
    void anEmptyKeyOfAMessageIsThatMessage() {
        RunSpec spec = read("reinforcement:\n  objective:\n    normaliser:\n      kept_tokens:\n");
        assertThat(spec.getReinforcement().getObjective().getNormaliser().getNormaliserCase())
                .isEqualTo(Normaliser.NormaliserCase.KEPT_TOKENS);
    }

    @Test
    void numbersMayBeWrittenWithoutAPointBeforeTheExponent() {
        assertThat(read("optimizer: {learning_rate: 1e-4}").getOptimizer().getLearningRate())
                .isEqualTo(1e-4);
        assertThat(read("seed: 18446744073709551615").getSeed()).isEqualTo(-1L);
    }

    @Test
    void setTakesBothSpellingsAndReplacesTheOtherMembersOfAOneof() {
        String yaml =
                "reinforcement: {objective: {selector: {top: {keep_fraction: 0.2}}, entropy_source: ROLLOUT}}";
        assertThat(
                        read(yaml, "reinforcement.objective.selector.top.keepFraction=0.1")
                                .getReinforcement()
                                .getObjective()
                                .getSelector()
                                .getTop()
                                .getKeepFraction())
                .isEqualTo(0.1);
        TokenSelector random =
                read(yaml, "reinforcement.objective.selector.random.keep_fraction=0.3")
                        .getReinforcement()
                        .getObjective()
                        .getSelector();
        assertThat(random.getSelectorCase()).isEqualTo(TokenSelector.SelectorCase.RANDOM);
        assertThat(
                        read(yaml, "reinforcement.objective.selector.all=")
                                .getReinforcement()
                                .getObjective()
                                .getSelector()
                                .getSelectorCase())
                .isEqualTo(TokenSelector.SelectorCase.ALL);
        assertThat(
                        read(yaml, "reinforcement.objective.entropySource=current")
                                .getReinforcement()
                                .getObjective()
                                .getEntropySource())
                .isEqualTo(EntropySource.ENTROPY_SOURCE_CURRENT);
    }

    @Test
    void setReachesListsAndOptions() {
        RunSpec spec =
                read(
                        "name: a",
                        "reinforcement.objective.reward_shapers[0].overlong.cache_tokens=8",
                        "reinforcement.data.task.options.depth.most=3",
                        "lora.target_modules=[q_proj, k_proj]");
        assertThat(
                        spec.getReinforcement()
                                .getObjective()
                                .getRewardShapers(0)
                                .getOverlong()
                                .getCacheTokens())
                .isEqualTo(8);
        assertThat(
                        spec.getReinforcement()
                                .getData()
                                .getTask()
                                .getOptions()
                                .getFieldsOrThrow("depth")
                                .getStructValue()
                                .getFieldsOrThrow("most")
                                .getNumberValue())
                .isEqualTo(3);
        assertThat(spec.getLora().getTargetModulesList()).containsExactly("q_proj", "k_proj");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "reinforcement.stepps=3        | reinforcement.stepps: unknown key; the nearest known one is steps",
                "reinforcement.steps=x         | --set: reinforcement.steps: found text",
                "reinforcement.steps.more=1    | steps has no parts of its own",
                "name[0]=a                     | name is not a list",
                "lora.target_modules[2]=a      | index 2 (allowed: 0 to 0)",
                "seed                          | expected: path=value",
            })
    void aWrongAssignmentIsNamed(String assignment, String message) {
        assertThatThrownBy(() -> read("name: a", assignment.strip()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("--set")
                .hasMessageContaining(message.strip());
    }
}
