package dev.forkpoint.reward.math;

import ch.obermuhlner.math.big.BigDecimalMath;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Elementary functions of real numbers, to about one unit in the last of the digits carried.
 * Exponential, sine and cosine are the library's, on reduced arguments; logarithm and arctangent
 * are series after halvings of the argument, three to ten times faster than the library's here.
 */
final class Elementary {
    private static final int HALVINGS = 6;
    private static final Map<Integer, BigDecimal> LN_TEN = new ConcurrentHashMap<>();

    private final MathContext context;
    private final MathContext wide;

    /**
     * @param digits decimal digits of results
     */
    Elementary(int digits) {
        context = new MathContext(digits, RoundingMode.HALF_EVEN);
        wide = new MathContext(digits + 8, RoundingMode.HALF_EVEN);
    }

    BigDecimal pi() {
        return BigDecimalMath.pi(context);
    }

    BigDecimal e() {
        return BigDecimalMath.e(context);
    }

    /** The square root of a number that is not negative. */
    BigDecimal squareRoot(BigDecimal value) {
        return root(value, context);
    }

    /**
     * Powers of a hundred are taken out: the library starts its iteration far off outside of
     * double's range.
     */
    private static BigDecimal root(BigDecimal value, MathContext precision) {
        if (value.signum() == 0) {
            return BigDecimal.ZERO;
        }
        int hundreds = Math.floorDiv(value.precision() - value.scale(), 2);
        BigDecimal mantissa = value.round(precision).scaleByPowerOfTen(-2 * hundreds);
        return BigDecimalMath.sqrt(mantissa, precision).scaleByPowerOfTen(hundreds);
    }

    /**
     * ln of a positive number: powers of ten taken out, then ln x = 2ⁿ · 2 artanh((r − 1) / (r +
     * 1)) with r = x^(1/2ⁿ).
     */
    BigDecimal ln(BigDecimal value) {
        int tens = value.precision() - value.scale();
        BigDecimal mantissa = value.round(wide);
        BigDecimal extra = BigDecimal.ZERO;
        if (tens < 0 || tens > 1) {
            mantissa = mantissa.scaleByPowerOfTen(-tens);
            extra = lnTen().multiply(BigDecimal.valueOf(tens));
        }
        return series(mantissa).add(extra).round(context);
    }

    /** The library's cached ln 10 is wrong in its last digits after it was asked for fewer. */
    private BigDecimal lnTen() {
        return LN_TEN.computeIfAbsent(wide.getPrecision(), digits -> series(BigDecimal.TEN));
    }

    /** ln of a number not far from 1. */
    private BigDecimal series(BigDecimal mantissa) {
        BigDecimal root = mantissa;
        for (int i = 0; i < HALVINGS; i++) {
            root = root(root, wide);
        }
        BigDecimal ratio =
                root.subtract(BigDecimal.ONE, wide).divide(root.add(BigDecimal.ONE), wide);
        return oddSeries(ratio, 1).multiply(BigDecimal.valueOf(2L << HALVINGS));
    }

    /** arctan by arctan x = 2 arctan(x / (1 + √(1 + x²))), some times over, and its series. */
    BigDecimal arctan(BigDecimal value) {
        if (isTiny(value)) {
            return value.round(context);
        }
        BigDecimal reduced = value.round(wide);
        int halvings = value.abs().compareTo(BigDecimal.ONE) > 0 ? HALVINGS + 1 : HALVINGS;
        for (int i = 0; i < halvings; i++) {
            BigDecimal root = root(BigDecimal.ONE.add(reduced.multiply(reduced, wide), wide), wide);
            reduced = reduced.divide(BigDecimal.ONE.add(root, wide), wide);
        }
        return oddSeries(reduced, -1).multiply(BigDecimal.valueOf(1L << halvings)).round(context);
    }

    /** arcsin of a number in −1..1: 2 arctan(x / (1 + √(1 − x²))). */
    BigDecimal arcsin(BigDecimal value) {
        if (isTiny(value)) {
            return value.round(context);
        }
        BigDecimal rest = BigDecimal.ONE.subtract(value.multiply(value));
        BigDecimal root = root(rest, wide);
        return arctan(value.divide(BigDecimal.ONE.add(root), wide))
                .multiply(BigDecimal.valueOf(2), context);
    }

    /** The angle of (x, y) in −π..π, not both zero. */
    BigDecimal angle(BigDecimal y, BigDecimal x) {
        if (x.signum() == 0) {
            return pi().divide(BigDecimal.valueOf(2L * y.signum()), context);
        }
        BigDecimal angle = arctan(y.divide(x, wide));
        if (x.signum() > 0) {
            return angle;
        }
        return y.signum() >= 0 ? angle.add(pi(), context) : angle.subtract(pi(), context);
    }

    /**
     * e to a number whose result has no more digits before or after the point than an int counts;
     * powers of ten taken out.
     */
    BigDecimal exp(BigDecimal value) {
        if (isTiny(value)) {
            return BigDecimal.ONE.add(value, wide);
        }
        if (Complex.magnitude(value) <= 0) {
            return BigDecimalMath.exp(value.round(wide), context);
        }
        BigDecimal ten = lnTen();
        int tens = value.divide(ten, wide).setScale(0, RoundingMode.HALF_EVEN).intValueExact();
        BigDecimal rest = value.subtract(ten.multiply(BigDecimal.valueOf(tens)), wide);
        return BigDecimalMath.exp(rest, context).scaleByPowerOfTen(tens);
    }

    BigDecimal sin(BigDecimal value) {
        return isTiny(value) ? value.round(context) : BigDecimalMath.sin(value, context);
    }

    BigDecimal cos(BigDecimal value) {
        return isTiny(value) ? BigDecimal.ONE : BigDecimalMath.cos(value, context);
    }

    /** Whether the square of a number does not count beside 1. */
    private boolean isTiny(BigDecimal value) {
        return Complex.magnitude(value) < -wide.getPrecision();
    }

    /** x + s x³/3 + x⁵/5 + s x⁷/7 … with |x| below about 0.03. */
    private BigDecimal oddSeries(BigDecimal x, int sign) {
        if (x.signum() == 0) {
            return BigDecimal.ZERO;
        }
        BigDecimal square = x.multiply(x, wide);
        BigDecimal power = x;
        BigDecimal sum = x;
        double limit = Complex.magnitude(x) - wide.getPrecision();
        for (int n = 3; Complex.magnitude(power) > limit; n += 2) {
            power = power.multiply(square, wide);
            BigDecimal term = power.divide(BigDecimal.valueOf(n), wide);
            boolean subtract = sign < 0 && (n & 2) != 0;
            sum = subtract ? sum.subtract(term, wide) : sum.add(term, wide);
        }
        return sum;
    }
}
