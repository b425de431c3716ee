package dev.forkpoint.reward.math;

import java.math.BigInteger;

/**
 * An exact fraction in lowest terms with a positive denominator.
 *
 * @param top the numerator
 * @param bottom the denominator, at least 1
 */
record Rational(BigInteger top, BigInteger bottom) implements Comparable<Rational> {
    static final Rational ZERO = of(0);
    static final Rational ONE = of(1);
    static final Rational MINUS_ONE = of(-1);

    static Rational of(long value) {
        return new Rational(BigInteger.valueOf(value), BigInteger.ONE);
    }

    static Rational of(BigInteger value) {
        return new Rational(value, BigInteger.ONE);
    }

    /**
     * @throws Refusal of kind UNDEFINED if the denominator is zero
     */
    static Rational of(BigInteger top, BigInteger bottom) {
        if (bottom.signum() == 0) {
            throw Refusal.undefined("division by zero");
        }
        if (bottom.equals(BigInteger.ONE)) {
            return new Rational(top, bottom);
        }
        BigInteger divisor = top.gcd(bottom);
        if (bottom.signum() < 0) {
            divisor = divisor.negate();
        }
        return divisor.equals(BigInteger.ONE)
                ? new Rational(top, bottom)
                : new Rational(top.divide(divisor), bottom.divide(divisor));
    }

    Rational plus(Rational other) {
        if (isWhole() && other.isWhole()) {
            return of(top.add(other.top));
        }
        return of(
                top.multiply(other.bottom).add(other.top.multiply(bottom)),
                bottom.multiply(other.bottom));
    }

    Rational minus(Rational other) {
        return plus(other.negate());
    }

    Rational times(Rational other) {
        return of(top.multiply(other.top), bottom.multiply(other.bottom));
    }

    /**
     * @throws Refusal of kind UNDEFINED for zero
     */
    Rational inverse() {
        if (top.signum() == 0) {
            throw Refusal.undefined("division by zero");
        }
        return top.signum() > 0
                ? new Rational(bottom, top)
                : new Rational(bottom.negate(), top.negate());
    }

    Rational negate() {
        return new Rational(top.negate(), bottom);
    }

    /** This to a whole power, which may be negative; the caller has estimated the size. */
    Rational power(int exponent) {
        Rational base = exponent < 0 ? inverse() : this;
        int size = Math.abs(exponent);
        return new Rational(base.top.pow(size), base.bottom.pow(size));
    }

    /** The largest whole number that is not larger. */
    BigInteger floor() {
        BigInteger[] parts = top.divideAndRemainder(bottom);
        return parts[1].signum() < 0 ? parts[0].subtract(BigInteger.ONE) : parts[0];
    }

    boolean isWhole() {
        return bottom.equals(BigInteger.ONE);
    }

    boolean isZero() {
        return top.signum() == 0;
    }

    int signum() {
        return top.signum();
    }

    /** Bits of the larger of numerator and denominator. */
    int bits() {
        return Math.max(top.abs().bitLength(), bottom.bitLength());
    }

    /** Whether this is a whole number within int. */
    boolean isInt() {
        return isWhole() && top.bitLength() < 32;
    }

    int intValue() {
        return top.intValueExact();
    }

    @Override
    public int compareTo(Rational other) {
        return top.multiply(other.bottom).compareTo(other.top.multiply(bottom));
    }

    @Override
    public String toString() {
        return isWhole() ? top.toString() : top + "/" + bottom;
    }
}
