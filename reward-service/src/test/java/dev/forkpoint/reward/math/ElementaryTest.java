package dev.forkpoint.reward.math;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** Every function to 60 and to 120 digits, asked for in turn, against itself with 200. */
class ElementaryTest {
    private static final List<String> ARGUMENTS =
            List.of(
                    "0.0001",
                    "0.142857",
                    "0.37",
                    "0.9999999",
                    "1.0001",
                    "2.75",
                    "3",
                    "9.5",
                    "123.456",
                    "1e-40",
                    "54321.5");

    @Test
    void resultsAreRightToTheLastDigits() {
        MathContext seventh = new MathContext(150);
        for (int round = 0; round < 2; round++) {
            for (int digits : List.of(60, 120, 68, 128)) {
                Elementary few = new Elementary(digits);
                Elementary many = new Elementary(200);
                for (String text : ARGUMENTS) {
                    BigDecimal x = new BigDecimal(text).divide(new BigDecimal(7), seventh);
                    check("ln", digits, x, few, many, Elementary::ln);
                    check("exp", digits, x, few, many, Elementary::exp);
                    check("sin", digits, x, few, many, Elementary::sin);
                    check("cos", digits, x, few, many, Elementary::cos);
                    check("arctan", digits, x, few, many, Elementary::arctan);
                    check("root", digits, x, few, many, Elementary::squareRoot);
                    if (x.compareTo(BigDecimal.ONE) <= 0) {
                        check("arcsin", digits, x, few, many, Elementary::arcsin);
                    }
                }
                assertThat(error(few.pi(), many.pi())).isLessThan(2.0 - digits);
                assertThat(error(few.e(), many.e())).isLessThan(2.0 - digits);
            }
        }
    }

    @Test
    void knownValuesComeOut() {
        Elementary sixty = new Elementary(60);
        assertThat(
                        sixty.arctan(BigDecimal.ONE)
                                .multiply(BigDecimal.valueOf(4))
                                .subtract(sixty.pi())
                                .abs())
                .isLessThan(new BigDecimal("1e-57"));
        assertThat(sixty.exp(sixty.ln(BigDecimal.TEN)).subtract(BigDecimal.TEN).abs())
                .isLessThan(new BigDecimal("1e-57"));
        assertThat(sixty.angle(BigDecimal.ZERO, BigDecimal.ONE.negate()).subtract(sixty.pi()).abs())
                .isLessThan(new BigDecimal("1e-57"));
        assertThat(sixty.ln(BigDecimal.ONE)).isEqualByComparingTo(BigDecimal.ZERO);
    }

    private static void check(
            String name,
            int digits,
            BigDecimal x,
            Elementary few,
            Elementary many,
            BiFunction<Elementary, BigDecimal, BigDecimal> function) {
        BigDecimal exact = function.apply(many, x);
        double scale = Math.max(0, Complex.magnitude(exact));
        assertThat(error(function.apply(few, x), exact))
                .as("%s(%s) to %d digits", name, x, digits)
                .isLessThan(scale + 3 - digits);
    }

    private static double error(BigDecimal a, BigDecimal b) {
        return Complex.magnitude(a.subtract(b));
    }
}
