package dev.forkpoint.reward.math;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.reward.verifier.CounterRandom;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Texts that nobody meant to write: every one gets a verdict, and none costs more than the budget.
 */
class MathVerifierFuzzTest {
    private static final String[] PIECES = {
        "\\frac",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\\left",
        "\\right",
        "|",
        "^",
        "_",
        "\\sqrt",
        "\\sum",
        "_{k=1}",
        "\\infty",
        "!",
        "\\\\",
        "&",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "\\text{",
        "\\boxed{",
        "$",
        "\\pm",
        "\\cup",
        "\\{",
        "\\}",
        ",",
        ";",
        ":",
        "=",
        "<",
        "\\in",
        "9",
        "99999999999999999999",
        "0",
        ".",
        "e",
        "i",
        "x",
        "\\pi",
        "\\sin",
        "\\log",
        "%",
        "\\circ",
        "^\\circ",
        "and",
        "or",
        "\\mod",
        "'",
        "\u2212",
        "½",
        "²",
        "√",
        "\u202E",
        "\uD835\uDFD0",
        "\uD800",
        "只",
        "\\operatorname{lcm}",
        "\\binom",
        "\\lfloor",
        "10^{10^{10}}",
        "/",
        "*",
        "-",
        "+"
    };

    private final MathVerifier verifier = new MathVerifier();

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {21, 22, 23})
    void mutatedCasesAlwaysGetAVerdict(long seed) {
        List<Cases.Case> cases = new ArrayList<>(Cases.read("visible.jsonl"));
        cases.addAll(
                Cases.read("visible_adversarial.jsonl").stream()
                        .filter(c -> c.item().prediction().length() < 2_000)
                        .toList());
        for (int i = 0; i < 4_000; i++) {
            CounterRandom random = CounterRandom.of(seed, i);
            Item item = cases.get(random.below(cases.size())).item();
            String gold =
                    random.below(2) == 0
                            ? Objects.requireNonNull(item.gold())
                            : mutate(Objects.requireNonNull(item.gold()), random);
            decide(gold, mutate(item.prediction(), random), item.form());
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {31, 32, 33})
    void randomPiecesAlwaysGetAVerdict(long seed) {
        for (int i = 0; i < 4_000; i++) {
            CounterRandom random = CounterRandom.of(seed, i);
            decide(pieces(random), pieces(random), Item.Form.ANSWER);
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {41, 42})
    void randomUnicodeAlwaysGetsAVerdict(long seed) {
        for (int i = 0; i < 2_000; i++) {
            CounterRandom random = CounterRandom.of(seed, i);
            StringBuilder text = new StringBuilder();
            int length = random.between(1, 40);
            for (int j = 0; j < length; j++) {
                text.append((char) random.below(0x10000));
            }
            decide(text.toString(), text.toString(), Item.Form.ANSWER);
        }
    }

    @Test
    void hugeTextsEnd() {
        for (String unit :
                List.of(
                        "\\boxed{",
                        "{",
                        "(",
                        "[",
                        "|",
                        "\\frac{1}{",
                        "\\sqrt",
                        "\\text{",
                        "<think>",
                        "</think>",
                        "answer ",
                        "1,",
                        "1+",
                        "x^",
                        "!",
                        "-",
                        "\\\\",
                        "$",
                        "9",
                        "\\{",
                        "½",
                        "²",
                        "a_",
                        "\\left(",
                        "\\begin{matrix}",
                        "=1",
                        "\\pm",
                        "1 ",
                        "\\boxed{1}, ",
                        "\\sin ",
                        "\\cup",
                        "f(",
                        "1/",
                        "\u202E",
                        "only words ",
                        "\\,",
                        "{,}",
                        "0.",
                        "e",
                        "^\\circ",
                        "\\binom",
                        "|x")) {
            for (int size : List.of(1_000, 100_000)) {
                String text = unit.repeat(size);
                Assertions.assertTimeoutPreemptively(
                        Duration.ofSeconds(30),
                        () -> {
                            decide("1", text, Item.Form.RESPONSE);
                            decide("1", "\\boxed{" + text + "}", Item.Form.RESPONSE);
                            decide("1", "\\boxed{" + text, Item.Form.RESPONSE);
                            decide(text, text, Item.Form.ANSWER);
                        },
                        unit);
            }
        }
    }

    /** What generators of hostile answers found: each took over 50 ms once, or all of the stack. */
    @Test
    void monstersEnd() {
        for (String monster :
                List.of(
                        "\\begin{pmatrix}\\sqrt2&x\\\\y&\\sqrt3\\end{pmatrix}^{63}",
                        "\\arctan\\left(\\left(10^{5764}\\right)^{34}\\right)",
                        "\\arcsin\\left(\\left(10^{5764}\\right)^{-34}\\right)",
                        "1500!i".repeat(2_000),
                        "x^{" + "\\sqrt".repeat(700) + "2}",
                        "\\sqrt[3]{".repeat(110) + "x" + "}".repeat(110))) {
            Assertions.assertTimeoutPreemptively(
                    Duration.ofSeconds(30),
                    () -> {
                        decide(monster, monster, Item.Form.ANSWER);
                        decide("1", monster, Item.Form.ANSWER);
                    },
                    monster);
        }
    }

    private void decide(String gold, String prediction, Item.Form form) {
        Verdict verdict = verifier.verify(Item.of(gold, prediction).withForm(form));
        assertThat(verdict.reward().isPresent())
                .isEqualTo(verdict.code() != VerdictCode.UNPARSABLE_GOLD);
    }

    private static String mutate(String text, CounterRandom random) {
        StringBuilder out = new StringBuilder(text);
        int changes = random.between(1, 4);
        for (int i = 0; i < changes; i++) {
            int at = random.below(out.length() + 1);
            switch (random.below(3)) {
                case 0 -> out.insert(at, PIECES[random.below(PIECES.length)]);
                case 1 -> out.delete(at, Math.min(out.length(), at + random.between(1, 3)));
                default ->
                        out.insert(
                                at,
                                out.substring(
                                        at, Math.min(out.length(), at + random.between(1, 20))));
            }
        }
        return out.toString();
    }

    private static String pieces(CounterRandom random) {
        StringBuilder text = new StringBuilder();
        int length = random.between(1, 30);
        for (int i = 0; i < length; i++) {
            text.append(PIECES[random.below(PIECES.length)]);
        }
        return text.toString();
    }
}
