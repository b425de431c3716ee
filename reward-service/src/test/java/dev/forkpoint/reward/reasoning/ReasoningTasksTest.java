package dev.forkpoint.reward.reasoning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Problem;
import dev.forkpoint.reward.verifier.TaskFamily.Generator;
import dev.forkpoint.reward.verifier.TaskFamily.Split;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReasoningTasksTest {
    private final ReasoningVerifier verifier = new ReasoningVerifier();

    static Stream<String> kinds() {
        return ReasoningFamily.TASKS.keySet().stream();
    }

    @Test
    void thereAreAtLeastSixKinds() {
        assertThat(ReasoningFamily.TASKS).hasSizeGreaterThanOrEqualTo(6);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("kinds")
    void goldIsRightAndSomethingElseIsWrongAtEveryDifficulty(String kind) {
        for (int difficulty = 1; difficulty <= 10; difficulty += 3) {
            Generator generator =
                    generator(Map.of("kinds", List.of(kind), "difficulty", difficulty));
            for (long i = 0; i < 25; i++) {
                Problem problem = generator.problem(Split.TRAIN, 1, i, false);
                assertThat(verify(problem, problem.gold()).code())
                        .as(problem.toString())
                        .isEqualTo(VerdictCode.CORRECT);
                assertThat(verify(problem, problem.gold() + "1").code())
                        .as(problem.toString())
                        .isNotEqualTo(VerdictCode.CORRECT);
                assertThat(verify(problem, "").code()).isEqualTo(VerdictCode.NO_ANSWER);
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("kinds")
    void halvesAreDisjointAndProblemsArePureFunctions(String kind) {
        Generator generator = generator(Map.of("kinds", List.of(kind), "difficulty", 4));
        Set<String> train = new HashSet<>();
        for (long i = 0; i < 250; i++) {
            train.add(generator.problem(Split.TRAIN, 1, i, false).prompt());
        }
        for (long i = 0; i < 250; i++) {
            Problem problem = generator.problem(Split.HELD_OUT, 1, i, true);
            assertThat(train).doesNotContain(problem.prompt());
            assertThat(generator.problem(Split.HELD_OUT, 1, i, true)).isEqualTo(problem);
        }
        assertThat(train.size()).isGreaterThan(150);
    }

    @Test
    void harderProblemsAreLonger() {
        for (String kind : ReasoningFamily.TASKS.keySet()) {
            assertThat(meanLength(kind, 10)).as(kind).isGreaterThan(meanLength(kind, 1));
        }
    }

    @Test
    void anyShortestWayIsRight() {
        Item item =
                Item.of("RRDD", "\\boxed{DDRR}")
                        .withTask(
                                Map.of(
                                        "kind",
                                        "grid-paths",
                                        "problem",
                                        "Find a way.\nS..\n...\n..G"));
        assertThat(verifier.verify(item).code()).isEqualTo(VerdictCode.CORRECT);
        assertThat(
                        verifier.verify(
                                        Item.of("RRDD", "\\boxed{RDRDRL}")
                                                .withTask(item.task().asMap()))
                                .code())
                .isEqualTo(VerdictCode.INCORRECT);
        assertThat(
                        verifier.verify(
                                        Item.of("RRDD", "\\boxed{UUUU}")
                                                .withTask(item.task().asMap()))
                                .reason())
                .contains("leaves the grid");
    }

    @Test
    void linearSolutionsAreSolutions() {
        Generator generator =
                generator(Map.of("kinds", List.of("linear-equation"), "difficulty", 6));
        for (long i = 0; i < 200; i++) {
            Problem problem = generator.problem(Split.TRAIN, 2, i, false);
            String equation = problem.prompt().replaceAll("(?s)Solve (.*) for x.*", "$1");
            String[] sides = equation.split(" = ");
            long x = Long.parseLong(problem.gold());
            assertThat(value(sides[0], x)).as(problem.prompt()).isEqualTo(value(sides[1], x));
        }
    }

    @Test
    void unknownKindIsNamed() {
        assertThatThrownBy(() -> generator(Map.of("kinds", List.of("chess"))))
                .hasMessageContaining("options.kinds: \"chess\"");
        assertThatThrownBy(() -> generator(Map.of("difficulty", 11)))
                .hasMessageContaining("options.difficulty: 11 (allowed: 1 to 10)");
        assertThatThrownBy(() -> verifier.verify(Item.of("1", "1")))
                .hasMessageContaining("task.kind");
    }

    private static long value(String side, long x) {
        long total = 0;
        for (String term : side.replace(" - ", " + -").split(" \\+ ")) {
            String factor = term.endsWith("x") ? term.substring(0, term.length() - 1) : term;
            long number = factor.isEmpty() ? 1 : factor.equals("-") ? -1 : Long.parseLong(factor);
            total += term.endsWith("x") ? number * x : number;
        }
        return total;
    }

    private static double meanLength(String kind, int difficulty) {
        Generator generator = generator(Map.of("kinds", List.of(kind), "difficulty", difficulty));
        int total = 0;
        for (long i = 0; i < 50; i++) {
            total += generator.problem(Split.TRAIN, 1, i, false).prompt().length();
        }
        return total / 50.0;
    }

    private Verdict verify(Problem problem, String answer) {
        return verifier.verify(
                Item.of(problem.gold(), "I think \\boxed{" + answer + "}")
                        .withTask(problem.task()));
    }

    private static Generator generator(Map<String, Object> options) {
        return new ReasoningFamily().generator(Fields.of("options", options));
    }
}
