package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Digits;
import dev.forkpoint.reward.math.Node.Num;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Equality of numbers and expressions. In order: the same form; exact rationals; a long decimal
 * that agrees in all its digits; exact normal forms over radicals; residues modulo a large prime;
 * values at seeded points with {@value #DIGITS} and then {@value #MORE_DIGITS} digits; and where
 * nothing can be evaluated, form alone.
 */
final class Scalars {
    static final int DIGITS = 60;
    static final int MORE_DIGITS = 120;

    /** A decimal stands for an exact value only with so many significant digits. */
    static final int MIN_DECIMAL_DIGITS = 12;

    private static final int POINTS = 4;
    private static final int MAX_POINTS = 10;
    private static final long[] SEEDS = {0x5eed1L, 0x5eed2L, 0x5eed3L, 0x5eed4L};

    private final Budget budget;
    private final Build build;

    Scalars(Budget budget) {
        this.budget = budget;
        this.build = new Build(budget);
    }

    Decision compare(Node a, Node b) {
        Decision decision = compareAsWritten(a, b);
        if (!decision.equal() && (hasBareLogarithm(a) || hasBareLogarithm(b))) {
            // A logarithm without base is natural or decimal: whichever the other side needs.
            Decision decimal = compareAsWritten(decimalLogarithms(a), decimalLogarithms(b));
            return decimal.equal() ? decimal : decision;
        }
        return decision;
    }

    private Decision compareAsWritten(Node a, Node b) {
        budget.charge(1);
        if (a instanceof Num left && b instanceof Num right) {
            return rational(left, right);
        }
        if (a.equals(b)) {
            return Decision.equal("identical");
        }
        if (a instanceof Digits && b instanceof Digits) {
            return Decision.different("digits");
        }
        if (Shape.hasInfinity(a) || Shape.hasInfinity(b)) {
            return sameResidues(a, b, SEEDS[0])
                    ? Decision.equal("infinity")
                    : Decision.different("infinity");
        }
        Decision decimal = decimal(a, b);
        if (decimal != null) {
            return decimal;
        }
        boolean rational = Shape.isRational(a) && Shape.isRational(b);
        Boolean residues = residues(a, b);
        if (residues != null && residues) {
            return Boolean.TRUE.equals(Exact.equal(a, b, budget))
                    ? Decision.equal("normal form")
                    : Decision.probablyEqual("identity");
        }
        if (residues != null && rational) {
            return Decision.different("identity");
        }
        Boolean exact = Exact.equal(a, b, budget);
        if (exact != null) {
            return exact ? Decision.equal("normal form") : Decision.different("normal form");
        }
        return numeric(a, b);
    }

    private static Decision rational(Num a, Num b) {
        if (a.value().equals(b.value())) {
            return Decision.equal("rational");
        }
        boolean decimals = a.digits() > 0 && b.digits() > 0;
        boolean agree = !decimals && (agrees(a, b.value()) || agrees(b, a.value()));
        return agree ? Decision.equal("decimal") : Decision.different("rational");
    }

    /** Whether a long decimal is the other value, rounded or cut to as many digits. */
    private static boolean agrees(Num decimal, Rational exact) {
        if (decimal.digits() < MIN_DECIMAL_DIGITS || exact.bits() > 4_096) {
            return false;
        }
        BigDecimal top = new BigDecimal(exact.top());
        BigDecimal bottom = new BigDecimal(exact.bottom());
        BigDecimal written = decimalValue(decimal);
        return written.compareTo(top.divide(bottom, decimal.scale(), RoundingMode.HALF_UP)) == 0
                || written.compareTo(top.divide(bottom, decimal.scale(), RoundingMode.DOWN)) == 0;
    }

    private static BigDecimal decimalValue(Num decimal) {
        return new BigDecimal(decimal.value().top())
                .divide(
                        new BigDecimal(decimal.value().bottom()),
                        decimal.scale(),
                        RoundingMode.UNNECESSARY);
    }

    /** A decimal against an expression without variables, or null if that is not the case. */
    private @Nullable Decision decimal(Node a, Node b) {
        Num decimal =
                a instanceof Num left && left.digits() > 0
                        ? left
                        : b instanceof Num right && right.digits() > 0 ? right : null;
        Node other = decimal == a ? b : a;
        if (decimal == null
                || decimal.digits() < MIN_DECIMAL_DIGITS
                || decimal.scale() > 200
                || !Shape.isConstant(other)) {
            return null;
        }
        try {
            Complex value =
                    new Numeric(budget, Math.max(DIGITS, decimal.digits() + 20), 0, false)
                            .value(other);
            if (!value.isNearlyReal() || value.magnitude() > 1_000) {
                return Decision.different("decimal");
            }
            BigDecimal written = decimalValue(decimal);
            boolean agree =
                    written.compareTo(value.re().setScale(decimal.scale(), RoundingMode.HALF_UP))
                                    == 0
                            || written.compareTo(
                                            value.re().setScale(decimal.scale(), RoundingMode.DOWN))
                                    == 0;
            return agree ? Decision.equal("decimal") : null;
        } catch (Numeric.Unsupported | ArithmeticException unsupported) {
            return null;
        }
    }

    /** Whether the residues agree at two random points; null where neither side has one. */
    private @Nullable Boolean residues(Node a, Node b) {
        int agreed = 0;
        for (long seed : SEEDS) {
            long left = new Modular(budget, seed).value(a);
            long right = new Modular(budget, seed).value(b);
            if (left == Modular.UNDEFINED && right == Modular.UNDEFINED) {
                continue;
            }
            if (left != right) {
                return false;
            }
            if (++agreed == 2) {
                return true;
            }
        }
        return null;
    }

    private boolean sameResidues(Node a, Node b, long seed) {
        return new Modular(budget, seed).value(a) == new Modular(budget, seed).value(b);
    }

    private Decision numeric(Node a, Node b) {
        boolean constant = Shape.isConstant(a) && Shape.isConstant(b);
        boolean whole = Shape.needsWholeNumbers(a) || Shape.needsWholeNumbers(b);
        int wanted = constant ? 1 : POINTS;
        int agreed = 0;
        for (int trial = 0; trial < (constant ? 1 : MAX_POINTS) && agreed < wanted; trial++) {
            Boolean equal = numeric(a, b, DIGITS, trial, whole);
            if (equal == null) {
                continue;
            }
            if (!equal) {
                return Decision.different("numeric");
            }
            agreed++;
            if (agreed == 1) {
                Boolean confirmed = numeric(a, b, MORE_DIGITS, trial, whole);
                if (confirmed == null || !confirmed) {
                    return confirmed == null
                            ? Decision.probablyDifferent("form")
                            : Decision.different("numeric");
                }
            }
        }
        return agreed >= Math.min(2, wanted)
                ? Decision.probablyEqual("numeric")
                : Decision.probablyDifferent("form");
    }

    /**
     * Whether the values agree within their errors at a point; null where a side has no value
     * there.
     */
    private @Nullable Boolean numeric(Node a, Node b, int digits, int trial, boolean whole) {
        try {
            Numeric numeric = new Numeric(budget, digits, trial, whole);
            Complex left = numeric.value(a);
            Complex right = numeric.value(b);
            Complex difference = numeric.subtract(left, right);
            if (difference.magnitude() > difference.error() + 2) {
                return false;
            }
            // Agreement within a large error says nothing.
            double scale = Math.max(0, Math.max(left.magnitude(), right.magnitude()));
            return difference.error() < scale - digits / 3.0 ? Boolean.TRUE : null;
        } catch (Numeric.Unsupported | ArithmeticException unsupported) {
            return null;
        } catch (Refusal refusal) {
            if (refusal.kind() == Refusal.Kind.UNDEFINED) {
                return null;
            }
            throw refusal;
        }
    }

    private static boolean hasBareLogarithm(Node node) {
        return Shape.holds(
                node, part -> part instanceof Call call && call.function().equals("log"));
    }

    private Node decimalLogarithms(Node node) {
        return Shape.map(
                node,
                build,
                part ->
                        part instanceof Call call && call.function().equals("log")
                                ? build.call(
                                        "logbase", List.of(Build.num(10), call.arguments().get(0)))
                                : part);
    }

    /**
     * The value of an expression without variables, for ordering; null if it has none.
     *
     * @throws Refusal of kind UNDEFINED if it is undefined
     */
    @Nullable Complex value(Node node) {
        if (!Shape.isConstant(node)) {
            return null;
        }
        try {
            return new Numeric(budget, DIGITS, 0, false).value(node);
        } catch (Numeric.Unsupported | ArithmeticException unsupported) {
            return null;
        }
    }

    /**
     * Refuses what has no value anywhere.
     *
     * @throws Refusal of kind UNDEFINED
     */
    void requireDefined(Node node) {
        if (Shape.hasInfinity(node) && node != Node.Constant.INFINITY && !isSignedInfinity(node)) {
            throw Refusal.undefined("arithmetic with infinity");
        }
        boolean suspicious = Shape.holds(node, Scalars::mayBeAPole);
        if (!suspicious) {
            return;
        }
        boolean undefined = true;
        for (int i = 0; i < 2 && undefined; i++) {
            undefined = new Modular(budget, SEEDS[i]).value(node) == Modular.UNDEFINED;
        }
        if (undefined) {
            throw Refusal.undefined("division by zero");
        }
        if (requireConstantsDefined(node)) {
            value(node);
        }
    }

    /** Whether a node has no variables; of one that has, evaluates the parts that have none. */
    private boolean requireConstantsDefined(Node node) {
        budget.charge(1);
        List<Node> children = Shape.children(node);
        boolean[] constant = new boolean[children.size()];
        boolean all =
                !(node instanceof Node.Symbol)
                        && !(node instanceof Call call && call.function().startsWith("·"));
        for (int i = 0; i < constant.length; i++) {
            constant[i] = requireConstantsDefined(children.get(i));
            all &= constant[i];
        }
        for (int i = 0; i < constant.length && !all; i++) {
            if (constant[i] && Shape.holds(children.get(i), Scalars::mayBeAPole)) {
                value(children.get(i));
            }
        }
        return all;
    }

    private static boolean mayBeAPole(Node part) {
        return (part instanceof Node.Power power
                        && !(power.base() instanceof Num)
                        && !(power.exponent() instanceof Num number && number.value().signum() > 0))
                || (part instanceof Call call && POLES.contains(call.function()));
    }

    private static boolean isSignedInfinity(Node node) {
        return node instanceof Node.Product product
                && product.factors().size() == 2
                && product.factors().get(0) instanceof Num number
                && !number.value().isZero()
                && product.factors().get(1) == Node.Constant.INFINITY;
    }

    private static final java.util.Set<String> POLES =
            java.util.Set.of(
                    "tan", "cot", "sec", "csc", "ln", "log", "logbase", "coth", "csch", "artanh",
                    "arcsec", "arccsc");
}
