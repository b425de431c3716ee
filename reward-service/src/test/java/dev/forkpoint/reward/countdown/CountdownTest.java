package dev.forkpoint.reward.countdown;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.reward.verifier.CounterRandom;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Problem;
import dev.forkpoint.reward.verifier.TaskFamily.Generator;
import dev.forkpoint.reward.verifier.TaskFamily.Split;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CountdownTest {
    private final CountdownVerifier verifier = new CountdownVerifier();
    private final Generator generator = generator(Map.of());

    @Test
    void problemIsAPureFunctionOfSeedSplitAndIndex() {
        List<Problem> forwards =
                LongStream.range(0, 50)
                        .mapToObj(i -> generator.problem(Split.TRAIN, 7, i, true))
                        .toList();
        for (int i = 49; i >= 0; i--) {
            assertThat(generator.problem(Split.TRAIN, 7, i, true)).isEqualTo(forwards.get(i));
        }
        assertThat(forwards.stream().map(Problem::prompt).distinct().count()).isGreaterThan(45);
        assertThat(generator.problem(Split.TRAIN, 8, 0, false).prompt())
                .isNotEqualTo(forwards.get(0).prompt());
    }

    @Test
    void demonstrationsDoNotChangeTheProblem() {
        assertThat(generator.problem(Split.TRAIN, 3, 5, true).prompt())
                .isEqualTo(generator.problem(Split.TRAIN, 3, 5, false).prompt());
        assertThat(generator.problem(Split.TRAIN, 3, 5, false).demonstration()).isNull();
    }

    @Test
    void trainAndHeldOutAreDisjointByTheFixedRule() {
        Set<String> train = keys(Split.TRAIN);
        Set<String> heldOut = keys(Split.HELD_OUT);
        assertThat(train).doesNotContainAnyElementsOf(heldOut);
        assertThat(Countdown.isHeldOut(new int[] {3, 1, 2}, 5))
                .isEqualTo((7919L + 104729 * 2 + 1299709L * 3 + 15485863L * 5) % 1009 % 8 == 0);
    }

    @Test
    void everyProblemIsSolvedByItsGold() {
        for (Split split : Split.values()) {
            for (long i = 0; i < 500; i++) {
                Problem problem = generator.problem(split, 11, i, false);
                Item item =
                        Item.of(null, "answer " + problem.gold() + " <eos>")
                                .withTask(problem.task());
                assertThat(verifier.verify(item).code())
                        .as(problem.toString())
                        .isEqualTo(VerdictCode.CORRECT);
            }
        }
    }

    @Test
    void randomAttemptSolvesAProblemAsOftenAsTheReferenceSays() {
        int hits = 0;
        int problems = 20_000;
        for (int i = 0; i < problems; i++) {
            CounterRandom random = CounterRandom.of(5, i);
            Countdown.Puzzle puzzle = Countdown.puzzle(random, false, 20);
            hits += Countdown.attempt(puzzle.numbers(), random).value() == puzzle.target() ? 1 : 0;
        }
        // 0.134 by the task's definition; standard error 0.0024.
        assertThat(hits / (double) problems).isCloseTo(0.134, within(0.01));
    }

    @Test
    void demonstrationStopsAtTheFirstHitAndKeepsTheTokenBudget() {
        Generator noisy = generator(Map.of("solution_share", 0.25, "attempts", 4));
        int right = 0;
        for (long i = 0; i < 2_000; i++) {
            Problem problem = noisy.problem(Split.TRAIN, 1, i, true);
            String response = Objects.requireNonNull(problem.demonstration());
            List<String> words = Arrays.asList(response.split(" "));
            assertThat(words.size()).isLessThanOrEqualTo(60);
            right +=
                    verifier.verify(Item.of(null, response).withTask(problem.task())).code()
                                    == VerdictCode.CORRECT
                            ? 1
                            : 0;
            long target =
                    ((Number) Objects.requireNonNull(problem.task().get("target"))).longValue();
            int hits = 0;
            for (int w = 0; w < words.size(); w++) {
                boolean endOfSecondLine =
                        words.get(w).equals("wait") || words.get(w).equals("answer");
                hits += endOfSecondLine && Long.parseLong(words.get(w - 2)) == target ? 1 : 0;
            }
            assertThat(hits).isLessThanOrEqualTo(1);
        }
        // 1 − (1 − 0.25 − 0.75 · 0.134)⁴ = 0.82
        assertThat(right / 2_000.0).isCloseTo(0.82, within(0.03));
    }

    @ParameterizedTest(name = "{0} → {1}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    answer ( 3 + 4 ) * 2 <eos> | CORRECT
                    3 + 4 = 7 ; 7 * 2 = 14 ; answer ( 3 + 4 ) * 2 | CORRECT
                    answer 1 answer 2 * ( 4 + 3 ) <eos> | CORRECT
                    answer 3 + 4 * 2 <eos> | INCORRECT
                    answer ( 3 + 4 ) * 2 + 3 - 3 <eos> | INCORRECT
                    answer 14 <eos> | INCORRECT
                    answer 14 / 1 <eos> | INCORRECT
                    answer ( 3 + 4 * 2 <eos> | UNPARSABLE_ANSWER
                    answer 3 / 2 * 4 <eos> | UNPARSABLE_ANSWER
                    answer <eos> | UNPARSABLE_ANSWER
                    answer ( 3 + 4 ) * 2 <eos> 1 | UNPARSABLE_ANSWER
                    answer - 3 + 4 * 2 <eos> | UNPARSABLE_ANSWER
                    myanswer ( 3 + 4 ) * 2 <eos> | NO_ANSWER
                    ( 3 + 4 ) * 2 <eos> | NO_ANSWER
                    """)
    void judgesByTheWordsAfterTheLastAnswer(String response, VerdictCode expected) {
        assertThat(verifier.verify(item(response)).code()).isEqualTo(expected);
    }

    @Test
    void truncatedResponseEarnsNothing() {
        assertThat(verifier.verify(item("answer ( 3 + 4 ) * 2").withTruncated(true)).code())
                .isEqualTo(VerdictCode.NO_ANSWER);
        assertThat(
                        verifier.verify(
                                        item("answer ( 3 + 4 ) * 2")
                                                .withOptions(Map.of("require_eos", true)))
                                .code())
                .isEqualTo(VerdictCode.NO_ANSWER);
    }

    @Test
    void hostileResponsesAreRefusedCheaply() {
        assertThat(verifier.verify(item("answer " + "( ".repeat(100_000))).code())
                .isEqualTo(VerdictCode.UNPARSABLE_ANSWER);
        assertThat(verifier.verify(item("answer".repeat(100_000))).code())
                .isEqualTo(VerdictCode.NO_ANSWER);
        assertThat(verifier.verify(item("answer 999999999 * 999999999 * 999999999")).code())
                .isEqualTo(VerdictCode.UNPARSABLE_ANSWER);
    }

    @Test
    void missingFieldIsNamed() {
        assertThatThrownBy(() -> verifier.verify(Item.of(null, "answer 1")))
                .isInstanceOf(InvalidItemException.class)
                .hasMessageContaining("task.numbers: missing");
        assertThatThrownBy(() -> generator(Map.of("larges", 3)))
                .hasMessageContaining("options.larges: unknown");
    }

    private Set<String> keys(Split split) {
        Set<String> keys = new HashSet<>();
        for (long i = 0; i < 3_000; i++) {
            Problem problem = generator.problem(split, 1, i, false);
            List<?> numbers = (List<?>) Objects.requireNonNull(problem.task().get("numbers"));
            keys.add(
                    numbers.stream().map(String::valueOf).sorted().toList()
                            + " "
                            + problem.task().get("target"));
        }
        return keys;
    }

    private static Item item(String response) {
        return Item.of(null, response).withTask(Map.of("numbers", List.of(3, 4, 2), "target", 14));
    }

    private static Generator generator(Map<String, Object> options) {
        return new CountdownFamily().generator(Fields.of("options", options));
    }
}
