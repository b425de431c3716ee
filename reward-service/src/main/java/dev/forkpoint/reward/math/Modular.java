package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Constant;
import dev.forkpoint.reward.math.Node.Digits;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.PlusMinus;
import dev.forkpoint.reward.math.Node.Power;
import dev.forkpoint.reward.math.Node.Product;
import dev.forkpoint.reward.math.Node.Range;
import dev.forkpoint.reward.math.Node.Sum;
import dev.forkpoint.reward.math.Node.Symbol;
import dev.forkpoint.reward.verifier.CounterRandom;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Values of expressions modulo the prime p = 2⁶¹ − 1 at random points. Two rational functions that
 * differ agree at a random point with probability at most degree / p (Schwartz 1980, Zippel 1979),
 * so equal residues mean equality but for that chance, and unequal residues mean inequality for
 * certain. Nothing is expanded. Variables, constants and functions that are not rational get random
 * values that depend on their name and on the residues of their arguments alone.
 */
final class Modular {
    static final long PRIME = (1L << 61) - 1;

    /** The result where a denominator vanishes. */
    static final long UNDEFINED = -1;

    /**
     * Larger exponents are not reduced modulo p − 1 (x^p would be x) but taken as part of an
     * unknown function.
     */
    static final int MAX_EXPONENT_BITS = 40;

    private static final BigInteger BIG_PRIME = BigInteger.valueOf(PRIME);
    private static final int MAX_RANGE = 1_000;
    private static final long CHUNK = 1_000_000_000_000_000_000L;

    private final Budget budget;
    private final long seed;
    private final Map<String, Long> bound = new HashMap<>();

    Modular(Budget budget, long seed) {
        this.budget = budget;
        this.seed = seed;
    }

    /** The residue in 0..p − 1, or {@link #UNDEFINED}. */
    long value(Node node) {
        budget.charge(1);
        if (node instanceof Num number) {
            return rational(number.value());
        } else if (node instanceof Symbol symbol) {
            Long value = bound.get(symbol.name());
            return value != null ? value : oracle(1, symbol.name());
        } else if (node instanceof Constant constant) {
            return oracle(2, constant.name());
        } else if (node instanceof Digits digits) {
            return digits(digits.digits());
        } else if (node instanceof Sum sum) {
            return sum(sum.terms());
        } else if (node instanceof Product product) {
            return product(product.factors());
        } else if (node instanceof Power power) {
            return power(power);
        } else if (node instanceof Call call) {
            return oracle(3, call.function(), call.arguments());
        } else if (node instanceof PlusMinus sign) {
            return oracle(4, sign.plus() ? "±" : "∓", List.of(sign.term()));
        } else if (node instanceof Range range) {
            return range(range);
        }
        throw new IllegalStateException("no scalar: " + node.getClass());
    }

    private long sum(List<Node> terms) {
        long total = 0;
        for (Node term : terms) {
            long value = value(term);
            if (value == UNDEFINED) {
                return UNDEFINED;
            }
            total = add(total, value);
        }
        return total;
    }

    private long product(List<Node> factors) {
        long total = 1;
        for (Node factor : factors) {
            long value = value(factor);
            if (value == UNDEFINED) {
                return UNDEFINED;
            }
            total = multiply(total, value);
        }
        return total;
    }

    private long power(Power power) {
        if (power.exponent() instanceof Num number
                && number.value().isWhole()
                && number.value().bits() <= MAX_EXPONENT_BITS) {
            long base = value(power.base());
            long exponent = number.value().top().longValueExact();
            if (base == UNDEFINED || (base == 0 && exponent < 0)) {
                return UNDEFINED;
            }
            budget.charge(60);
            long result = power(base, Math.abs(exponent));
            return exponent < 0 ? power(result, PRIME - 2) : result;
        }
        return oracle(5, "^", List.of(power.base(), power.exponent()));
    }

    private long range(Range range) {
        if (range.low() instanceof Num low
                && range.high() instanceof Num high
                && low.value().isInt()
                && high.value().isInt()) {
            long count = (long) high.value().intValue() - low.value().intValue() + 1;
            if (count <= MAX_RANGE) {
                return range(range, low.value().intValue(), (int) Math.max(0, count));
            }
        }
        Long outer = bound.put(range.variable(), oracle(6, "bound"));
        long value =
                oracle(
                        range.product() ? 7 : 8,
                        "range",
                        List.of(range.low(), range.high(), range.body()));
        restore(range.variable(), outer);
        return value;
    }

    private long range(Range range, int low, int count) {
        Long outer = bound.get(range.variable());
        long total = range.product() ? 1 : 0;
        for (int i = 0; i < count && total != UNDEFINED; i++) {
            bound.put(range.variable(), rational(Rational.of(low + (long) i)));
            long value = value(range.body());
            total =
                    value == UNDEFINED
                            ? UNDEFINED
                            : range.product() ? multiply(total, value) : add(total, value);
        }
        restore(range.variable(), outer);
        return total;
    }

    private void restore(String variable, @org.jspecify.annotations.Nullable Long outer) {
        if (outer == null) {
            bound.remove(variable);
        } else {
            bound.put(variable, outer);
        }
    }

    private long rational(Rational value) {
        budget.charge(value.bits() / 128);
        long top = residue(value.top());
        if (value.isWhole()) {
            return top;
        }
        long bottom = residue(value.bottom());
        return bottom == 0 ? UNDEFINED : multiply(top, power(bottom, PRIME - 2));
    }

    private static long residue(BigInteger value) {
        if (value.bitLength() < 61) {
            long small = value.longValue();
            return small < 0 ? small + PRIME : small;
        }
        return value.mod(BIG_PRIME).longValue();
    }

    private long digits(String digits) {
        budget.charge(digits.length() / 18);
        long value = 0;
        int first = digits.length() % 18;
        if (first > 0) {
            value = Long.parseLong(digits.substring(0, first)) % PRIME;
        }
        long chunk = CHUNK % PRIME;
        for (int i = first; i < digits.length(); i += 18) {
            value =
                    add(
                            multiply(value, chunk),
                            Long.parseLong(digits.substring(i, i + 18)) % PRIME);
        }
        return value;
    }

    private long oracle(int kind, String name, List<Node> arguments) {
        long[] words = new long[arguments.size()];
        for (int i = 0; i < words.length; i++) {
            words[i] = value(arguments.get(i));
            if (words[i] == UNDEFINED) {
                return UNDEFINED;
            }
        }
        if (Vocabulary.VARIADIC.contains(name) && !name.equals("mod")) {
            Arrays.sort(words);
        }
        long key = oracle(kind, name);
        for (long word : words) {
            key = CounterRandom.mix(key * 31 + word + 1);
        }
        return Math.floorMod(key, PRIME - 1) + 1;
    }

    private long oracle(int kind, String name) {
        long key = CounterRandom.mix(seed + kind);
        for (int i = 0; i < name.length(); i++) {
            key = CounterRandom.mix(key + name.charAt(i) + 1);
        }
        return Math.floorMod(key, PRIME - 1) + 1;
    }

    static long add(long a, long b) {
        long sum = a + b;
        return sum >= PRIME ? sum - PRIME : sum;
    }

    /** a · b mod 2⁶¹ − 1: the high bits are added to the low ones. */
    static long multiply(long a, long b) {
        long high = Math.multiplyHigh(a, b);
        long low = a * b;
        long sum = (low & PRIME) + ((low >>> 61) | (high << 3));
        return sum >= PRIME ? sum - PRIME : sum;
    }

    static long power(long base, long exponent) {
        long result = 1;
        long square = base;
        for (long e = exponent; e > 0; e >>= 1) {
            if ((e & 1) == 1) {
                result = multiply(result, square);
            }
            square = multiply(square, square);
        }
        return result;
    }
}
