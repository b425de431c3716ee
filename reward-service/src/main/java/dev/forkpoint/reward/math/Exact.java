package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Constant;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.Power;
import dev.forkpoint.reward.math.Node.Product;
import dev.forkpoint.reward.math.Node.Sum;
import dev.forkpoint.reward.math.Node.Symbol;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Normal forms by exact arithmetic: fractions of polynomials with rational coefficients in primes
 * to rational powers, i, π, e to rational powers, logarithms of primes, variables, and functions
 * that are not looked into. Used relations: (p^(1/n))ⁿ = p, i² = −1, (α^(1/n))ⁿ = α, cos² = 1 −
 * sin², and √(a + b√c) = √((a + q)/2) ± √((a − q)/2) where q = √(a² − b²c) is rational. Equal forms
 * are equal values. Forms that differ are different values where they hold only primes, i and π:
 * real radicals of positive rationals are independent over ℚ (Besicovitch 1940), and π is
 * transcendental.
 */
final class Exact {
    private static final int MAX_COST = 20_000;
    private static final int MAX_TERMS = 128;
    private static final int MAX_POWER = 64;
    private static final int MAX_BITS = 2_000;
    private static final int LARGEST_PRIME = 1_000;
    private static final Rational HALF = Rational.of(BigInteger.ONE, BigInteger.TWO);

    /** The expression has no such form, or too large a one. */
    private static final class NoForm extends RuntimeException {
        private static final long serialVersionUID = 1;

        NoForm() {
            super("no normal form", null, false, false);
        }
    }

    private final Budget budget;

    /** Radicands and angles of generators, by the generator's name. */
    private final Map<String, Poly> radicands = new TreeMap<>();

    private boolean independent = true;

    private Exact(Budget budget) {
        this.budget = budget;
    }

    /**
     * Whether two expressions are equal, exactly decided; null where this cannot tell within its
     * part of the budget.
     *
     * @throws Refusal of kind BUDGET if the whole is spent
     */
    static @Nullable Boolean equal(Node a, Node b, Budget budget) {
        Budget part = new Budget(MAX_COST);
        Exact exact = new Exact(part);
        try {
            Fraction left = exact.form(a);
            Fraction right = exact.form(b);
            boolean equal =
                    exact.multiply(left.top, right.bottom)
                            .equals(exact.multiply(right.top, left.bottom));
            return equal ? Boolean.TRUE : exact.independent ? Boolean.FALSE : null;
        } catch (NoForm noForm) {
            return null;
        } catch (Refusal refusal) {
            return null;
        } finally {
            budget.charge(part.spent());
        }
    }

    /** A product of generators to rational powers, none zero. */
    private record Monomial(TreeMap<String, Rational> powers, String text)
            implements Comparable<Monomial> {
        static final Monomial ONE = of(new TreeMap<>());

        static Monomial of(TreeMap<String, Rational> powers) {
            StringBuilder text = new StringBuilder();
            powers.forEach(
                    (name, power) -> text.append(name).append('^').append(power).append(' '));
            return new Monomial(powers, text.toString());
        }

        static Monomial of(String name, Rational power) {
            return of(new TreeMap<>(Map.of(name, power)));
        }

        @Override
        public int compareTo(Monomial other) {
            return text.compareTo(other.text);
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Monomial monomial && monomial.text.equals(text);
        }

        @Override
        public int hashCode() {
            return text.hashCode();
        }
    }

    /** Monomials with their coefficients, none zero. */
    private record Poly(TreeMap<Monomial, Rational> terms) {
        static final Poly ZERO = new Poly(new TreeMap<>());

        static Poly of(Rational value) {
            return of(Monomial.ONE, value);
        }

        static Poly of(Monomial monomial, Rational coefficient) {
            return coefficient.isZero()
                    ? ZERO
                    : new Poly(new TreeMap<>(Map.of(monomial, coefficient)));
        }

        boolean isZero() {
            return terms.isEmpty();
        }

        /** The value if it is a rational number, or null. */
        @Nullable Rational number() {
            if (terms.isEmpty()) {
                return Rational.ZERO;
            }
            return terms.size() == 1 ? terms.get(Monomial.ONE) : null;
        }

        @Override
        public String toString() {
            StringBuilder text = new StringBuilder();
            terms.forEach(
                    (monomial, factor) ->
                            text.append(factor).append('·').append(monomial.text).append('+'));
            return text.toString();
        }
    }

    private record Fraction(Poly top, Poly bottom) {
        @Override
        public String toString() {
            return "[" + top + "/" + bottom + "]";
        }
    }

    private static final Poly ONE = Poly.of(Rational.ONE);

    private static Fraction whole(Poly poly) {
        return new Fraction(poly, ONE);
    }

    private Fraction form(Node node) {
        budget.charge(2);
        if (node instanceof Num number) {
            return whole(Poly.of(checked(number.value())));
        } else if (node instanceof Symbol symbol) {
            return generator("x:" + symbol.name());
        } else if (node instanceof Constant constant) {
            return switch (constant) {
                case PI -> generator("π");
                case E -> opaque("e");
                case I -> generator("i");
                case INFINITY -> throw new NoForm();
            };
        } else if (node instanceof Sum sum) {
            Fraction total = whole(Poly.ZERO);
            for (Node term : sum.terms()) {
                total = add(total, form(term));
            }
            return total;
        } else if (node instanceof Product product) {
            Fraction total = whole(ONE);
            for (Node factor : product.factors()) {
                total = multiply(total, form(factor));
            }
            return total;
        } else if (node instanceof Power power) {
            return power(power);
        } else if (node instanceof Call call) {
            return call(call);
        }
        throw new NoForm();
    }

    private Fraction generator(String name) {
        return whole(Poly.of(Monomial.of(name, Rational.ONE), Rational.ONE));
    }

    /** A generator of which nothing is known but its name. */
    private Fraction opaque(String name) {
        independent = false;
        return generator(name);
    }

    private Fraction power(Power power) {
        Fraction exponent = form(power.exponent());
        Rational number = exponent.bottom.equals(ONE) ? exponent.top.number() : null;
        if (number != null && power.base() != Constant.E) {
            return power(form(power.base()), number);
        }
        if (power.base() == Constant.E) {
            return exponential(exponent, "e", null);
        }
        Fraction base = form(power.base());
        Rational value = base.bottom.equals(ONE) ? base.top.number() : null;
        if (value == null || value.signum() <= 0) {
            return exponential(exponent, base.toString(), null);
        }
        Fraction result = whole(ONE);
        for (Map.Entry<BigInteger, Integer> factor : factors(value).entrySet()) {
            Fraction part = multiply(exponent, whole(Poly.of(Rational.of(factor.getValue()))));
            result =
                    multiply(
                            result,
                            exponential(part, "p" + factor.getKey(), Rational.of(factor.getKey())));
        }
        return result;
    }

    /**
     * base^(Σ c·m) = Π (base^m)^c with rational c and monomials m; e^(c ln p) = p^c and e^(iπr) =
     * cos πr + i sin πr.
     *
     * @param prime the base if it is a prime
     */
    private Fraction exponential(Fraction exponent, String base, @Nullable Rational prime) {
        if (!exponent.bottom.equals(ONE)) {
            return opaque("^" + base + exponent);
        }
        Fraction result = whole(ONE);
        for (Map.Entry<Monomial, Rational> term : exponent.top.terms.entrySet()) {
            Monomial monomial = term.getKey();
            Rational factor = term.getValue();
            if (monomial.equals(Monomial.ONE) && prime != null) {
                result = multiply(result, power(whole(Poly.of(prime)), factor));
            } else if (monomial.equals(Monomial.ONE)) {
                independent = false;
                result = multiply(result, whole(Poly.of(Monomial.of(base, factor), Rational.ONE)));
            } else if (base.equals("e") && monomial.text.startsWith("lnp") && isSingle(monomial)) {
                Rational value = Rational.of(new BigInteger(name(monomial).substring(3)));
                result = multiply(result, power(whole(Poly.of(value)), factor));
            } else if (prime != null
                    && monomial.text.startsWith("ln" + base + "^-1 lnp")
                    && monomial.powers.size() == 2
                    && monomial.powers.lastEntry().getValue().equals(Rational.ONE)) {
                // p^(ln q / ln p) = q
                Rational value =
                        Rational.of(new BigInteger(monomial.powers.lastKey().substring(3)));
                result = multiply(result, power(whole(Poly.of(value)), factor));
            } else if (base.equals("e") && monomial.text.equals("i^1 π^1 ")) {
                result = multiply(result, root(factor));
            } else {
                independent = false;
                result =
                        multiply(
                                result,
                                whole(
                                        Poly.of(
                                                Monomial.of(
                                                        "^" + base + "[" + monomial.text, factor),
                                                Rational.ONE)));
            }
        }
        return result;
    }

    private static boolean isSingle(Monomial monomial) {
        return monomial.powers.size() == 1
                && monomial.powers.firstEntry().getValue().equals(Rational.ONE);
    }

    private static String name(Monomial monomial) {
        return monomial.powers.firstKey();
    }

    /** cos πr + i sin πr. */
    private Fraction root(Rational turns) {
        Rational degrees = turns.times(Rational.of(180));
        Fraction cosine = cosine(degrees);
        Fraction sine = cosine(Rational.of(90).minus(degrees));
        return add(cosine, multiply(sine, generator("i")));
    }

    private Fraction power(Fraction base, Rational exponent) {
        if (exponent.isWhole()) {
            return wholePower(base, exponent);
        }
        if (base.top.isZero()) {
            if (exponent.signum() < 0) {
                throw Refusal.undefined("division by zero");
            }
            return base;
        }
        if (!base.bottom.equals(ONE)) {
            // Roots of a quotient are not the quotient of roots for negative denominators.
            return opaque("√" + base + exponent);
        }
        Poly radicand = base.top;
        if (radicand.terms.size() == 1 && isRadical(radicand.terms.firstKey())) {
            return radical(
                    radicand.terms.firstKey(), radicand.terms.firstEntry().getValue(), exponent);
        }
        Rational content = content(radicand);
        Fraction factor = radical(Monomial.ONE, content, exponent);
        Poly primitive = scale(radicand, content.inverse());
        Rational floor = Rational.of(exponent.floor());
        Rational rest = exponent.minus(floor);
        if (rest.equals(HALF)) {
            Fraction simple = denest(primitive);
            if (simple != null) {
                return multiply(factor, wholePower(simple, exponent.times(Rational.of(2))));
            }
        }
        independent = false;
        Rational unit = Rational.of(BigInteger.ONE, exponent.bottom());
        String name = "√" + exponent.bottom() + "[" + primitive;
        if (name.length() > 500) {
            throw new NoForm();
        }
        radicands.put(name, primitive);
        Poly generator = Poly.of(Monomial.of(name, unit), Rational.ONE);
        return multiply(
                factor,
                wholePower(whole(generator), exponent.times(Rational.of(exponent.bottom()))));
    }

    /** Whether a product of powers of primes. */
    private static boolean isRadical(Monomial monomial) {
        return monomial.powers.keySet().stream().allMatch(name -> name.startsWith("p"));
    }

    private Fraction radical(Monomial monomial, Rational coefficient, Rational exponent) {
        Fraction result = coefficient.signum() < 0 ? root(exponent) : whole(ONE);
        Rational size = coefficient.signum() < 0 ? coefficient.negate() : coefficient;
        for (Map.Entry<BigInteger, Integer> factor : factors(size).entrySet()) {
            Rational power = exponent.times(Rational.of(factor.getValue()));
            result = multiply(result, prime(factor.getKey(), power));
        }
        for (Map.Entry<String, Rational> factor : monomial.powers.entrySet()) {
            BigInteger prime = new BigInteger(factor.getKey().substring(1));
            result = multiply(result, prime(prime, exponent.times(factor.getValue())));
        }
        return result;
    }

    private Fraction prime(BigInteger prime, Rational power) {
        Rational floor = Rational.of(power.floor());
        if (!floor.isInt() || Math.abs((long) floor.intValue()) * prime.bitLength() > MAX_BITS) {
            throw new NoForm();
        }
        Rational coefficient = Rational.of(prime).power(floor.intValue());
        Rational rest = power.minus(floor);
        return whole(
                Poly.of(
                        rest.isZero() ? Monomial.ONE : Monomial.of("p" + prime, rest),
                        coefficient));
    }

    /** √(a + b√c) as a sum of two roots, or null. */
    private @Nullable Fraction denest(Poly radicand) {
        if (radicand.terms.size() != 2) {
            return null;
        }
        Rational a = radicand.terms.get(Monomial.ONE);
        Map.Entry<Monomial, Rational> surd =
                radicand.terms.entrySet().stream()
                        .filter(term -> !term.getKey().equals(Monomial.ONE))
                        .findFirst()
                        .orElseThrow();
        boolean square =
                isRadical(surd.getKey())
                        && surd.getKey().powers.values().stream().allMatch(HALF::equals);
        if (a == null || a.signum() <= 0 || !square) {
            return null;
        }
        Rational under = surd.getValue().times(surd.getValue());
        for (String name : surd.getKey().powers.keySet()) {
            under = under.times(Rational.of(new BigInteger(name.substring(1))));
        }
        Rational norm = checked(a.times(a).minus(under));
        if (norm.signum() < 0) {
            return null;
        }
        BigInteger top = norm.top().sqrt();
        BigInteger bottom = norm.bottom().sqrt();
        if (!top.multiply(top).equals(norm.top())
                || !bottom.multiply(bottom).equals(norm.bottom())) {
            return null;
        }
        Rational q = Rational.of(top, bottom);
        Fraction first = radical(Monomial.ONE, a.plus(q).times(HALF), HALF);
        Fraction second = radical(Monomial.ONE, a.minus(q).times(HALF), HALF);
        return surd.getValue().signum() > 0
                ? add(first, second)
                : add(first, multiply(second, whole(Poly.of(Rational.MINUS_ONE))));
    }

    /** The positive rational number that the coefficients have in common. */
    private Rational content(Poly poly) {
        BigInteger top = BigInteger.ZERO;
        BigInteger bottom = BigInteger.ONE;
        for (Rational coefficient : poly.terms.values()) {
            budget.charge(10);
            top = top.gcd(coefficient.top());
            bottom = bottom.divide(bottom.gcd(coefficient.bottom())).multiply(coefficient.bottom());
        }
        return checked(Rational.of(top, bottom));
    }

    private Fraction wholePower(Fraction base, Rational exponent) {
        if (!exponent.isInt()) {
            throw new NoForm();
        }
        int size = Math.abs(exponent.intValue());
        if (exponent.signum() < 0 && base.top.isZero()) {
            throw Refusal.undefined("division by zero");
        }
        Fraction positive = exponent.signum() < 0 ? inverse(base) : base;
        boolean single = positive.top.terms.size() <= 1 && positive.bottom.terms.size() <= 1;
        if (size > (single ? 10_000 : MAX_POWER)) {
            throw new NoForm();
        }
        Fraction result = whole(ONE);
        Fraction square = positive;
        for (int e = size; e > 0; e >>= 1) {
            result = (e & 1) == 1 ? multiply(result, square) : result;
            square = e > 1 ? multiply(square, square) : square;
        }
        return result;
    }

    private Fraction inverse(Fraction fraction) {
        return simple(fraction.bottom, fraction.top);
    }

    /** A denominator of one term that holds no root is multiplied into the numerator. */
    private Fraction simple(Poly top, Poly bottom) {
        if (bottom.terms.size() != 1) {
            return new Fraction(top, bottom);
        }
        Monomial monomial = bottom.terms.firstKey();
        Fraction result = whole(scale(top, bottom.terms.firstEntry().getValue().inverse()));
        for (Map.Entry<String, Rational> factor : monomial.powers.entrySet()) {
            Rational power = factor.getValue().negate();
            String name = factor.getKey();
            Fraction inverse;
            if (name.startsWith("p")) {
                inverse = prime(new BigInteger(name.substring(1)), power);
            } else if (name.equals("i")) {
                inverse = whole(Poly.of(Monomial.of(name, Rational.ONE), Rational.MINUS_ONE));
            } else if (radicands.containsKey(name) || name.startsWith("cos")) {
                return new Fraction(top, bottom);
            } else {
                inverse = whole(Poly.of(Monomial.of(name, power), Rational.ONE));
            }
            result = multiply(result, inverse);
        }
        return result;
    }

    private Fraction add(Fraction a, Fraction b) {
        if (a.bottom.equals(b.bottom)) {
            return new Fraction(add(a.top, b.top), a.bottom);
        }
        return simple(
                add(multiply(a.top, b.bottom), multiply(b.top, a.bottom)),
                multiply(a.bottom, b.bottom));
    }

    private Fraction multiply(Fraction a, Fraction b) {
        Poly top = multiply(a.top, b.top);
        return a.bottom.equals(ONE) && b.bottom.equals(ONE)
                ? whole(top)
                : simple(top, multiply(a.bottom, b.bottom));
    }

    private Poly add(Poly a, Poly b) {
        budget.charge(2L * Math.min(a.terms.size(), b.terms.size()) + 1);
        if (a.isZero()) {
            return b;
        }
        TreeMap<Monomial, Rational> terms = new TreeMap<>(a.terms);
        b.terms.forEach((monomial, factor) -> accumulate(terms, monomial, factor));
        return limited(terms);
    }

    private void accumulate(TreeMap<Monomial, Rational> terms, Monomial monomial, Rational factor) {
        terms.merge(
                monomial,
                factor,
                new BiFunction<Rational, Rational, @Nullable Rational>() {
                    @Override
                    public @Nullable Rational apply(Rational old, Rational more) {
                        Rational sum = checked(old.plus(more));
                        return sum.isZero() ? null : sum;
                    }
                });
    }

    private Poly scale(Poly poly, Rational factor) {
        if (factor.equals(Rational.ONE)) {
            return poly;
        }
        budget.charge(3L * poly.terms.size());
        TreeMap<Monomial, Rational> terms = new TreeMap<>();
        poly.terms.forEach((monomial, old) -> terms.put(monomial, checked(old.times(factor))));
        return new Poly(terms);
    }

    private Poly multiply(Poly a, Poly b) {
        if (a.equals(ONE)) {
            return b;
        }
        if (b.equals(ONE)) {
            return a;
        }
        TreeMap<Monomial, Rational> terms = new TreeMap<>();
        for (Map.Entry<Monomial, Rational> left : a.terms.entrySet()) {
            for (Map.Entry<Monomial, Rational> right : b.terms.entrySet()) {
                budget.charge(15);
                Rational factor = checked(left.getValue().times(right.getValue()));
                multiply(left.getKey(), right.getKey(), factor, terms);
            }
            limited(terms);
        }
        return limited(terms);
    }

    /** Adds factor · a · b to the terms, by the generators' relations. */
    private void multiply(
            Monomial a, Monomial b, Rational factor, TreeMap<Monomial, Rational> into) {
        if (a.powers.isEmpty() || b.powers.isEmpty()) {
            accumulate(into, a.powers.isEmpty() ? b : a, factor);
            return;
        }
        TreeMap<String, Rational> powers = new TreeMap<>(a.powers);
        Rational coefficient = factor;
        List<Poly> further = new ArrayList<>();
        for (Map.Entry<String, Rational> entry : b.powers.entrySet()) {
            budget.charge(3);
            String name = entry.getKey();
            Rational power = entry.getValue().plus(powers.getOrDefault(name, Rational.ZERO));
            boolean full = power.compareTo(Rational.ONE) >= 0;
            if (name.startsWith("p") && full) {
                power = power.minus(Rational.ONE);
                coefficient =
                        checked(coefficient.times(Rational.of(new BigInteger(name.substring(1)))));
            } else if (name.equals("i") && power.compareTo(Rational.of(2)) >= 0) {
                power = power.minus(Rational.of(2));
                coefficient = coefficient.negate();
            } else if (full && radicands.containsKey(name)) {
                power = power.minus(Rational.ONE);
                further.add(Objects.requireNonNull(radicands.get(name)));
            } else if (name.startsWith("cos") && power.compareTo(Rational.of(2)) >= 0) {
                power = power.minus(Rational.of(2));
                further.add(
                        add(
                                ONE,
                                Poly.of(
                                        Monomial.of("sin" + name.substring(3), Rational.of(2)),
                                        Rational.MINUS_ONE)));
            }
            if (power.isZero()) {
                powers.remove(name);
            } else {
                powers.put(name, power);
            }
        }
        Poly product = Poly.of(Monomial.of(powers), coefficient);
        for (Poly poly : further) {
            product = multiply(product, poly);
        }
        product.terms.forEach((monomial, value) -> accumulate(into, monomial, value));
    }

    private static Poly limited(TreeMap<Monomial, Rational> terms) {
        if (terms.size() > MAX_TERMS) {
            throw new NoForm();
        }
        return new Poly(terms);
    }

    private Rational checked(Rational value) {
        if (value.bits() > MAX_BITS) {
            throw new NoForm();
        }
        budget.charge(1 + value.bits() / 64);
        return value;
    }

    /** The primes of a positive number with their exponents. */
    private Map<BigInteger, Integer> factors(Rational value) {
        Map<BigInteger, Integer> factors = new TreeMap<>();
        factors(value.top(), 1, factors);
        factors(value.bottom(), -1, factors);
        return factors;
    }

    private void factors(BigInteger value, int sign, Map<BigInteger, Integer> into) {
        BigInteger rest = value;
        for (int prime = 2; prime <= LARGEST_PRIME && !rest.equals(BigInteger.ONE); prime++) {
            budget.charge(1);
            BigInteger divisor = BigInteger.valueOf(prime);
            if (rest.bitLength() < 31 && (long) prime * prime > rest.intValue()) {
                break;
            }
            BigInteger[] parts = rest.divideAndRemainder(divisor);
            while (parts[1].signum() == 0) {
                into.merge(divisor, sign, Integer::sum);
                rest = parts[0];
                parts = rest.divideAndRemainder(divisor);
            }
        }
        if (rest.equals(BigInteger.ONE)) {
            return;
        }
        // What is left has no divisor up to the largest tried: below its square it is prime.
        if (rest.bitLength() > 31 || rest.longValue() > (long) LARGEST_PRIME * LARGEST_PRIME) {
            throw new NoForm();
        }
        into.merge(rest, sign, Integer::sum);
    }

    private Fraction call(Call call) {
        if (call.function().startsWith("¬")) {
            throw new NoForm();
        }
        List<Fraction> arguments = call.arguments().stream().map(this::form).toList();
        Fraction x = arguments.get(0);
        Rational degrees = degrees(x);
        switch (call.function()) {
            case "sin":
                return degrees != null ? cosine(Rational.of(90).minus(degrees)) : odd("sin", x);
            case "cos":
                return degrees != null ? cosine(degrees) : even(x);
            case "tan":
                return quotient(call, "sin", "cos");
            case "cot":
                return quotient(call, "cos", "sin");
            case "sec":
                return inverse(nonZero(form(new Call("cos", call.arguments()))));
            case "csc":
                return inverse(nonZero(form(new Call("sin", call.arguments()))));
            case "ln", "log":
                return logarithm(x);
            case "logbase":
                return multiply(logarithm(arguments.get(1)), inverse(nonZero(logarithm(x))));
            case "abs":
                return absolute(call, x);
            case "arcsin", "arccos", "arctan":
                return angle(call.function(), x);
            default:
                return opaque(call.function() + arguments);
        }
    }

    private Fraction quotient(Call call, String top, String bottom) {
        return multiply(
                form(new Call(top, call.arguments())),
                inverse(nonZero(form(new Call(bottom, call.arguments())))));
    }

    private static Fraction nonZero(Fraction fraction) {
        if (fraction.top.isZero()) {
            throw Refusal.undefined("division by zero");
        }
        return fraction;
    }

    /** The degrees of a rational multiple of π, or null. */
    private static @Nullable Rational degrees(Fraction angle) {
        if (!angle.bottom.equals(ONE) || angle.top.terms.size() > 1) {
            return null;
        }
        if (angle.top.isZero()) {
            return Rational.ZERO;
        }
        return angle.top.terms.firstKey().text.equals("π^1 ")
                ? angle.top.terms.firstEntry().getValue().times(Rational.of(180))
                : null;
    }

    private Fraction odd(String function, Fraction x) {
        independent = false;
        return isNegative(x)
                ? multiply(generator(function + negate(x)), whole(Poly.of(Rational.MINUS_ONE)))
                : generator(function + x);
    }

    private Fraction even(Fraction x) {
        independent = false;
        return generator("cos" + (isNegative(x) ? negate(x) : x));
    }

    private static boolean isNegative(Fraction x) {
        return !x.top.isZero() && x.top.terms.firstEntry().getValue().signum() < 0;
    }

    private Fraction negate(Fraction x) {
        return new Fraction(scale(x.top, Rational.MINUS_ONE), x.bottom);
    }

    /** The cosine of multiples of 15, 18 and 22½ degrees; others stay generators. */
    private Fraction cosine(Rational degrees) {
        Rational turn = Rational.of(360);
        Rational reduced =
                degrees.minus(turn.times(Rational.of(degrees.times(turn.inverse()).floor())));
        reduced = reduced.compareTo(Rational.of(180)) > 0 ? turn.minus(reduced) : reduced;
        boolean negative = reduced.compareTo(Rational.of(90)) > 0;
        Rational acute = negative ? Rational.of(180).minus(reduced) : reduced;
        Rational doubled = acute.times(Rational.of(2));
        Fraction value =
                switch (doubled.isInt() ? doubled.intValue() : -1) {
                    case 0 -> whole(ONE);
                    case 30 -> surds(6, 1, 2, 1, 4);
                    case 36 -> multiply(root(10, 2, 5), quarter());
                    case 45 -> multiply(root(2, 1, 2), whole(Poly.of(HALF)));
                    case 60 -> surds(3, 1, 0, 0, 2);
                    case 72 -> surds(5, 1, 1, 1, 4);
                    case 90 -> surds(2, 1, 0, 0, 2);
                    case 108 -> multiply(root(10, -2, 5), quarter());
                    case 120 -> whole(Poly.of(HALF));
                    case 135 -> multiply(root(2, -1, 2), whole(Poly.of(HALF)));
                    case 144 -> surds(5, 1, 1, -1, 4);
                    case 150 -> surds(6, 1, 2, -1, 4);
                    case 180 -> whole(Poly.ZERO);
                    default -> opaque("cos" + acute + "°");
                };
        return negative ? negate(value) : value;
    }

    /** (m√a + n√b) / d. */
    private Fraction surds(int a, int m, int b, int n, int d) {
        Fraction first = multiply(squareRoot(a), whole(Poly.of(Rational.of(m))));
        Fraction second = multiply(squareRoot(b), whole(Poly.of(Rational.of(n))));
        return multiply(add(first, second), whole(Poly.of(Rational.of(d).inverse())));
    }

    /** √(a + b√c). */
    private Fraction root(int a, int b, int c) {
        return power(
                add(
                        whole(Poly.of(Rational.of(a))),
                        multiply(squareRoot(c), whole(Poly.of(Rational.of(b))))),
                HALF);
    }

    private Fraction squareRoot(int value) {
        return power(whole(Poly.of(Rational.of(value))), HALF);
    }

    private static Fraction quarter() {
        return whole(Poly.of(Rational.of(4).inverse()));
    }

    /** ln of a positive product of powers of primes and of e. */
    private Fraction logarithm(Fraction x) {
        independent = false;
        if (!x.bottom.equals(ONE) || x.top.terms.size() != 1) {
            return generator("ln" + x);
        }
        Rational coefficient = x.top.terms.firstEntry().getValue();
        Map<String, Rational> powers = x.top.terms.firstKey().powers;
        boolean simple =
                coefficient.signum() > 0
                        && powers.keySet().stream()
                                .allMatch(name -> name.startsWith("p") || name.equals("e"));
        if (!simple) {
            return generator("ln" + x);
        }
        TreeMap<Monomial, Rational> terms = new TreeMap<>();
        factors(coefficient)
                .forEach(
                        (prime, power) ->
                                accumulate(
                                        terms,
                                        Monomial.of("lnp" + prime, Rational.ONE),
                                        Rational.of(power)));
        powers.forEach(
                (name, power) ->
                        accumulate(
                                terms,
                                name.equals("e")
                                        ? Monomial.ONE
                                        : Monomial.of("ln" + name, Rational.ONE),
                                power));
        terms.values().removeIf(Rational::isZero);
        return whole(limited(terms));
    }

    private Fraction absolute(Call call, Fraction x) {
        Node argument = call.arguments().get(0);
        if (!Shape.isConstant(argument)) {
            independent = false;
            return generator("abs" + (isNegative(x) ? negate(x) : x));
        }
        Complex value;
        try {
            value = new Numeric(budget, Scalars.DIGITS, 0, false).value(argument);
        } catch (Numeric.Unsupported | ArithmeticException unsupported) {
            throw new NoForm();
        }
        boolean real = x.top.terms.keySet().stream().noneMatch(Exact::holdsI);
        if (!real || !value.isReal() || !x.bottom.equals(ONE) || value.isNearlyZero()) {
            throw new NoForm();
        }
        return value.re().signum() < 0 ? negate(x) : x;
    }

    private static boolean holdsI(Monomial monomial) {
        return monomial.powers.keySet().stream()
                .anyMatch(name -> !name.startsWith("p") && !name.equals("π"));
    }

    private static final int[] ANGLES = {0, 15, 18, 30, 36, 45, 54, 60, 72, 75, 90};

    /** arcsin, arccos and arctan where a known angle has that value. */
    private Fraction angle(String function, Fraction x) {
        boolean negative = isNegative(x);
        Fraction size = negative ? negate(x) : x;
        for (int degrees : ANGLES) {
            boolean infinite = function.equals("arctan") && degrees == 90;
            if (infinite) {
                continue;
            }
            Fraction sine = cosine(Rational.of(90L - degrees));
            Fraction value =
                    function.equals("arctan")
                            ? multiply(sine, inverse(cosine(Rational.of(degrees))))
                            : sine;
            if (multiply(value.top, size.bottom).equals(multiply(size.top, value.bottom))) {
                long signed = negative ? -degrees : degrees;
                long result = function.equals("arccos") ? 90 - signed : signed;
                return multiply(
                        generator("π"),
                        whole(
                                Poly.of(
                                        Rational.of(
                                                BigInteger.valueOf(result),
                                                BigInteger.valueOf(180)))));
            }
        }
        return opaque(function + x);
    }
}
