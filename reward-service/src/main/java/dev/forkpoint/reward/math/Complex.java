package dev.forkpoint.reward.math;

import java.math.BigDecimal;

/**
 * A complex number and how far it may be off.
 *
 * @param re real part
 * @param im imaginary part
 * @param error log₁₀ of the estimated absolute error; −∞ where the value is exact
 */
record Complex(BigDecimal re, BigDecimal im, double error) {
    static final double EXACT = Double.NEGATIVE_INFINITY;
    static final Complex ZERO = exact(BigDecimal.ZERO);
    static final Complex ONE = exact(BigDecimal.ONE);
    static final Complex I = new Complex(BigDecimal.ZERO, BigDecimal.ONE, EXACT);

    static Complex exact(BigDecimal value) {
        return new Complex(value, BigDecimal.ZERO, EXACT);
    }

    static Complex real(BigDecimal value, double error) {
        return new Complex(value, BigDecimal.ZERO, error);
    }

    boolean isReal() {
        return im.signum() == 0;
    }

    /** Whether the imaginary part cannot be told from zero. */
    boolean isNearlyReal() {
        return magnitude(im) <= error + 1;
    }

    boolean isExactZero() {
        return re.signum() == 0 && im.signum() == 0 && error == EXACT;
    }

    /** log₁₀ of the absolute value, rounded up to a whole number; −∞ for zero. */
    double magnitude() {
        return Math.max(magnitude(re), magnitude(im));
    }

    /** Whether the value cannot be told from zero. */
    boolean isNearlyZero() {
        return magnitude() <= error;
    }

    static double magnitude(BigDecimal value) {
        return value.signum() == 0
                ? Double.NEGATIVE_INFINITY
                : (double) value.precision() - value.scale();
    }
}
