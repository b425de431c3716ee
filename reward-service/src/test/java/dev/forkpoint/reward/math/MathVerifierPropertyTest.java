package dev.forkpoint.reward.math;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.reward.verifier.CounterRandom;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for every answer. The seed is in each test's name. */
class MathVerifierPropertyTest {
    private final MathVerifier verifier = new MathVerifier();

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3})
    void everyReadableAnswerEqualsItself(long seed) {
        int readable = 0;
        for (int i = 0; i < 1_000; i++) {
            CounterRandom random = CounterRandom.of(seed, i);
            String text =
                    i % 2 == 0 ? Expressions.answer(random) : Expressions.random(random, 4).latex();
            VerdictCode code = verify(text, text).code();
            assertThat(code).as(text).isIn(VerdictCode.CORRECT, VerdictCode.UNPARSABLE_GOLD);
            readable += code == VerdictCode.CORRECT ? 1 : 0;
        }
        assertThat(readable).isGreaterThan(950);
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {4, 5, 6})
    void equalityIsSymmetric(long seed) {
        for (int i = 0; i < 500; i++) {
            Expressions.Pair pair = Expressions.pair(CounterRandom.of(seed, i));
            VerdictCode forth = verify(pair.left().latex(), pair.right().latex()).code();
            VerdictCode back = verify(pair.right().latex(), pair.left().latex()).code();
            if (forth != VerdictCode.UNPARSABLE_GOLD && back != VerdictCode.UNPARSABLE_GOLD) {
                assertThat(forth)
                        .as("%s ~ %s", pair.left().latex(), pair.right().latex())
                        .isEqualTo(back);
            }
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {7, 8, 9})
    void aChangedDigitIsWrong(long seed) {
        for (int i = 0; i < 2_000; i++) {
            CounterRandom random = CounterRandom.of(seed, i);
            String gold = Expressions.answer(random);
            String wrong = Expressions.changeDigit(gold, random);
            Verdict verdict = verify(gold, wrong);
            assertThat(verdict.code())
                    .as("%s ~ %s: %s", gold, wrong, verdict)
                    .isNotEqualTo(VerdictCode.CORRECT);
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {10, 11, 12})
    void polynomialsEqualTheirExpansion(long seed) {
        for (int i = 0; i < 500; i++) {
            CounterRandom random = CounterRandom.of(seed, i);
            int a = random.between(1, 99);
            int b = random.between(-99, 99);
            int c = random.between(1, 99);
            int d = random.between(-99, 99);
            String factored = "(%dx + (%d))(%dx + (%d))".formatted(a, b, c, d);
            String expanded = "%dx^2 + (%d)x + (%d)".formatted(a * c, a * d + b * c, b * d);
            String wrong =
                    "%dx^2 + (%d)x + (%d)"
                            .formatted(a * c, a * d + b * c, b * d + random.between(1, 9));
            assertThat(verify(factored, expanded).code())
                    .as(factored)
                    .isEqualTo(VerdictCode.CORRECT);
            assertThat(verify(factored, wrong).code())
                    .as(factored)
                    .isEqualTo(VerdictCode.INCORRECT);
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {13, 14})
    void setsIgnoreOrderAndTuplesDoNot(long seed) {
        for (int i = 0; i < 300; i++) {
            CounterRandom random = CounterRandom.of(seed, i);
            int a = random.between(1, 99);
            int b = a + random.between(1, 99);
            int c = b + random.between(1, 99);
            String forth = a + ", " + b + ", " + c;
            String back = c + ", " + a + ", " + b;
            assertThat(verify("\\{" + forth + "\\}", back).code()).isEqualTo(VerdictCode.CORRECT);
            assertThat(verify("(" + forth + ")", "(" + back + ")").code())
                    .isEqualTo(VerdictCode.INCORRECT);
            assertThat(verify("\\{" + forth + "\\}", "(" + forth + ")").code())
                    .isEqualTo(VerdictCode.INCORRECT);
        }
    }

    @Test
    void isThreadSafe() {
        List<Cases.Case> cases = Cases.read("visible.jsonl");
        List<Verdict> alone = cases.stream().map(c -> verifier.verify(c.item())).toList();
        for (int round = 0; round < 3; round++) {
            List<Verdict> together =
                    cases.parallelStream().map(c -> verifier.verify(c.item())).toList();
            assertThat(together).isEqualTo(alone);
        }
    }

    private Verdict verify(String gold, String answer) {
        return verifier.verify(Item.of(gold, answer).withForm(Item.Form.ANSWER));
    }
}
