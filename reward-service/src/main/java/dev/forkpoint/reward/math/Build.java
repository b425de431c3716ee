package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Constant;
import dev.forkpoint.reward.math.Node.Matrix;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.PlusMinus;
import dev.forkpoint.reward.math.Node.Power;
import dev.forkpoint.reward.math.Node.Product;
import dev.forkpoint.reward.math.Node.Sum;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes expressions and folds exact rational arithmetic as it goes. What would have more than
 * {@value #MAX_BITS} bits stays symbolic: its size is estimated before it is computed.
 */
final class Build {
    static final int MAX_BITS = 20_000;
    private static final int MAX_WORDS = 4_096;
    private static final int MAX_FACTORIAL = 1_500;
    private static final int MAX_MATRIX = 4_096;
    private static final int MAX_DETERMINANT = 6;

    static final Num ZERO = new Num(Rational.ZERO);
    static final Num ONE = new Num(Rational.ONE);
    static final Num MINUS_ONE = new Num(Rational.MINUS_ONE);

    private final Budget budget;

    Build(Budget budget) {
        this.budget = budget;
    }

    static Num num(long value) {
        return new Num(Rational.of(value));
    }

    Node negate(Node node) {
        if (node instanceof Num number) {
            return new Num(number.value().negate(), number.digits(), number.scale());
        }
        return product(MINUS_ONE, node);
    }

    Node subtract(Node left, Node right) {
        return sum(List.of(left, negate(right)));
    }

    Node divide(Node top, Node bottom) {
        return product(top, power(bottom, MINUS_ONE));
    }

    Node sum(Node left, Node right) {
        return sum(List.of(left, right));
    }

    Node sum(List<Node> terms) {
        List<Node> flat = new ArrayList<>(terms.size());
        Rational constant = Rational.ZERO;
        Matrix matrix = null;
        for (Node term : terms) {
            budget.charge(1);
            if (term instanceof Matrix next) {
                matrix = matrix == null ? next : add(matrix, next);
            } else if (term instanceof Sum inner) {
                for (Node node : inner.terms()) {
                    if (node instanceof Num number) {
                        constant = add(constant, number.value());
                    } else {
                        flat.add(node);
                    }
                }
            } else if (term instanceof Num number) {
                constant = add(constant, number.value());
            } else {
                flat.add(scalar(term));
            }
        }
        if (matrix != null) {
            if (!flat.isEmpty() || !constant.isZero()) {
                throw Refusal.syntax("a matrix plus a number");
            }
            return matrix;
        }
        if (!constant.isZero() || flat.isEmpty()) {
            flat.add(new Num(constant));
        }
        return flat.size() == 1 ? flat.get(0) : new Sum(List.copyOf(flat));
    }

    Node product(Node left, Node right) {
        return product(List.of(left, right));
    }

    Node product(List<Node> factors) {
        List<Node> flat = new ArrayList<>(factors.size());
        Rational constant = Rational.ONE;
        Matrix matrix = null;
        for (Node factor : factors) {
            budget.charge(1);
            if (factor instanceof Matrix next) {
                matrix = matrix == null ? next : multiply(matrix, next);
            } else if (factor instanceof Product inner) {
                for (Node node : inner.factors()) {
                    if (node instanceof Num number) {
                        constant = multiply(constant, number.value());
                    } else {
                        flat.add(node);
                    }
                }
            } else if (factor instanceof Num number) {
                constant = multiply(constant, number.value());
            } else if (factor instanceof PlusMinus sign && factors.size() > 1) {
                List<Node> rest = new ArrayList<>(factors);
                rest.set(rest.indexOf(factor), sign.term());
                return new PlusMinus(sign.plus(), product(rest));
            } else {
                flat.add(scalar(factor));
            }
        }
        if (constant.isZero()
                && matrix == null
                && flat.stream().noneMatch(Constant.INFINITY::equals)) {
            return ZERO;
        }
        if (!constant.equals(Rational.ONE) || flat.isEmpty()) {
            flat.add(0, new Num(constant));
        }
        Node scalar = flat.size() == 1 ? flat.get(0) : new Product(List.copyOf(flat));
        return matrix == null ? scalar : scale(matrix, scalar);
    }

    Node power(Node base, Node exponent) {
        budget.charge(1);
        if (base instanceof Matrix matrix) {
            return power(matrix, exponent);
        }
        scalar(base);
        scalar(exponent);
        if (exponent instanceof Num number) {
            Rational value = number.value();
            if (value.equals(Rational.ONE)) {
                return base;
            }
            if (base instanceof Num zero && zero.value().isZero()) {
                if (value.signum() <= 0) {
                    throw Refusal.undefined(
                            value.isZero() ? "0 to the power 0" : "division by zero");
                }
                return ZERO;
            }
            if (value.isZero()) {
                return ONE;
            }
            if (base instanceof Num rational && rational.value().equals(Rational.ONE)) {
                return ONE;
            }
            if (base instanceof Num rational
                    && value.isInt()
                    && fits(rational.value(), value.intValue())) {
                return new Num(power(rational.value(), value.intValue()));
            }
            if (base == Constant.I && value.isInt()) {
                return switch (Math.floorMod(value.intValue(), 4)) {
                    case 0 -> ONE;
                    case 1 -> Constant.I;
                    case 2 -> MINUS_ONE;
                    default -> product(MINUS_ONE, Constant.I);
                };
            }
            if (base instanceof Power inner
                    && inner.exponent() instanceof Num first
                    && value.isWhole()
                    && first.value().isWhole()) {
                return power(inner.base(), new Num(multiply(first.value(), value)));
            }
            if (base instanceof Num rational && value.bottom().bitLength() < 16) {
                Node root = perfectRoot(rational.value(), value);
                if (root != null) {
                    return root;
                }
            }
        }
        return new Power(base, exponent);
    }

    /**
     * The base's exact root, if the base is a non-negative perfect power and the result small; null
     * otherwise.
     */
    private @org.jspecify.annotations.Nullable Node perfectRoot(Rational base, Rational exponent) {
        int degree = exponent.bottom().intValueExact();
        if (degree == 1
                || base.signum() < 0
                || base.bits() > 4096
                || !Rational.of(exponent.top()).isInt()) {
            return null;
        }
        BigInteger top = root(base.top(), degree);
        BigInteger bottom = root(base.bottom(), degree);
        if (top == null || bottom == null) {
            return null;
        }
        Rational root = Rational.of(top, bottom);
        return fits(root, exponent.top().intValueExact())
                ? new Num(power(root, exponent.top().intValueExact()))
                : null;
    }

    /** The exact whole root, or null. Newton's iteration on whole numbers. */
    private @org.jspecify.annotations.Nullable BigInteger root(BigInteger value, int degree) {
        if (value.bitLength() <= 1) {
            return value;
        }
        if (degree >= value.bitLength()) {
            return null;
        }
        budget.charge(20 + value.bitLength() / 8);
        if (degree == 2) {
            BigInteger root = value.sqrt();
            return root.multiply(root).equals(value) ? root : null;
        }
        BigInteger guess = BigInteger.ONE.shiftLeft(value.bitLength() / degree + 1);
        BigInteger less = BigInteger.valueOf(degree - 1L);
        while (true) {
            BigInteger next =
                    guess.multiply(less)
                            .add(value.divide(guess.pow(degree - 1)))
                            .divide(BigInteger.valueOf(degree));
            if (next.compareTo(guess) >= 0) {
                return guess.pow(degree).equals(value) ? guess : null;
            }
            guess = next;
        }
    }

    /** A function's value where it is exact and small, otherwise the call. */
    Node call(String function, List<Node> arguments) {
        budget.charge(1);
        arguments.forEach(Build::scalar);
        List<Rational> numbers = new ArrayList<>(arguments.size());
        for (Node argument : arguments) {
            if (argument instanceof Num number) {
                numbers.add(number.value());
            }
        }
        if (numbers.size() == arguments.size() && !numbers.isEmpty()) {
            for (Rational number : numbers) {
                long words = numbers.size() > 1 ? number.bits() / 64 : 0;
                budget.charge(1 + 2 * words * words);
            }
            Node folded = fold(function, numbers);
            if (folded != null) {
                return folded;
            }
        }
        return new Call(function, List.copyOf(arguments));
    }

    private @org.jspecify.annotations.Nullable Node fold(String function, List<Rational> numbers) {
        Rational first = numbers.get(0);
        boolean whole = numbers.stream().allMatch(Rational::isWhole);
        switch (function) {
            case "abs":
                return new Num(first.signum() < 0 ? first.negate() : first);
            case "floor":
                return new Num(Rational.of(first.floor()));
            case "ceil":
                return new Num(Rational.of(first.negate().floor().negate()));
            case "max":
                return new Num(numbers.stream().max(Rational::compareTo).orElseThrow());
            case "min":
                return new Num(numbers.stream().min(Rational::compareTo).orElseThrow());
            case "gcd":
                return whole
                        ? new Num(
                                Rational.of(
                                        numbers.stream()
                                                .map(Rational::top)
                                                .reduce(BigInteger.ZERO, BigInteger::gcd)))
                        : null;
            case "lcm":
                return whole ? lcm(numbers) : null;
            case "mod":
                return numbers.size() == 2 ? mod(first, numbers.get(1)) : null;
            case "factorial":
                if (first.signum() < 0) {
                    throw Refusal.undefined("factorial of a negative number");
                }
                return first.isInt() && first.intValue() <= MAX_FACTORIAL
                        ? new Num(Rational.of(factorial(first.intValue())))
                        : null;
            case "binomial":
                return whole && numbers.size() == 2 ? binomial(first, numbers.get(1)) : null;
            case "ln":
            case "log":
                if (first.isZero()) {
                    throw Refusal.undefined("logarithm of zero");
                }
                return first.equals(Rational.ONE) ? ZERO : null;
            case "logbase":
                return numbers.size() == 2 ? logarithm(first, numbers.get(1)) : null;
            case "sin":
            case "tan":
            case "arcsin":
            case "arctan":
            case "sinh":
            case "tanh":
            case "arsinh":
                return first.isZero() ? ZERO : null;
            case "cos":
            case "cosh":
                return first.isZero() ? ONE : null;
            default:
                return null;
        }
    }

    private @org.jspecify.annotations.Nullable Node lcm(List<Rational> numbers) {
        BigInteger result = BigInteger.ONE;
        for (Rational number : numbers) {
            if (number.isZero()) {
                return ZERO;
            }
            result = result.divide(result.gcd(number.top())).multiply(number.top()).abs();
            if (result.bitLength() > MAX_BITS) {
                return null;
            }
        }
        return new Num(Rational.of(result));
    }

    private Node mod(Rational value, Rational modulus) {
        if (modulus.isZero()) {
            throw Refusal.undefined("division by zero");
        }
        Rational quotient = Rational.of(value.times(modulus.inverse()).floor());
        return new Num(value.minus(quotient.times(modulus)));
    }

    private BigInteger factorial(int n) {
        budget.charge(12L * n);
        BigInteger result = BigInteger.ONE;
        for (int i = 2; i <= n; i++) {
            result = result.multiply(BigInteger.valueOf(i));
        }
        return result;
    }

    private @org.jspecify.annotations.Nullable Node binomial(Rational n, Rational k) {
        if (n.signum() < 0 || !n.isWhole()) {
            return null;
        }
        if (k.signum() < 0 || k.compareTo(n) > 0) {
            return ZERO;
        }
        Rational other = n.minus(k);
        Rational smaller = k.compareTo(other) < 0 ? k : other;
        if (!smaller.isInt() || (long) smaller.intValue() * n.bits() > MAX_BITS) {
            return null;
        }
        budget.charge(smaller.intValue() * 20L);
        BigInteger result = BigInteger.ONE;
        for (int i = 1; i <= smaller.intValue(); i++) {
            result =
                    result.multiply(n.top().subtract(BigInteger.valueOf(i - 1L)))
                            .divide(BigInteger.valueOf(i));
        }
        return new Num(Rational.of(result));
    }

    /** log of value to a base, if it is a small whole number or its negative; null otherwise. */
    private @org.jspecify.annotations.Nullable Node logarithm(Rational base, Rational value) {
        if (value.signum() <= 0 || base.signum() <= 0 || base.equals(Rational.ONE)) {
            if (value.isZero() || base.isZero() || base.equals(Rational.ONE)) {
                throw Refusal.undefined("logarithm of zero, or to base 0 or 1");
            }
            return null;
        }
        if (value.bits() > 512) {
            return null;
        }
        Rational up = Rational.ONE;
        Rational down = Rational.ONE;
        Rational inverse = base.inverse();
        for (int exponent = 0;
                exponent <= 4096 && up.bits() <= value.bits() + base.bits();
                exponent++) {
            budget.charge(20);
            if (up.equals(value)) {
                return num(exponent);
            }
            if (down.equals(value)) {
                return num(-exponent);
            }
            up = up.times(base);
            down = down.times(inverse);
        }
        return null;
    }

    private static boolean fits(Rational base, int exponent) {
        int bits = base.bits();
        return bits <= 1 || (long) bits * Math.abs((long) exponent) <= MAX_BITS;
    }

    private Rational power(Rational base, int exponent) {
        if (base.isZero() && exponent < 0) {
            throw Refusal.undefined("division by zero");
        }
        if (base.bits() <= 1) {
            return (exponent & 1) == 0 ? new Rational(base.top().abs(), base.bottom()) : base;
        }
        long words = base.bits() * Math.abs((long) exponent) / 64;
        budget.charge(1 + words * words / 50);
        return base.power(exponent);
    }

    private Rational add(Rational left, Rational right) {
        charge(left, right);
        return left.plus(right);
    }

    private Rational multiply(Rational left, Rational right) {
        charge(left, right);
        return left.times(right);
    }

    /**
     * The work of an operation on two fractions: a greatest common divisor is quadratic in their
     * size, and slow.
     */
    private void charge(Rational left, Rational right) {
        long words = (left.bits() + (long) right.bits()) / 64;
        if (words > MAX_WORDS) {
            throw new Refusal(
                    Refusal.Kind.BUDGET, "a number of more than %d bits".formatted(64 * MAX_WORDS));
        }
        budget.charge(
                left.isWhole() && right.isWhole()
                        ? 1 + words * words / 50
                        : 10 + 3 * words * words / 2);
    }

    private static Node scalar(Node node) {
        if (!node.isScalar()) {
            throw Refusal.syntax(
                    "a " + node.getClass().getSimpleName() + " where a number is needed");
        }
        return node;
    }

    private Matrix add(Matrix left, Matrix right) {
        if (left.height() != right.height() || left.width() != right.width()) {
            throw Refusal.undefined("sum of matrices of different size");
        }
        List<List<Node>> rows = new ArrayList<>();
        for (int i = 0; i < left.height(); i++) {
            List<Node> row = new ArrayList<>();
            for (int j = 0; j < left.width(); j++) {
                row.add(sum(left.rows().get(i).get(j), right.rows().get(i).get(j)));
            }
            rows.add(row);
        }
        return new Matrix(rows);
    }

    private Matrix multiply(Matrix left, Matrix right) {
        if (left.width() != right.height()) {
            throw Refusal.undefined("product of matrices whose sizes do not fit");
        }
        if ((long) left.height() * right.width() * left.width() > MAX_MATRIX) {
            throw new Refusal(Refusal.Kind.BUDGET, "product of large matrices");
        }
        List<List<Node>> rows = new ArrayList<>();
        for (int i = 0; i < left.height(); i++) {
            List<Node> row = new ArrayList<>();
            for (int j = 0; j < right.width(); j++) {
                List<Node> terms = new ArrayList<>();
                for (int k = 0; k < left.width(); k++) {
                    terms.add(product(left.rows().get(i).get(k), right.rows().get(k).get(j)));
                }
                // Entries share their parts: what is cheap to make may be endless to walk.
                row.add(counted(sum(terms)));
            }
            rows.add(row);
        }
        return new Matrix(rows);
    }

    private Node counted(Node node) {
        budget.charge(1);
        Shape.children(node).forEach(this::counted);
        return node;
    }

    private Matrix scale(Matrix matrix, Node factor) {
        if (factor.equals(ONE)) {
            return matrix;
        }
        return new Matrix(
                matrix.rows().stream()
                        .map(row -> row.stream().map(cell -> product(factor, cell)).toList())
                        .toList());
    }

    private Node power(Matrix matrix, Node exponent) {
        if (exponent instanceof Node.Symbol symbol && symbol.name().equals("T")) {
            List<List<Node>> rows = new ArrayList<>();
            for (int j = 0; j < matrix.width(); j++) {
                int column = j;
                rows.add(matrix.rows().stream().map(row -> row.get(column)).toList());
            }
            return new Matrix(rows);
        }
        if (!(exponent instanceof Num number) || !number.value().isInt()) {
            throw Refusal.syntax("a matrix to a power that is not a whole number");
        }
        int size = number.value().intValue();
        if (matrix.height() != matrix.width()) {
            throw Refusal.undefined("power of a matrix that is not square");
        }
        if (size == 0 || Math.abs(size) > 64) {
            throw Refusal.syntax(
                    "a matrix to the power %d (-64 to -1 and 1 to 64 are computed)"
                            .formatted(size));
        }
        Matrix base = size < 0 ? inverse(matrix) : matrix;
        Matrix result = base;
        for (int i = 1; i < Math.abs(size); i++) {
            result = multiply(result, base);
        }
        return result;
    }

    /** The inverse by cofactors. */
    private Matrix inverse(Matrix matrix) {
        int size = matrix.height();
        Node factor = power(determinant(matrix), MINUS_ONE);
        if (size == 1) {
            return new Matrix(List.of(List.of(factor)));
        }
        List<List<Node>> rows = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            List<Node> row = new ArrayList<>();
            for (int j = 0; j < size; j++) {
                Node cofactor = determinant(minor(matrix, j, i));
                row.add(
                        counted(
                                product(
                                        List.of(
                                                num((i + j) % 2 == 0 ? 1 : -1),
                                                factor,
                                                cofactor))));
            }
            rows.add(row);
        }
        return new Matrix(rows);
    }

    private static Matrix minor(Matrix matrix, int withoutRow, int withoutColumn) {
        List<List<Node>> rows = new ArrayList<>();
        for (int i = 0; i < matrix.height(); i++) {
            if (i != withoutRow) {
                List<Node> row = new ArrayList<>(matrix.rows().get(i));
                row.remove(withoutColumn);
                rows.add(row);
            }
        }
        return new Matrix(rows);
    }

    /** The determinant by expansion along the first row. */
    Node determinant(Matrix matrix) {
        int size = matrix.height();
        if (size != matrix.width() || size > MAX_DETERMINANT) {
            throw Refusal.syntax(
                    "determinant of a matrix that is not square, or larger than %d"
                            .formatted(MAX_DETERMINANT));
        }
        if (size == 1) {
            return matrix.rows().get(0).get(0);
        }
        List<Node> terms = new ArrayList<>();
        for (int j = 0; j < size; j++) {
            terms.add(
                    product(
                            List.of(
                                    num(j % 2 == 0 ? 1 : -1),
                                    matrix.rows().get(0).get(j),
                                    determinant(minor(matrix, 0, j)))));
        }
        return counted(sum(terms));
    }
}
