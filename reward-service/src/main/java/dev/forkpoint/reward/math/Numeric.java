package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Constant;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.Power;
import dev.forkpoint.reward.math.Node.Product;
import dev.forkpoint.reward.math.Node.Range;
import dev.forkpoint.reward.math.Node.Sum;
import dev.forkpoint.reward.math.Node.Symbol;
import dev.forkpoint.reward.verifier.CounterRandom;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Values of expressions at a seeded point, to a given number of digits, with a running estimate of
 * the error. Roots, powers and logarithms take the principal value; variables are real, or whole
 * where a factorial needs it.
 */
final class Numeric {
    /**
     * What cannot be evaluated here: too large, no known function, outside a domain. Says nothing
     * about the answer.
     */
    static final class Unsupported extends RuntimeException {
        private static final long serialVersionUID = 1;

        Unsupported(String message) {
            super(message, null, false, false);
        }
    }

    private static final int MAX_TERMS = 2_000;
    private static final int MAX_LOG10 = 1_000_000;
    private static final int MAX_BITS = 70_000;
    private static final BigDecimal TWO = BigDecimal.valueOf(2);

    private final Budget budget;
    private final int digits;
    private final MathContext context;
    private final Elementary elementary;
    private final int trial;
    private final boolean wholeNumbers;
    private int variablesMet;
    private final Map<String, Complex> bound = new HashMap<>();

    /**
     * @param digits decimal digits carried
     * @param trial number of the point
     * @param wholeNumbers whether variables are small whole numbers
     */
    Numeric(Budget budget, int digits, int trial, boolean wholeNumbers) {
        this.budget = budget;
        this.digits = digits;
        this.context = new MathContext(digits, RoundingMode.HALF_EVEN);
        this.elementary = new Elementary(digits);
        this.trial = trial;
        this.wholeNumbers = wholeNumbers;
    }

    /**
     * @throws Refusal of kind UNDEFINED at a pole
     * @throws Unsupported where no value can be computed
     */
    Complex value(Node node) {
        budget.charge(10);
        if (node instanceof Num number) {
            return rational(number.value());
        } else if (node instanceof Symbol symbol) {
            Complex value = bound.get(symbol.name());
            return value != null ? value : variable(symbol.name());
        } else if (node instanceof Constant constant) {
            return constant(constant);
        } else if (node instanceof Sum sum) {
            Complex total = Complex.ZERO;
            for (Node term : sum.terms()) {
                total = add(total, value(term));
            }
            return total;
        } else if (node instanceof Product product) {
            Complex total = Complex.ONE;
            for (Node factor : product.factors()) {
                // Dividing keeps one rounding less than multiplying by an inverse, and finds poles.
                boolean inverse =
                        factor instanceof Power power && power.exponent().equals(Build.MINUS_ONE);
                total =
                        inverse
                                ? divide(total, value(((Power) factor).base()))
                                : multiply(total, value(factor));
            }
            return total;
        } else if (node instanceof Power power) {
            return power(power);
        } else if (node instanceof Call call) {
            return call(call);
        } else if (node instanceof Range range) {
            return range(range);
        }
        throw new Unsupported(node.getClass().getSimpleName());
    }

    private Complex rational(Rational value) {
        budget.charge(1 + value.bits() / 4);
        if (value.isWhole() && value.bits() < 3 * digits) {
            return Complex.exact(new BigDecimal(value.top()));
        }
        if (value.bits() > MAX_BITS) {
            throw new Unsupported("a number of %d bits".formatted(value.bits()));
        }
        // Rounding first: division of numbers of thousands of digits is slow.
        BigDecimal top = new BigDecimal(value.top()).round(context);
        BigDecimal quotient =
                value.isWhole()
                        ? top
                        : top.divide(new BigDecimal(value.bottom()).round(context), context);
        return Complex.real(quotient, Complex.magnitude(quotient) + 0.5 - digits);
    }

    /** A point that depends on the name and the trial alone: both signs, several sizes. */
    private Complex variable(String name) {
        variablesMet++;
        long[] words = new long[name.length() + 1];
        words[0] = trial;
        for (int i = 0; i < name.length(); i++) {
            words[i + 1] = name.charAt(i);
        }
        CounterRandom random = CounterRandom.of(words);
        if (wholeNumbers) {
            return Complex.exact(BigDecimal.valueOf(random.between(2 + 4 * trial, 10 + 8 * trial)));
        }
        double size = trial % 2 == 0 ? 0.25 + 2.5 * random.unit() : 0.5 + 8 * random.unit();
        boolean negative = trial == 1 || (trial > 1 && random.below(2) == 0);
        return Complex.exact(
                new BigDecimal(negative ? -size : size).setScale(17, RoundingMode.HALF_EVEN));
    }

    private Complex constant(Constant constant) {
        return switch (constant) {
            case PI -> Complex.real(elementary.pi(), 1 - digits);
            case E -> Complex.real(elementary.e(), 1 - digits);
            case I -> Complex.I;
            case INFINITY -> throw new Unsupported("infinity");
        };
    }

    Complex add(Complex a, Complex b) {
        budget.charge(digits / 6);
        BigDecimal re = a.re().add(b.re(), context);
        BigDecimal im = a.isReal() && b.isReal() ? BigDecimal.ZERO : a.im().add(b.im(), context);
        double error = larger(a.error(), b.error());
        if (re.precision() >= digits || im.precision() >= digits) {
            error = larger(error, Math.max(Complex.magnitude(re), Complex.magnitude(im)) - digits);
        }
        return new Complex(re, im, error);
    }

    Complex subtract(Complex a, Complex b) {
        return add(a, new Complex(b.re().negate(), b.im().negate(), b.error()));
    }

    Complex multiply(Complex a, Complex b) {
        budget.charge(digits / 3);
        double error = larger(spread(a.error(), b.magnitude()), spread(b.error(), a.magnitude()));
        if (a.isReal() && b.isReal()) {
            BigDecimal product = a.re().multiply(b.re(), context);
            return Complex.real(
                    product,
                    product.precision() >= digits
                            ? larger(error, Complex.magnitude(product) - digits)
                            : error);
        }
        BigDecimal re =
                a.re().multiply(b.re(), context)
                        .subtract(a.im().multiply(b.im(), context), context);
        BigDecimal im =
                a.re().multiply(b.im(), context).add(a.im().multiply(b.re(), context), context);
        return new Complex(re, im, larger(error, a.magnitude() + b.magnitude() - digits));
    }

    Complex divide(Complex a, Complex b) {
        if (b.isNearlyZero()) {
            throw Refusal.undefined("division by zero");
        }
        budget.charge(digits / 2);
        Complex quotient;
        if (b.isReal()) {
            BigDecimal re = a.re().divide(b.re(), context);
            BigDecimal im = a.isReal() ? BigDecimal.ZERO : a.im().divide(b.re(), context);
            quotient = new Complex(re, im, 0);
        } else {
            BigDecimal norm =
                    b.re().multiply(b.re(), context).add(b.im().multiply(b.im(), context), context);
            Complex top = multiply(a, new Complex(b.re(), b.im().negate(), b.error()));
            quotient =
                    new Complex(top.re().divide(norm, context), top.im().divide(norm, context), 0);
        }
        double size = quotient.magnitude();
        double error =
                larger(
                        spread(a.error(), 1 - b.magnitude()),
                        spread(size + b.error(), 1 - b.magnitude()));
        return new Complex(quotient.re(), quotient.im(), larger(error, size - digits));
    }

    private Complex power(Power power) {
        int variablesBefore = variablesMet;
        Complex base = value(power.base());
        if (power.exponent() instanceof Num number && number.value().isInt()) {
            return wholePower(base, number.value().intValue());
        }
        if (power.exponent() instanceof Num number
                && number.value().top().equals(BigInteger.ONE)
                && number.value().bottom().equals(BigInteger.TWO)) {
            return squareRoot(base);
        }
        if (power.exponent() instanceof Num number
                && number.value().bottom().testBit(0)
                && base.isReal()
                && base.re().signum() < 0
                && variablesMet > variablesBefore) {
            // Odd roots of variables are real: ∛x for all x, and x^(2/3) = ∛(x²).
            Complex root =
                    exponential(
                            multiply(
                                    rational(number.value()),
                                    logarithm(Complex.real(base.re().negate(), base.error()))));
            return number.value().top().testBit(0)
                    ? new Complex(root.re().negate(), root.im(), root.error())
                    : root;
        }
        Complex exponent = value(power.exponent());
        if (power.base() == Constant.E) {
            return exponential(exponent);
        }
        if (exponent.isReal() && exponent.error() == Complex.EXACT && isSmallWhole(exponent.re())) {
            return wholePower(base, exponent.re().intValueExact());
        }
        if (base.isNearlyZero()) {
            if (exponent.re().signum() > 0 && base.isExactZero()) {
                return Complex.ZERO;
            }
            throw Refusal.undefined("a power of zero");
        }
        return exponential(multiply(exponent, logarithm(base)));
    }

    private static boolean isSmallWhole(BigDecimal value) {
        return value.signum() == 0
                || (value.precision() - value.scale() < 9
                        && value.stripTrailingZeros().scale() <= 0);
    }

    private Complex wholePower(Complex base, int exponent) {
        if (exponent == 0) {
            return Complex.ONE;
        }
        if (base.isNearlyZero()) {
            if (exponent < 0) {
                throw Refusal.undefined("division by zero");
            }
            return base.isExactZero()
                    ? base
                    : new Complex(BigDecimal.ZERO, BigDecimal.ZERO, base.error() * exponent);
        }
        int size = Math.abs(exponent);
        double magnitude = log10(base) * size;
        if (Math.abs(magnitude) > MAX_LOG10) {
            throw new Unsupported("a power of more than %d digits".formatted(MAX_LOG10));
        }
        Complex result = Complex.ONE;
        Complex square = base;
        for (int e = size; ; ) {
            if ((e & 1) == 1) {
                result = multiply(result, square);
            }
            e >>= 1;
            if (e == 0) {
                break;
            }
            square = multiply(square, square);
        }
        return exponent < 0 ? divide(Complex.ONE, result) : result;
    }

    private static double log10(Complex value) {
        double magnitude = value.magnitude();
        double re =
                Complex.magnitude(value.re()) < magnitude - 16
                        ? 0
                        : value.re().movePointLeft((int) magnitude).doubleValue();
        double im =
                Complex.magnitude(value.im()) < magnitude - 16
                        ? 0
                        : value.im().movePointLeft((int) magnitude).doubleValue();
        return magnitude + Math.log10(Math.hypot(re, im));
    }

    private Complex squareRoot(Complex value) {
        budget.charge(4L * digits);
        if (value.isExactZero()) {
            return value;
        }
        if (value.isReal()) {
            BigDecimal root = elementary.squareRoot(value.re().abs());
            double size = Complex.magnitude(root);
            double error =
                    larger(
                            value.isNearlyZero()
                                    ? value.error() / 2
                                    : spread(value.error(), 1 - size),
                            size - digits);
            return value.re().signum() >= 0
                    ? Complex.real(root, error)
                    : new Complex(BigDecimal.ZERO, root, error);
        }
        return exponential(multiply(Complex.exact(new BigDecimal("0.5")), logarithm(value)));
    }

    private Complex exponential(Complex value) {
        if (value.re().abs().compareTo(BigDecimal.valueOf(2.3 * MAX_LOG10)) > 0) {
            throw new Unsupported("an exponential of more than %d digits".formatted(MAX_LOG10));
        }
        budget.charge(17L * digits);
        BigDecimal size = elementary.exp(value.re());
        double error = Complex.magnitude(size) + larger(value.error(), 1.0 - digits);
        if (value.isReal()) {
            return Complex.real(size, error);
        }
        BigDecimal angle = angle(value.im());
        budget.charge(33L * digits);
        return new Complex(
                size.multiply(elementary.cos(angle), context),
                size.multiply(elementary.sin(angle), context),
                error + 0.5);
    }

    private Complex logarithm(Complex value) {
        if (value.isNearlyZero()) {
            throw Refusal.undefined("logarithm of zero");
        }
        budget.charge(23L * digits);
        double error = larger(value.error() - value.magnitude() + 1, 2.0 - digits);
        if (value.isReal()) {
            BigDecimal re = elementary.ln(value.re().abs());
            error = larger(error, Complex.magnitude(re) + 1 - digits);
            return value.re().signum() > 0
                    ? Complex.real(re, error)
                    : new Complex(re, elementary.pi(), error);
        }
        if (value.isNearlyReal() && value.re().signum() < 0) {
            // On the branch cut the sign of a rounding error would decide.
            throw new Unsupported("a logarithm on its branch cut");
        }
        budget.charge(46L * digits);
        BigDecimal norm =
                value.re()
                        .multiply(value.re(), context)
                        .add(value.im().multiply(value.im(), context), context);
        BigDecimal re = elementary.ln(norm).divide(TWO, context);
        BigDecimal im = elementary.angle(value.im(), value.re());
        return new Complex(re, im, larger(error, Complex.magnitude(re) + 1 - digits));
    }

    private BigDecimal angle(BigDecimal value) {
        if (Complex.magnitude(value) > 30) {
            throw new Unsupported("a large angle");
        }
        return value.round(new MathContext(digits + 32, RoundingMode.HALF_EVEN));
    }

    private Complex sine(Complex value) {
        budget.charge(15L * digits);
        if (value.isReal()) {
            return Complex.real(
                    elementary.sin(angle(value.re())),
                    larger(value.error(), 1.0 + Math.max(0, value.magnitude()) - digits));
        }
        Complex up = exponential(multiply(Complex.I, value));
        Complex down =
                exponential(
                        multiply(
                                new Complex(
                                        BigDecimal.ZERO, BigDecimal.ONE.negate(), Complex.EXACT),
                                value));
        return divide(subtract(up, down), new Complex(BigDecimal.ZERO, TWO, Complex.EXACT));
    }

    private Complex cosine(Complex value) {
        budget.charge(15L * digits);
        if (value.isReal()) {
            return Complex.real(
                    elementary.cos(angle(value.re())),
                    larger(value.error(), 1.0 + Math.max(0, value.magnitude()) - digits));
        }
        Complex up = exponential(multiply(Complex.I, value));
        Complex down =
                exponential(
                        multiply(
                                new Complex(
                                        BigDecimal.ZERO, BigDecimal.ONE.negate(), Complex.EXACT),
                                value));
        return divide(add(up, down), Complex.exact(TWO));
    }

    private Complex call(Call call) {
        String function = call.function();
        if (function.startsWith("·")) {
            return unknown(call);
        }
        if (function.startsWith("¬")) {
            throw new Unsupported("a limit or an integral");
        }
        List<Complex> arguments = call.arguments().stream().map(this::value).toList();
        Complex x = arguments.get(0);
        switch (function) {
            case "sin":
                return sine(x);
            case "cos":
                return cosine(x);
            case "tan":
                return divide(sine(x), cosine(x));
            case "cot":
                return divide(cosine(x), sine(x));
            case "sec":
                return divide(Complex.ONE, cosine(x));
            case "csc":
                return divide(Complex.ONE, sine(x));
            case "ln":
            case "log":
                return logarithm(x);
            case "logbase":
                return divide(logarithm(arguments.get(1)), logarithm(x));
            case "sinh":
                return hyperbolic(x, false);
            case "cosh":
                return hyperbolic(x, true);
            case "tanh":
                return divide(hyperbolic(x, false), hyperbolic(x, true));
            case "coth":
                return divide(hyperbolic(x, true), hyperbolic(x, false));
            case "sech":
                return divide(Complex.ONE, hyperbolic(x, true));
            case "csch":
                return divide(Complex.ONE, hyperbolic(x, false));
            case "abs":
                return absolute(x);
            case "arsinh":
                return logarithm(add(x, squareRoot(add(multiply(x, x), Complex.ONE))));
            case "arcosh":
                return logarithm(
                        add(
                                x,
                                multiply(
                                        squareRoot(add(x, Complex.ONE)),
                                        squareRoot(subtract(x, Complex.ONE)))));
            case "artanh":
                return multiply(
                        Complex.exact(new BigDecimal("0.5")),
                        subtract(
                                logarithm(add(Complex.ONE, x)),
                                logarithm(subtract(Complex.ONE, x))));
            case "Re":
                return Complex.real(x.re(), x.error());
            case "Im":
                return Complex.real(x.im(), x.error());
            default:
                return realCall(function, arguments);
        }
    }

    private Complex hyperbolic(Complex value, boolean cosine) {
        Complex up = exponential(value);
        Complex down = divide(Complex.ONE, up);
        return divide(cosine ? add(up, down) : subtract(up, down), Complex.exact(TWO));
    }

    private Complex absolute(Complex value) {
        if (value.isReal()) {
            return Complex.real(value.re().abs(), value.error());
        }
        return squareRoot(
                add(
                        multiply(
                                Complex.real(value.re(), value.error()),
                                Complex.real(value.re(), value.error())),
                        multiply(
                                Complex.real(value.im(), value.error()),
                                Complex.real(value.im(), value.error()))));
    }

    /** Functions of real numbers. */
    private Complex realCall(String function, List<Complex> arguments) {
        for (Complex argument : arguments) {
            if (!argument.isNearlyReal()) {
                throw new Unsupported(function + " of a complex number");
            }
        }
        BigDecimal x = arguments.get(0).re();
        double error = arguments.get(0).error();
        switch (function) {
            case "arcsin":
            case "arccos":
            case "arcsec":
            case "arccsc":
                return arc(function, x, error);
            case "arctan":
                budget.charge(27L * digits);
                return Complex.real(elementary.arctan(x), larger(error, 1.0 - digits));
            case "arccot":
                budget.charge(27L * digits);
                BigDecimal half = elementary.pi().divide(TWO, context);
                return Complex.real(
                        half.subtract(elementary.arctan(x), context), larger(error, 1.0 - digits));
            case "floor":
                return Complex.exact(new BigDecimal(round(x, error, RoundingMode.FLOOR)));
            case "ceil":
                return Complex.exact(new BigDecimal(round(x, error, RoundingMode.CEILING)));
            case "sgn":
                return Complex.exact(
                        BigDecimal.valueOf(arguments.get(0).isNearlyZero() ? 0 : x.signum()));
            case "max":
                return arguments.stream()
                        .reduce((a, b) -> a.re().compareTo(b.re()) >= 0 ? a : b)
                        .orElseThrow();
            case "min":
                return arguments.stream()
                        .reduce((a, b) -> a.re().compareTo(b.re()) <= 0 ? a : b)
                        .orElseThrow();
            default:
                return wholeCall(function, arguments.stream().map(Numeric::whole).toList());
        }
    }

    private Complex arc(String function, BigDecimal argument, double error) {
        boolean inverse = function.equals("arcsec") || function.equals("arccsc");
        if (inverse && argument.signum() == 0) {
            throw Refusal.undefined(function + " of zero");
        }
        BigDecimal x = inverse ? BigDecimal.ONE.divide(argument, context) : argument;
        BigDecimal distance = BigDecimal.ONE.subtract(x.abs(), context);
        double margin = Complex.magnitude(distance);
        double loss = margin <= error + 1 ? error / 2 : spread(error, 1 - margin / 2);
        if (distance.signum() < 0) {
            if (margin > error + 1) {
                throw new Unsupported(function + " outside −1..1");
            }
            x = BigDecimal.valueOf(x.signum());
        }
        budget.charge(33L * digits);
        boolean sine = function.equals("arcsin") || function.equals("arccsc");
        BigDecimal result =
                sine
                        ? elementary.arcsin(x)
                        : elementary
                                .pi()
                                .divide(TWO, context)
                                .subtract(elementary.arcsin(x), context);
        return Complex.real(result, larger(loss, 2.0 - digits));
    }

    private static BigInteger round(BigDecimal value, double error, RoundingMode mode) {
        if (Complex.magnitude(value) > 1_000) {
            throw new Unsupported("rounding of a large number");
        }
        BigDecimal nearest = value.setScale(0, RoundingMode.HALF_EVEN);
        boolean isWhole = Complex.magnitude(value.subtract(nearest)) <= error;
        return (isWhole ? nearest : value.setScale(0, mode)).toBigIntegerExact();
    }

    private static Rational whole(Complex value) {
        if (Complex.magnitude(value.re()) > 50) {
            throw new Unsupported("a large whole number");
        }
        BigDecimal nearest = value.re().setScale(0, RoundingMode.HALF_EVEN);
        if (Complex.magnitude(value.re().subtract(nearest)) > value.error()) {
            throw new Unsupported("a function of whole numbers at a fraction");
        }
        return Rational.of(nearest.toBigIntegerExact());
    }

    private Complex wholeCall(String function, List<Rational> arguments) {
        if (function.equals("factorial2")) {
            return doubleFactorial(arguments.get(0));
        }
        Node folded =
                new Build(budget)
                        .call(
                                function,
                                arguments.stream()
                                        .map(argument -> (Node) new Num(argument))
                                        .toList());
        if (!(folded instanceof Num number)) {
            throw new Unsupported(function);
        }
        return rational(number.value());
    }

    private Complex doubleFactorial(Rational argument) {
        if (argument.signum() < 0 || !argument.isInt() || argument.intValue() > 1_000) {
            throw new Unsupported("a double factorial");
        }
        budget.charge(argument.intValue());
        BigInteger product = BigInteger.ONE;
        for (int i = argument.intValue(); i > 1; i -= 2) {
            product = product.multiply(BigInteger.valueOf(i));
        }
        return rational(Rational.of(product));
    }

    /**
     * A function nothing is known about: its value is a hash of name and arguments, equal for equal
     * arguments.
     */
    private Complex unknown(Call call) {
        long key = call.function().hashCode();
        MathContext coarse = new MathContext(Math.min(25, digits / 2));
        for (Node argument : call.arguments()) {
            Complex value = value(argument);
            key = CounterRandom.mix(key * 31 + coarse(value.re(), value.error(), coarse));
            key = CounterRandom.mix(key * 31 + coarse(value.im(), value.error(), coarse));
        }
        return Complex.exact(
                new BigDecimal(0.25 + CounterRandom.of(key).unit())
                        .setScale(17, RoundingMode.HALF_EVEN));
    }

    private static long coarse(BigDecimal value, double error, MathContext context) {
        return Complex.magnitude(value) <= error
                ? 0
                : value.round(context).stripTrailingZeros().hashCode();
    }

    private Complex range(Range range) {
        Complex lowValue = value(range.low());
        int low = whole(lowValue).isInt() ? whole(lowValue).intValue() : 0;
        boolean infinite = range.high() == Constant.INFINITY;
        int count = MAX_TERMS;
        if (!infinite) {
            Rational high = whole(value(range.high()));
            long size = high.isInt() ? (long) high.intValue() - low + 1 : Long.MAX_VALUE;
            if (size > MAX_TERMS) {
                throw new Unsupported("a range of more than %d terms".formatted(MAX_TERMS));
            }
            count = (int) Math.max(0, size);
        }
        Complex outer = bound.get(range.variable());
        try {
            return infinite ? series(range, low) : terms(range, low, count);
        } finally {
            restore(range.variable(), outer);
        }
    }

    private void restore(String variable, @Nullable Complex outer) {
        if (outer == null) {
            bound.remove(variable);
        } else {
            bound.put(variable, outer);
        }
    }

    private Complex terms(Range range, int low, int count) {
        Complex total = range.product() ? Complex.ONE : Complex.ZERO;
        for (int i = 0; i < count; i++) {
            Complex term = term(range, low + i);
            total = range.product() ? multiply(total, term) : add(total, term);
        }
        return total;
    }

    private Complex term(Range range, int index) {
        bound.put(range.variable(), Complex.exact(BigDecimal.valueOf(index)));
        return value(range.body());
    }

    /** An infinite sum whose terms shrink at least by a tenth each; others are not computed. */
    private Complex series(Range range, int low) {
        if (range.product()) {
            throw new Unsupported("an infinite product");
        }
        Complex total = Complex.ZERO;
        double previous = Double.POSITIVE_INFINITY;
        int steady = 0;
        for (int i = 0; i < MAX_TERMS; i++) {
            Complex term = term(range, low + i);
            total = add(total, term);
            double size = term.isNearlyZero() ? Double.NEGATIVE_INFINITY : log10(term);
            steady = size < previous - 0.045 ? steady + 1 : 0;
            if (steady >= 8 && size < total.magnitude() - digits - 3) {
                return new Complex(total.re(), total.im(), larger(total.error(), size + 2));
            }
            previous = size;
            if (i > 100 && steady == 0) {
                break;
            }
        }
        throw new Unsupported("a series that converges slowly");
    }

    /** log₁₀ of the sum of two errors. */
    private static double larger(double a, double b) {
        double high = Math.max(a, b);
        double gap = Math.min(a, b) - high;
        return high == Complex.EXACT || gap < -6 ? high : high + Math.log10(1 + Math.pow(10, gap));
    }

    /** The error of a product's factor: exact stays exact, also beside zero. */
    private static double spread(double error, double magnitude) {
        return error == Complex.EXACT || magnitude == Double.NEGATIVE_INFINITY
                ? Complex.EXACT
                : error + magnitude;
    }
}
