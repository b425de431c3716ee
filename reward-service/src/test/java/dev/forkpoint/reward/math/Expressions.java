package dev.forkpoint.reward.math;

import dev.forkpoint.reward.verifier.CounterRandom;
import java.util.ArrayList;
import java.util.List;

/**
 * Random expressions, written twice: as LaTeX for the verifier and in sympy's syntax for an
 * independent judge.
 */
final class Expressions {
    private Expressions() {}

    /**
     * An expression.
     *
     * @param latex for the verifier
     * @param sympy for the judge; implicit multiplication written out
     * @param atomic whether it needs no brackets as a factor or base
     */
    record Expression(String latex, String sympy, boolean atomic) {
        String bracketedLatex() {
            return atomic ? latex : "\\left(" + latex + "\\right)";
        }

        String bracketedSympy() {
            return atomic ? sympy : "(" + sympy + ")";
        }
    }

    /** Two expressions that are equal by how they were made, or differ in one place. */
    record Pair(Expression left, Expression right) {}

    static Expression random(CounterRandom random, int depth) {
        if (depth == 0 || random.below(5) == 0) {
            return leaf(random);
        }
        Expression a = random(random, depth - 1);
        Expression b = random(random, depth - 1);
        return switch (random.below(9)) {
            case 0, 1 ->
                    new Expression(
                            a.latex + " + " + signed(b).bracketedLatex(),
                            a.sympy + " + " + b.bracketedSympy(),
                            false);
            case 2 ->
                    new Expression(
                            a.latex + " - " + signed(b).bracketedLatex(),
                            a.sympy + " - " + b.bracketedSympy(),
                            false);
            case 3, 4 ->
                    new Expression(
                            a.bracketedLatex()
                                    + (random.below(2) == 0 ? " \\cdot " : " \\times ")
                                    + signed(b).bracketedLatex(),
                            a.bracketedSympy() + "*" + b.bracketedSympy(),
                            false);
            case 5 ->
                    new Expression(
                            "\\frac{" + a.latex + "}{" + b.latex + "}",
                            "(" + a.sympy + ")/(" + b.sympy + ")",
                            false);
            case 6 -> {
                int exponent = random.between(2, 3);
                yield new Expression(
                        a.bracketedLatex() + "^{" + exponent + "}",
                        a.bracketedSympy() + "**" + exponent,
                        false);
            }
            case 7 -> new Expression("\\sqrt{" + a.latex + "}", "sqrt(" + a.sympy + ")", true);
            default -> {
                String function = List.of("sin", "cos", "exp").get(random.below(3));
                yield new Expression(
                        "\\" + function + "\\left(" + a.latex + "\\right)",
                        function + "(" + a.sympy + ")",
                        true);
            }
        };
    }

    private static Expression signed(Expression expression) {
        return expression.latex.startsWith("-")
                ? new Expression(expression.latex, expression.sympy, false)
                : expression;
    }

    private static Expression leaf(CounterRandom random) {
        return switch (random.below(8)) {
            case 0, 1 -> new Expression("x", "x", true);
            case 2 -> new Expression("y", "y", true);
            case 3 -> new Expression("\\pi", "pi", true);
            case 4 -> {
                int top = random.between(1, 9);
                int bottom = random.between(2, 9);
                yield new Expression(
                        "\\frac{" + top + "}{" + bottom + "}",
                        "Rational(" + top + "," + bottom + ")",
                        false);
            }
            default -> {
                int value = random.between(1, 12);
                yield new Expression("" + value, "Integer(" + value + ")", true);
            }
        };
    }

    /** A pair: rewritten by an identity, two independent ones, or one with a changed number. */
    static Pair pair(CounterRandom random) {
        Expression a = random(random, 2);
        Expression b = random(random, 1);
        Expression c = random(random, 1);
        return switch (random.below(8)) {
            case 0 -> new Pair(product(a, sum(b, c)), sum(product(a, b), product(a, c)));
            case 1 ->
                    new Pair(
                            square(sum(a, b)),
                            sum(sum(square(a), square(b)), product(number(2), product(a, b))));
            case 2 -> new Pair(sum(quotient(a, b), c), quotient(sum(a, product(b, c)), b));
            case 3 ->
                    new Pair(
                            product(sum(a, b), difference(a, b)), difference(square(a), square(b)));
            case 4 -> new Pair(sum(square(call("sin", a)), square(call("cos", a))), number(1));
            case 5 -> new Pair(a, random(random, 2));
            case 6 ->
                    new Pair(
                            product(a, b),
                            product(b, sum(a, quotient(number(1), number(1_000_000_007)))));
            default -> new Pair(call("exp", sum(a, b)), product(call("exp", a), call("exp", b)));
        };
    }

    private static Expression number(int value) {
        return new Expression("" + value, "Integer(" + value + ")", true);
    }

    private static Expression sum(Expression a, Expression b) {
        return new Expression(
                a.latex + " + " + b.bracketedLatex(), a.sympy + " + " + b.bracketedSympy(), false);
    }

    private static Expression difference(Expression a, Expression b) {
        return new Expression(
                a.latex + " - " + b.bracketedLatex(), a.sympy + " - " + b.bracketedSympy(), false);
    }

    private static Expression product(Expression a, Expression b) {
        return new Expression(
                a.bracketedLatex() + b2(b), a.bracketedSympy() + "*" + b.bracketedSympy(), false);
    }

    private static String b2(Expression b) {
        return " \\cdot " + b.bracketedLatex();
    }

    private static Expression quotient(Expression a, Expression b) {
        return new Expression(
                "\\frac{" + a.latex + "}{" + b.latex + "}",
                "(" + a.sympy + ")/(" + b.sympy + ")",
                false);
    }

    private static Expression square(Expression a) {
        return new Expression(a.bracketedLatex() + "^2", a.bracketedSympy() + "**2", false);
    }

    private static Expression call(String function, Expression a) {
        return new Expression(
                "\\" + function + "\\left(" + a.latex + "\\right)",
                function + "(" + a.sympy + ")",
                true);
    }

    /** An answer of one of the kinds that data sets hold: every digit in it matters. */
    static String answer(CounterRandom random) {
        return switch (random.below(10)) {
            case 0 -> "" + random.between(1, 9_999);
            case 1 -> "\\frac{" + random.between(1, 99) + "}{" + primeNot(random) + "}";
            case 2 -> "-" + random.between(1, 99) + "." + random.between(1, 9);
            case 3 -> random.between(2, 9) + "\\sqrt{" + primeNot(random) + "}";
            case 4 -> "(" + random.between(1, 50) + ", " + random.between(51, 99) + ")";
            case 5 -> "[" + random.between(1, 50) + ", " + random.between(51, 99) + ")";
            case 6 ->
                    "\\{"
                            + random.between(1, 30)
                            + ", "
                            + random.between(31, 60)
                            + ", "
                            + random.between(61, 99)
                            + "\\}";
            case 7 ->
                    random.between(2, 9)
                            + "x^2 + "
                            + random.between(2, 9)
                            + "x - "
                            + random.between(1, 99);
            case 8 ->
                    "\\begin{pmatrix} "
                            + random.between(1, 9)
                            + " & "
                            + random.between(1, 9)
                            + " \\\\ "
                            + random.between(1, 9)
                            + " & "
                            + random.between(1, 9)
                            + " \\end{pmatrix}";
            default -> "x = " + random.between(1, 99) + " + " + random.between(2, 9) + "\\pi";
        };
    }

    private static int primeNot(CounterRandom random) {
        return new int[] {101, 103, 107, 109, 113}[random.below(5)];
    }

    /** The text with one of its digits replaced by another one. */
    static String changeDigit(String text, CounterRandom random) {
        List<Integer> places = new ArrayList<>();
        for (int i = 0; i < text.length(); i++) {
            if (Character.isDigit(text.charAt(i))) {
                places.add(i);
            }
        }
        int place = places.get(random.below(places.size()));
        int digit = (text.charAt(place) - '0' + random.between(1, 9)) % 10;
        return text.substring(0, place) + digit + text.substring(place + 1);
    }
}
