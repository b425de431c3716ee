package dev.forkpoint.reward.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The cases of peers' test suites, our own hostile ones, and a table of equalities that hold and
 * that do not.
 */
class MathVerifierGoldenTest {
    private final MathVerifier verifier = new MathVerifier();

    static Stream<Cases.Case> equalities() {
        return Cases.read("visible.jsonl").stream();
    }

    static Stream<Cases.Case> hostile() {
        return Cases.read("visible_adversarial.jsonl").stream();
    }

    static Stream<String> table() {
        return Cases.lines("equalities.txt").stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("equalities")
    void decidesThePeersCasesAsTheyDo(Cases.Case given) {
        Verdict verdict = verifier.verify(given.item());
        assertThat(verdict.code() == VerdictCode.CORRECT)
                .as("%s: %s", given.item(), verdict)
                .isEqualTo(given.expected());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("hostile")
    void decidesHostileCasesWithinTheirBound(Cases.Case given) {
        // The bound is a second; here, on a machine that others use, only that it ends.
        Verdict verdict =
                assertTimeoutPreemptively(
                        Duration.ofSeconds(20), () -> verifier.verify(given.item()));
        if (given.expected() != null) {
            assertThat(verdict.code() == VerdictCode.CORRECT)
                    .as(verdict.toString())
                    .isEqualTo(given.expected());
        }
        assertThat(verdict.reward().isEmpty()).isEqualTo(given.error());
    }

    /** Lines of {@code T ;; a ;; b} and {@code F ;; a ;; b}. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("table")
    void decidesTheTableBothWays(String line) {
        List<String> parts = List.of(line.split(" ;; "));
        boolean equal = parts.get(0).equals("T");
        for (int i = 1; i <= 2; i++) {
            Item item = Item.of(parts.get(i), parts.get(3 - i)).withForm(Item.Form.ANSWER);
            Verdict verdict = verifier.verify(item);
            assertThat(verdict.code() == VerdictCode.CORRECT)
                    .as("%s ~ %s: %s", item.gold(), item.prediction(), verdict)
                    .isEqualTo(equal);
        }
    }

    static Stream<String> responses() {
        return Cases.lines("responses.txt").stream();
    }

    /** Lines of {@code T ;; gold ;; response}, {@code F ;; …} and {@code N ;; …}. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("responses")
    void findsTheAnswerInResponses(String line) {
        List<String> parts = List.of(line.split(" ;; "));
        Verdict verdict =
                verifier.verify(Item.of(parts.get(1), parts.get(2).replace("\\n_", "\n")));
        switch (parts.get(0)) {
            case "T" ->
                    assertThat(verdict.code())
                            .as(verdict.toString())
                            .isEqualTo(VerdictCode.CORRECT);
            case "F" ->
                    assertThat(verdict.code())
                            .as(verdict.toString())
                            .isNotEqualTo(VerdictCode.CORRECT);
            default ->
                    assertThat(verdict.code())
                            .as(verdict.toString())
                            .isEqualTo(VerdictCode.NO_ANSWER);
        }
    }

    @Test
    void namesTheRuleAndWhetherItIsExact() {
        assertThat(verify("1/2", "0.5").rule()).isEqualTo("rational");
        assertThat(verify("1/2", "0.5").probabilistic()).isFalse();
        assertThat(verify("(x+1)^2", "x^2+2x+1").rule()).isEqualTo("normal form");
        assertThat(verify("(x+1)^2", "x^2+2x+1").probabilistic()).isFalse();
        assertThat(verify("(x+1)^{1000}", "(x^2+2x+1)^{500}").rule()).isEqualTo("identity");
        assertThat(verify("(x+1)^{1000}", "(x^2+2x+1)^{500}").probabilistic()).isTrue();
        assertThat(verify("(x+1)^2", "x^2+2x+2").probabilistic()).isFalse();
        assertThat(verify("\\sin 2x", "2\\sin x\\cos x").rule()).isEqualTo("numeric");
        assertThat(verify("\\sin 2x", "2\\sin x\\cos x").probabilistic()).isTrue();
        assertThat(verify("\\frac{1}{0}", "1").code()).isEqualTo(VerdictCode.UNPARSABLE_GOLD);
        assertThat(verify("1", "\\frac{1}{0}").code()).isEqualTo(VerdictCode.UNPARSABLE_ANSWER);
        assertThat(verify("x+\\frac{1}{\\sin\\pi}", "x").code())
                .isEqualTo(VerdictCode.UNPARSABLE_GOLD);
    }

    @Test
    void spendsNoMoreThanTheBudgetOfTheItem() {
        Item item = Item.of("\\sin 2x", "\\boxed{2\\sin x\\cos x}");
        assertThat(verifier.verify(item).code()).isEqualTo(VerdictCode.CORRECT);
        Verdict poor = verifier.verify(item.withOptions(java.util.Map.of("budget", 1_000)));
        assertThat(poor.code()).isEqualTo(VerdictCode.TOO_COSTLY);
        assertThat(poor.reward()).hasValue(0);
    }

    private Verdict verify(String gold, String answer) {
        return verifier.verify(
                Item.of(Objects.requireNonNull(gold), answer).withForm(Item.Form.ANSWER));
    }
}
