package dev.forkpoint.reward.math;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.reward.verifier.CounterRandom;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Decisions by normal form: which there are, and that values to 60 digits never contradict one. */
class ExactTest {
    private static final int BUDGET = 10_000_000;

    @ParameterizedTest(name = "{0} = {1}")
    @CsvSource(
            delimiter = ';',
            value = {
                "\\frac{1}{\\sqrt2-1}; \\sqrt2+1",
                "\\sqrt{5+2\\sqrt6}; \\sqrt2+\\sqrt3",
                "\\sqrt{9-4\\sqrt5}; \\sqrt5-2",
                "\\sqrt{2+\\sqrt3}; \\frac{\\sqrt6+\\sqrt2}{2}",
                "\\sqrt[3]{16}; 2\\sqrt[3]{2}",
                "\\frac{1}{\\sqrt[3]{4}}; \\frac{\\sqrt[3]{2}}{2}",
                "(\\sqrt{2+\\sqrt2})^2; 2+\\sqrt2",
                "(1+i)^8; 16",
                "\\frac{3+i}{1-2i}; \\frac{1+7i}{5}",
                "e^{i\\pi/3}; \\frac12+\\frac{\\sqrt3}{2}i",
                "e^{2\\ln 3}; 9",
                "2^{\\log_2 5}; 5",
                "\\log_4 8; \\frac32",
                "\\frac{1}{2}\\ln 12; \\ln 2+\\frac12\\ln 3",
                "\\sin 75^\\circ; \\frac{\\sqrt6+\\sqrt2}{4}",
                "\\tan 15^\\circ; 2-\\sqrt3",
                "\\cos 36^\\circ - \\cos 72^\\circ; \\frac12",
                "\\arctan 1; \\frac{\\pi}{4}",
                "\\arccos(-\\frac12); \\frac{2\\pi}{3}",
                "(\\pi+1)^2; \\pi^2+2\\pi+1",
                "(x+y)^3; x^3+3x^2y+3xy^2+y^3",
                "\\frac{x^2-1}{x-1}; x+1",
                "\\sin^2 x+\\cos^2 x; 1",
                "4^n; 2^{2n}",
                "e^{x+1}; e\\cdot e^x",
                "|\\sqrt2-2|; 2-\\sqrt2"
            })
    void provesEquality(String a, String b) {
        Verdict verdict = verify(a, b);
        assertThat(verdict.code()).isEqualTo(VerdictCode.CORRECT);
        assertThat(verdict.rule()).isIn("normal form", "rational", "identical");
        assertThat(verdict.probabilistic()).isFalse();
    }

    @ParameterizedTest(name = "{0} ≠ {1}")
    @CsvSource(
            delimiter = ';',
            value = {
                "\\sqrt2+\\sqrt3; \\sqrt5",
                "\\sqrt{9-4\\sqrt5}; 2-\\sqrt5",
                "\\pi; \\frac{355}{113}",
                "\\pi^2; \\sqrt{97}",
                "1+i; 1-i",
                "\\sqrt[3]{2}; \\sqrt[4]{3}",
                "\\sin 60^\\circ; \\cos 60^\\circ"
            })
    void provesDifference(String a, String b) {
        Verdict verdict = verify(a, b);
        assertThat(verdict.code()).isEqualTo(VerdictCode.INCORRECT);
        assertThat(verdict.rule()).isIn("normal form", "identity");
        assertThat(verdict.probabilistic()).isFalse();
    }

    @Test
    void saysNothingWhereFormsAreTooLargeOrDependent() {
        assertThat(exact("(x+1)^{100000}", "(1+x)^{100000}")).isNull();
        assertThat(exact("e^{\\pi}", "23.1")).isNull();
        assertThat(exact("\\sqrt{2+\\sqrt2}\\sqrt{2-\\sqrt2}", "\\sqrt2")).isNull();
        assertThat(exact("\\Gamma(x)", "\\Gamma(x)")).isTrue();
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {61, 62, 63})
    void valuesNeverContradictAForm(long seed) {
        int decided = 0;
        for (int i = 0; i < 1_000; i++) {
            CounterRandom random = CounterRandom.of(seed, i);
            String a = constant(random, 3);
            String b =
                    random.below(2) == 0
                            ? constant(random, 3)
                            : "\\left(%s\\right)\\cdot\\frac{1+\\sqrt{%d}}{1+\\sqrt{%d}}"
                                    .formatted(a, random.between(2, 3), random.between(2, 3));
            Boolean equal = exact(a, b);
            Boolean near = near(a, b);
            if (equal != null && near != null) {
                assertThat(near).as("%s ~ %s", a, b).isEqualTo(equal);
                decided++;
            }
        }
        assertThat(decided).isGreaterThan(300);
    }

    /** Radicals, i, π, e, logarithms and angles. */
    private static String constant(CounterRandom random, int depth) {
        if (depth == 0) {
            return switch (random.below(8)) {
                case 0 -> "\\sqrt{%d}".formatted(random.between(2, 12));
                case 1 -> "\\sqrt[3]{%d}".formatted(random.between(2, 12));
                case 2 -> "\\pi";
                case 3 -> List.of("i", "e", "\\ln 2", "\\ln 6").get(random.below(4));
                case 4 -> "\\cos(%d^\\circ)".formatted(3 * random.between(0, 120));
                case 5 -> "\\frac{%d}{%d}".formatted(random.between(1, 9), random.between(2, 9));
                default -> "" + random.between(1, 9);
            };
        }
        String a = constant(random, depth - 1);
        String b = constant(random, depth - 1);
        return switch (random.below(6)) {
            case 0 -> "\\left(%s\\right)\\left(%s\\right)".formatted(a, b);
            case 1 -> "\\frac{%s}{%s}".formatted(a, b);
            case 2 -> "%s-\\left(%s\\right)".formatted(a, b);
            case 3 -> "\\sqrt{%s}".formatted(a);
            case 4 -> "\\left(%s\\right)^{%d}".formatted(a, random.between(-2, 3));
            default -> "%s+%s".formatted(a, b);
        };
    }

    private static @Nullable Boolean exact(String a, String b) {
        Budget budget = new Budget(BUDGET);
        try {
            return Exact.equal(node(a, budget), node(b, budget), budget);
        } catch (Refusal undefined) {
            return null;
        }
    }

    /** Whether two constants agree to 50 digits; null where one has no value. */
    private static @Nullable Boolean near(String a, String b) {
        Budget budget = new Budget(BUDGET);
        try {
            Numeric numeric = new Numeric(budget, 80, 0, false);
            Complex left = numeric.value(node(a, budget));
            Complex right = numeric.value(node(b, budget));
            double scale = Math.max(left.magnitude(), right.magnitude());
            Complex difference = numeric.subtract(left, right);
            double within = Math.max(difference.error() + 2, Math.max(scale, 0) - 50);
            return within < scale / 2 - 10 || within < -30 ? difference.magnitude() < within : null;
        } catch (Refusal | Numeric.Unsupported | ArithmeticException undefined) {
            return null;
        }
    }

    private static Node node(String text, Budget budget) {
        return Reading.of(List.of(text), Reading.Mode.USUAL, budget).node();
    }

    private static Verdict verify(String gold, String answer) {
        return new MathVerifier().verify(Item.of(gold, answer).withForm(Item.Form.ANSWER));
    }
}
