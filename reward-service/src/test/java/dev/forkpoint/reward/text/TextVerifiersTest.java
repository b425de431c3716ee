package dev.forkpoint.reward.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.reward.grpc.Verifiers;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.CounterRandom;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import dev.forkpoint.reward.verifier.Verifier;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextVerifiersTest {
    private final VerifierRegistry verifiers = Verifiers.all();

    @ParameterizedTest(name = "{0}: {1} ~ {2} → {3}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    exact | Paris | Paris | CORRECT
                    exact | Paris | '  Paris ' | CORRECT
                    exact | New York | 'New   York' | CORRECT
                    exact | Paris | paris | INCORRECT
                    exact | Paris | '' | NO_ANSWER
                    exact | ' ' | Paris | UNPARSABLE_GOLD
                    numeric | 5 | so it is 5 | CORRECT
                    numeric | 1,234.5 | 1234.50 | CORRECT
                    numeric | 0.5 | 1/2 | CORRECT
                    numeric | 5 | 3-5 | CORRECT
                    numeric | -5 | 3-5 | INCORRECT
                    numeric | 5 | 5.001 | INCORRECT
                    numeric | 5 | five | NO_ANSWER
                    numeric | five | 5 | UNPARSABLE_GOLD
                    numeric | 5 | 1/0 | UNPARSABLE_ANSWER
                    numeric | 5 | 1e99999999 | UNPARSABLE_ANSWER
                    multiple-choice | B | The answer is B. | CORRECT
                    multiple-choice | B | '\\boxed{B}' | CORRECT
                    multiple-choice | B | '\\boxed{\\text{(B)}}' | CORRECT
                    multiple-choice | B | '(b)' | CORRECT
                    multiple-choice | B | 'Answer: **B**' | CORRECT
                    multiple-choice | B | 'I first thought A. Final answer: C' | INCORRECT
                    multiple-choice | B | 'B) 12 apples' | CORRECT
                    multiple-choice | B | 'because of that' | NO_ANSWER
                    multiple-choice | B | '<think>B</think>' | NO_ANSWER
                    multiple-choice | 7 | B | UNPARSABLE_GOLD
                    format | '' | '<think>a</think><answer>b</answer>' | CORRECT
                    format | '' | '<think>a</think> <answer>b</answer> ' | CORRECT
                    format | '' | '<think>a</think>b<answer>c</answer>' | INCORRECT
                    format | '' | '<answer>c</answer><think>a</think>' | INCORRECT
                    format | '' | '<think>a<answer>b</answer>' | INCORRECT
                    format | '' | '<think>a</think><answer> </answer>' | INCORRECT
                    format | '' | '<think><think>a</think><answer>b</answer>' | INCORRECT
                    format | '' | '<think>a</think><answer>b</answer>c' | INCORRECT
                    """)
    void decides(String verifier, String gold, String prediction, VerdictCode expected) {
        Verdict verdict = verifiers.verify(verifier, Item.of(gold, prediction));
        assertThat(verdict.code()).as(verdict.toString()).isEqualTo(expected);
    }

    @Test
    void answersAreFoundWhereTheOptionSays() {
        Item item =
                Item.of(
                        "42",
                        "<think>\\boxed{1}</think>It is \\boxed{42}, <answer>42</answer> or\n42\n");
        for (String way : List.of("box", "tag", "line")) {
            assertThat(verifiers.verify("exact", item.withOptions(Map.of("extract", way))).code())
                    .as(way)
                    .isEqualTo(VerdictCode.CORRECT);
        }
        assertThat(verifiers.verify("exact", item).code()).isEqualTo(VerdictCode.INCORRECT);
        assertThatThrownBy(
                        () ->
                                verifiers.verify(
                                        "exact", item.withOptions(Map.of("extract", "nowhere"))))
                .isInstanceOf(InvalidItemException.class)
                .hasMessageContaining(
                        "options.extract: \"nowhere\" (allowed: [box, line, tag, whole])");
    }

    @Test
    void numericTakesTheLargerTolerance() {
        Item item = Item.of("100", "101");
        assertThat(verifiers.verify("numeric", item.withOptions(Map.of("relative", 0.01))).code())
                .isEqualTo(VerdictCode.CORRECT);
        assertThat(verifiers.verify("numeric", item.withOptions(Map.of("relative", 0.009))).code())
                .isEqualTo(VerdictCode.INCORRECT);
        assertThat(verifiers.verify("numeric", item.withOptions(Map.of("absolute", 1))).code())
                .isEqualTo(VerdictCode.CORRECT);
    }

    @Test
    void choicesMayBeNamedByTheirText() {
        Item item =
                Item.of("B", "\\boxed{Lyon}")
                        .withTask(Map.of("choices", List.of("Paris", "Lyon", "Nice")));
        assertThat(verifiers.verify("multiple-choice", item).code()).isEqualTo(VerdictCode.CORRECT);
        Item beyond =
                Item.of("B", "D").withTask(Map.of("choices", List.of("Paris", "Lyon", "Nice")));
        assertThat(verifiers.verify("multiple-choice", beyond).code())
                .isEqualTo(VerdictCode.NO_ANSWER);
    }

    @Test
    void formatCountsWhatThePromptOpened() {
        Item item = Item.of(null, "a</think><answer>b</answer>");
        assertThat(verifiers.verify("format", item).code()).isEqualTo(VerdictCode.INCORRECT);
        assertThat(
                        verifiers
                                .verify("format", item.withOptions(Map.of("prefilled", "<think>")))
                                .code())
                .isEqualTo(VerdictCode.CORRECT);
        Item other = Item.of(null, "<plan>a</plan> free text");
        assertThat(
                        verifiers
                                .verify(
                                        "format",
                                        other.withOptions(
                                                Map.of(
                                                        "tags",
                                                        List.of("plan"),
                                                        "last_open_end",
                                                        true)))
                                .code())
                .isEqualTo(VerdictCode.CORRECT);
    }

    @Test
    void regexMatchesInLinearTimeAndComparesItsGroup() {
        Item item =
                Item.of("12", "total: 3 total: 12").withOptions(Map.of("pattern", "total: (\\d+)"));
        assertThat(verifiers.verify("regex", item).code()).isEqualTo(VerdictCode.CORRECT);
        Item hostile =
                Item.of("", "a".repeat(100_000) + "!")
                        .withOptions(Map.of("pattern", "(a+)+$", "match", "full"));
        assertThat(verifiers.verify("regex", hostile).code()).isEqualTo(VerdictCode.INCORRECT);
        assertThatThrownBy(
                        () -> verifiers.verify("regex", item.withOptions(Map.of("pattern", "("))))
                .hasMessageContaining("options.pattern");
        assertThatThrownBy(
                        () ->
                                verifiers.verify(
                                        "regex",
                                        item.withOptions(
                                                Map.of("pattern", "((((a{1,99}){1,99}){1,99}"))))
                .isInstanceOf(InvalidItemException.class);
        assertThatThrownBy(() -> verifiers.verify("regex", item.withOptions(Map.of())))
                .hasMessageContaining("options.pattern: missing");
    }

    @ParameterizedTest(name = "{0} tokens → {1}")
    @CsvSource({"0, 0", "80, 0", "90, -0.5", "100, -1", "150, -1"})
    void overlongPenaltyGrowsLinearlyOverTheBuffer(int tokens, double reward) {
        Item item =
                Item.of(null, "")
                        .withTokenIds(new int[tokens])
                        .withOptions(Map.of("max", 100, "buffer", 20));
        assertThat(verifiers.verify("length", item).score()).isCloseTo(reward, within(1e-12));
    }

    @ParameterizedTest(name = "{0}, {1} tokens → {2}")
    @CsvSource({
        "true, 0, 2",
        "true, 50, 1.5",
        "true, 100, 1",
        "false, 0, -10",
        "false, 50, -5",
        "false, 100, 0",
        "true, 101, -10"
    })
    void cosineRewardRunsFromStartToEnd(boolean correct, int tokens, double reward) {
        Item item =
                Item.of(null, "")
                        .withTokenIds(new int[tokens])
                        .withTask(Map.of("correct", correct))
                        .withOptions(Map.of("mode", "cosine", "max", 100));
        assertThat(verifiers.verify("length", item).score()).isCloseTo(reward, within(1e-12));
    }

    @Test
    void lengthWithoutTokensIsAnError() {
        assertThatThrownBy(
                        () ->
                                verifiers.verify(
                                        "length",
                                        Item.of(null, "some text").withOptions(Map.of("max", 10))))
                .hasMessageContaining("token_ids");
    }

    @Test
    void repetitionEqualsASlowTwin() {
        for (int seed = 0; seed < 200; seed++) {
            CounterRandom random = CounterRandom.of(seed);
            int[] tokens =
                    IntStream.range(0, random.between(0, 60)).map(i -> random.below(3)).toArray();
            int n = random.between(1, 6);
            Set<List<Integer>> distinct = new HashSet<>();
            int all = Math.max(0, tokens.length - n + 1);
            for (int i = 0; i < all; i++) {
                distinct.add(Arrays.stream(tokens, i, i + n).boxed().toList());
            }
            double expected = all == 0 ? 0 : -2 * (1 - distinct.size() / (double) all);
            Item item =
                    Item.of(null, "")
                            .withTokenIds(tokens)
                            .withOptions(Map.of("n", n, "penalty", 2));
            assertThat(verifiers.verify("repetition", item).score())
                    .as("seed %d", seed)
                    .isCloseTo(expected, within(1e-12));
        }
    }

    @Test
    void weightedSumReportsItsPartsAndTheFirstDecides() {
        Map<String, Object> options =
                Map.of(
                        "parts",
                        List.of(
                                Map.of("verifier", "math"),
                                Map.of(
                                        "verifier",
                                        "format",
                                        "weight",
                                        0.5,
                                        "options",
                                        Map.of("tags", List.of("think"), "last_open_end", true)),
                                Map.of(
                                        "verifier",
                                        "length",
                                        "weight",
                                        0.1,
                                        "options",
                                        Map.of("max", 4, "mode", "cosine"))));
        Item item =
                Item.of("1/2", "<think>x</think> \\boxed{0.5}")
                        .withTokenIds(1, 2, 3, 4)
                        .withOptions(options);
        Verdict verdict = verifiers.verify("weighted", item);
        assertThat(verdict.code()).isEqualTo(VerdictCode.CORRECT);
        assertThat(verdict.score()).isCloseTo(1 + 0.5 + 0.1, within(1e-12));
        assertThat(verdict.parts())
                .extracting(part -> part.verdict().score())
                .containsExactly(1.0, 1.0, 1.0);

        Verdict wrong =
                verifiers.verify(
                        "weighted",
                        new Item(
                                "2",
                                item.prediction(),
                                item.form(),
                                item.tokenIds(),
                                item.task(),
                                item.options(),
                                false));
        assertThat(wrong.code()).isEqualTo(VerdictCode.INCORRECT);
        assertThat(wrong.score()).isCloseTo(0.5 + 0.1 * 0, within(1e-12));

        Verdict noReward =
                verifiers.verify(
                        "weighted",
                        new Item(
                                "x + + * 3",
                                "1",
                                item.form(),
                                item.tokenIds(),
                                item.task(),
                                item.options(),
                                false));
        assertThat(noReward.reward()).isEmpty();
    }

    @Test
    void weightedRefusesUnknownPartsAndOptions() {
        Item item = Item.of("1", "1");
        assertThatThrownBy(
                        () ->
                                verifiers.verify(
                                        "weighted",
                                        item.withOptions(
                                                Map.of(
                                                        "parts",
                                                        List.of(Map.of("verifier", "weighted"))))))
                .hasMessageContaining("weighted");
        assertThatThrownBy(
                        () ->
                                verifiers.verify(
                                        "weighted",
                                        item.withOptions(
                                                Map.of(
                                                        "parts",
                                                        List.of(
                                                                Map.of(
                                                                        "verifier",
                                                                        "exact",
                                                                        "options",
                                                                        Map.of("case", true)))))))
                .hasMessageContaining("options.parts[0].options.case");
        assertThatThrownBy(() -> verifiers.verify("weighted", item))
                .hasMessageContaining("options.parts: missing");
    }

    @Test
    void noVerifierThrowsOnHugeOrEmptyPredictions() {
        String huge = "lorem \\boxed{ipsum} answer 1 ".repeat(10_000);
        for (Verifier verifier : verifiers.all()) {
            if (verifier.costClass() == CostClass.EXTERNAL) {
                // Off unless configured: tests of their own.
                continue;
            }
            for (String text : List.of("", huge)) {
                Item item =
                        Item.of("1", text)
                                .withTask(
                                        Map.of(
                                                "numbers",
                                                List.of(1, 2, 3),
                                                "target",
                                                6,
                                                "kind",
                                                "sorting",
                                                "problem",
                                                "Sort 1, 2",
                                                "correct",
                                                true))
                                .withTokenIds(1, 2, 3)
                                .withOptions(options(verifier.name()));
                assertThat(verifiers.verify(verifier.name(), item)).as(verifier.name()).isNotNull();
            }
        }
    }

    private static Map<String, Object> options(String verifier) {
        return switch (verifier) {
            case "length" -> Map.of("max", 10);
            case "regex" -> Map.of("pattern", "ipsum");
            case "weighted" -> Map.of("parts", List.of(Map.of("verifier", "exact")));
            default -> Map.of();
        };
    }
}
