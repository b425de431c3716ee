package dev.forkpoint.reward.countdown;

import dev.forkpoint.reward.verifier.CounterRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The rules of Countdown: moves, attempts, the split, and the worth of an expression. */
final class Countdown {
    /** Every value of a canonical move stays within 0..99. */
    static final int MAX_VALUE = 99;

    private static final int[][] PAIRS = {{0, 1, 2}, {0, 2, 1}, {1, 2, 0}};
    private static final int MAX_DEPTH = 64;

    private Countdown() {}

    /** A move {@code a op b = result} with a ≥ b. */
    record Move(int a, char op, int b, int result) {
        String line() {
            return a + " " + op + " " + b + " = " + result + " ;";
        }
    }

    /** Two moves that use all three numbers, and the expression they make. */
    record Attempt(Move first, Move second, String expression) {
        int value() {
            return second.result();
        }
    }

    /** Three numbers in random order, a target, and an attempt that reaches it. */
    record Puzzle(int[] numbers, int target, Attempt solution) {
        String prompt() {
            return numbers[0] + " " + numbers[1] + " " + numbers[2] + " -> " + target + " :";
        }
    }

    /** The canonical moves on two values: larger first, whole results within 0..99. */
    static List<Move> moves(int left, int right) {
        int a = Math.max(left, right);
        int b = Math.min(left, right);
        List<Move> moves = new ArrayList<>(4);
        if (a + b <= MAX_VALUE) {
            moves.add(new Move(a, '+', b, a + b));
        }
        moves.add(new Move(a, '-', b, a - b));
        if (a * b <= MAX_VALUE) {
            moves.add(new Move(a, '*', b, a * b));
        }
        if (b > 0 && a % b == 0) {
            moves.add(new Move(a, '/', b, a / b));
        }
        return moves;
    }

    /**
     * A pair chosen uniformly, one of its moves uniformly, then one of the moves with the left-over
     * number uniformly.
     */
    static Attempt attempt(int[] numbers, CounterRandom random) {
        int[] pair = PAIRS[random.below(PAIRS.length)];
        Move first = choose(moves(numbers[pair[0]], numbers[pair[1]]), random);
        int rest = numbers[pair[2]];
        Move second = choose(moves(first.result(), rest), random);
        String inner = "( " + first.a() + " " + first.op() + " " + first.b() + " )";
        String expression =
                first.result() >= rest
                        ? inner + " " + second.op() + " " + rest
                        : rest + " " + second.op() + " " + inner;
        return new Attempt(first, second, expression);
    }

    /** One problem in eight is held out, by a fixed rule on the sorted numbers and the target. */
    static boolean isHeldOut(int[] numbers, int target) {
        int[] sorted = numbers.clone();
        Arrays.sort(sorted);
        long hash =
                7919L * sorted[0] + 104729L * sorted[1] + 1299709L * sorted[2] + 15485863L * target;
        return hash % 1009 % 8 == 0;
    }

    /**
     * Numbers uniform in 1..largest and the value of a random attempt, redrawn until the problem
     * belongs to the wanted half.
     */
    static Puzzle puzzle(CounterRandom random, boolean heldOut, int largest) {
        while (true) {
            int[] numbers = {
                random.between(1, largest), random.between(1, largest), random.between(1, largest)
            };
            Attempt solution = attempt(numbers, random);
            int target = solution.value();
            boolean isNumber = Arrays.stream(numbers).anyMatch(number -> number == target);
            if (target >= 1 && !isNumber && isHeldOut(numbers, target) == heldOut) {
                return new Puzzle(numbers, target, solution);
            }
        }
    }

    /**
     * A noisy search to learn from: up to {@code attempts} attempts, each the known solution with
     * probability {@code solutionShare}, else random; it stops at the first that hits, and answers
     * with the last one even if that is wrong.
     */
    static String demonstration(
            Puzzle puzzle, CounterRandom random, double solutionShare, int attempts) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; ; i++) {
            Attempt attempt =
                    random.unit() < solutionShare
                            ? puzzle.solution()
                            : attempt(puzzle.numbers(), random);
            text.append(attempt.first().line()).append(' ').append(attempt.second().line());
            if (attempt.value() == puzzle.target() || i == attempts - 1) {
                return text.append(" answer ")
                        .append(attempt.expression())
                        .append(" <eos>")
                        .toString();
            }
            text.append(" wait ");
        }
    }

    /**
     * The value of an expression of numbers, + − * / and brackets, with the usual precedence and
     * exact division.
     *
     * @return null if it is malformed, divides with a remainder or by zero, leaves the range of
     *     long, or nests deeper than 64
     */
    static @Nullable Long evaluate(List<String> words) {
        return new Expression(words).value();
    }

    private static Move choose(List<Move> moves, CounterRandom random) {
        return moves.get(random.below(moves.size()));
    }

    /** Recursive descent: sums of products of numbers and brackets. */
    private static final class Expression {
        private final List<String> words;
        private int position;
        private int depth;

        Expression(List<String> words) {
            this.words = words;
        }

        @Nullable Long value() {
            try {
                Long value = sum();
                return position == words.size() ? value : null;
            } catch (ArithmeticException outOfRange) {
                return null;
            }
        }

        private @Nullable Long sum() {
            Long value = product();
            while (value != null && (next("+") || next("-"))) {
                boolean plus = words.get(position++).equals("+");
                Long term = product();
                if (term == null) {
                    return null;
                }
                value = plus ? Math.addExact(value, term) : Math.subtractExact(value, term);
            }
            return value;
        }

        private @Nullable Long product() {
            Long value = atom();
            while (value != null && (next("*") || next("/"))) {
                boolean times = words.get(position++).equals("*");
                Long factor = atom();
                if (factor == null || (!times && (factor == 0 || value % factor != 0))) {
                    return null;
                }
                value = times ? Math.multiplyExact(value, factor) : Long.valueOf(value / factor);
            }
            return value;
        }

        private @Nullable Long atom() {
            if (position >= words.size()) {
                return null;
            }
            String word = words.get(position++);
            if (!word.equals("(")) {
                return number(word);
            }
            if (++depth > MAX_DEPTH) {
                return null;
            }
            Long value = sum();
            depth--;
            if (value == null || !next(")")) {
                return null;
            }
            position++;
            return value;
        }

        private boolean next(String word) {
            return position < words.size() && words.get(position).equals(word);
        }
    }

    /** A whole number of up to nine digits, or null. */
    static @Nullable Long number(String word) {
        if (word.isEmpty() || word.length() > 9) {
            return null;
        }
        long value = 0;
        for (int i = 0; i < word.length(); i++) {
            char c = word.charAt(i);
            if (c < '0' || c > '9') {
                return null;
            }
            value = 10 * value + (c - '0');
        }
        return value;
    }
}
