package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Constant;
import dev.forkpoint.reward.math.Node.FiniteSet;
import dev.forkpoint.reward.math.Node.NamedSet;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.Product;
import dev.forkpoint.reward.math.Node.Relation;
import dev.forkpoint.reward.math.Node.SetOperation;
import dev.forkpoint.reward.math.Node.Sign;
import dev.forkpoint.reward.math.Node.Symbol;
import dev.forkpoint.reward.math.Node.Tuple;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A set of real numbers as disjoint intervals in ascending order; a point is an interval of length
 * zero.
 */
final class RealSet {
    private static final int MAX_PIECES = 512;
    private static final Set<String> WHOLE = Set.of("Z", "Z+", "Z-", "N", "N+");
    private static final BigDecimal MAX_WHOLE = BigDecimal.valueOf(100);
    private static final BigDecimal MAX_END = BigDecimal.valueOf(1_000_000_000);
    private static final MathContext PRECISION = new MathContext(2 * Scalars.DIGITS);

    /**
     * An end of an interval: an exact expression with its approximate value, or ±∞ (value null).
     */
    private record Bound(Node node, @Nullable BigDecimal value, int infinite) {
        static final Bound MINUS = new Bound(Constant.INFINITY, null, -1);
        static final Bound PLUS = new Bound(Constant.INFINITY, null, 1);
    }

    private record Piece(Bound low, boolean lowClosed, Bound high, boolean highClosed) {}

    private final List<Piece> pieces;

    private RealSet(List<Piece> pieces) {
        this.pieces = pieces;
    }

    boolean isEmpty() {
        return pieces.isEmpty();
    }

    /** Makes sets of real numbers; one verification's budget. */
    static final class Maker {
        private final Scalars scalars;
        private final Budget budget;
        private final Build build;

        Maker(Scalars scalars, Budget budget) {
            this.scalars = scalars;
            this.budget = budget;
            this.build = new Build(budget);
        }

        /**
         * The set that a node stands for, or null if it is no set of real numbers with known
         * bounds.
         */
        @Nullable RealSet of(Node node) {
            if (node.isScalar()) {
                Bound bound = bound(node);
                return bound == null || bound.value() == null
                        ? null
                        : single(new Piece(bound, true, bound, true));
            } else if (node instanceof Tuple tuple) {
                return tuple.canBeInterval() ? interval(tuple) : null;
            } else if (node instanceof FiniteSet set) {
                return union(set.members());
            } else if (node instanceof NamedSet set) {
                return switch (set.name()) {
                    case "R" -> single(new Piece(Bound.MINUS, false, Bound.PLUS, false));
                    case "R+" -> single(new Piece(zero(), false, Bound.PLUS, false));
                    case "R0+" -> single(new Piece(zero(), true, Bound.PLUS, false));
                    case "R0-" -> single(new Piece(Bound.MINUS, false, zero(), true));
                    case "R-" -> single(new Piece(Bound.MINUS, false, zero(), false));
                    case "∅" -> new RealSet(List.of());
                    default -> null;
                };
            } else if (node instanceof SetOperation operation) {
                if (operation.kind() == SetOperation.Kind.INTERSECTION
                        && operation.left() instanceof NamedSet set
                        && WHOLE.contains(set.name())) {
                    RealSet range = of(operation.right());
                    return range == null ? null : wholeNumbers(range, set.name());
                }
                RealSet left = of(operation.left());
                RealSet right = of(operation.right());
                if (left == null || right == null) {
                    return null;
                }
                return switch (operation.kind()) {
                    case UNION -> join(left, right);
                    case INTERSECTION -> complement(join(complement(left), complement(right)));
                    case DIFFERENCE -> complement(join(complement(left), right));
                };
            } else if (node instanceof Relation relation) {
                return relation(relation);
            }
            return null;
        }

        private static Bound zero() {
            return new Bound(Build.ZERO, BigDecimal.ZERO, 0);
        }

        /** The whole numbers of a bounded set; null if there are too many. */
        private @Nullable RealSet wholeNumbers(RealSet set, String name) {
            RealSet found = new RealSet(List.of());
            for (Piece piece : set.pieces) {
                BigDecimal low = piece.low().value();
                BigDecimal high = piece.high().value();
                if (low == null
                        || high == null
                        || high.subtract(low).compareTo(MAX_WHOLE) > 0
                        || high.abs().compareTo(MAX_END) > 0) {
                    return null;
                }
                long last = high.setScale(0, RoundingMode.CEILING).longValueExact();
                for (long n = low.setScale(0, RoundingMode.FLOOR).longValueExact();
                        n <= last;
                        n++) {
                    Bound whole = new Bound(Build.num(n), BigDecimal.valueOf(n), 0);
                    int above = compare(whole, piece.low());
                    int below = compare(whole, piece.high());
                    boolean inside =
                            (above > 0 || (above == 0 && piece.lowClosed()))
                                    && (below < 0 || (below == 0 && piece.highClosed()));
                    if (inside && n == 0 && name.equals("N")) {
                        // Whether 0 is a natural number is not agreed.
                        return null;
                    }
                    boolean signed = name.equals("Z") || (name.equals("Z-") ? n < 0 : n > 0);
                    if (inside && signed) {
                        found = join(found, single(new Piece(whole, true, whole, true)));
                    }
                }
            }
            return found;
        }

        private @Nullable RealSet union(List<Node> members) {
            RealSet all = new RealSet(List.of());
            for (Node member : members) {
                RealSet next = member instanceof Tuple ? null : of(member);
                if (next == null) {
                    return null;
                }
                all = join(all, next);
            }
            return all;
        }

        private @Nullable RealSet interval(Tuple tuple) {
            Bound low = bound(tuple.members().get(0));
            Bound high = bound(tuple.members().get(1));
            if (low == null || high == null || low.infinite() > 0 || high.infinite() < 0) {
                return null;
            }
            boolean lowClosed = !tuple.openLeft() && low.infinite() == 0;
            boolean highClosed = !tuple.openRight() && high.infinite() == 0;
            int order = compare(low, high);
            if (order > 0) {
                return null;
            }
            return order < 0 || (lowClosed && highClosed)
                    ? single(new Piece(low, lowClosed, high, highClosed))
                    : new RealSet(List.of());
        }

        /** a < x ≤ b, x ≠ a, x ∈ S with one variable alone on its side. */
        private @Nullable RealSet relation(Relation relation) {
            if (relation.signs().size() == 1
                    && relation.signs().get(0) == Sign.MEMBER
                    && relation.sides().get(0) instanceof Symbol) {
                return of(relation.sides().get(1));
            }
            if (relation.signs().size() == 1
                    && relation.signs().get(0) == Sign.NOT_MEMBER
                    && relation.sides().get(0) instanceof Symbol) {
                RealSet set = of(relation.sides().get(1));
                return set == null ? null : complement(set);
            }
            if (relation.signs().stream().allMatch(sign -> sign == Sign.NOT_EQUAL)
                    && relation.sides().get(0) instanceof Symbol) {
                RealSet excluded = union(relation.sides().subList(1, relation.sides().size()));
                return excluded == null ? null : complement(excluded);
            }
            RealSet set = single(new Piece(Bound.MINUS, false, Bound.PLUS, false));
            for (int i = 0; i < relation.signs().size(); i++) {
                RealSet half =
                        half(
                                relation.sides().get(i),
                                relation.signs().get(i),
                                relation.sides().get(i + 1));
                if (half == null) {
                    return null;
                }
                set = complement(join(complement(set), complement(half)));
            }
            return set;
        }

        private @Nullable RealSet half(Node left, Sign sign, Node right) {
            if (!sign.isOrder()) {
                return null;
            }
            boolean variableFirst = left instanceof Symbol;
            if (!variableFirst && !(right instanceof Symbol)) {
                return absolute(left, sign, right);
            }
            Bound bound = bound(variableFirst ? right : left);
            if (bound == null || !(variableFirst ? left : right).equals(variable(left, right))) {
                return null;
            }
            Sign direction = variableFirst ? sign : sign.flipped();
            boolean closed =
                    (direction == Sign.LESS_OR_EQUAL || direction == Sign.GREATER_OR_EQUAL)
                            && bound.infinite() == 0;
            boolean below = direction == Sign.LESS || direction == Sign.LESS_OR_EQUAL;
            if (bound.infinite() != 0) {
                boolean all = below == bound.infinite() > 0;
                return all
                        ? single(new Piece(Bound.MINUS, false, Bound.PLUS, false))
                        : new RealSet(List.of());
            }
            return single(
                    below
                            ? new Piece(Bound.MINUS, false, bound, closed)
                            : new Piece(bound, closed, Bound.PLUS, false));
        }

        /** |g| < c is −c < g < c, and |g| > c is g < −c or g > c; else linear. */
        private @Nullable RealSet absolute(Node left, Sign sign, Node right) {
            if (isAbsolute(right) && !isAbsolute(left)) {
                return absolute(right, sign.flipped(), left);
            }
            if (!isAbsolute(left)) {
                return linear(build.subtract(left, right), sign);
            }
            if (!Shape.isConstant(right)) {
                return null;
            }
            Node inner = ((Call) left).arguments().get(0);
            RealSet above = linear(build.subtract(inner, right), sign);
            RealSet below = linear(build.sum(inner, right), sign.flipped());
            if (above == null || below == null) {
                return null;
            }
            boolean between = sign == Sign.LESS || sign == Sign.LESS_OR_EQUAL;
            return between
                    ? complement(join(complement(above), complement(below)))
                    : join(above, below);
        }

        private static boolean isAbsolute(Node node) {
            return node instanceof Call call && call.function().equals("abs");
        }

        /** Where a·x + b < 0, and so on for the other signs; null if the node is not linear. */
        private @Nullable RealSet linear(Node node, Sign sign) {
            Set<String> names = Shape.symbols(node);
            if (names.size() != 1 || !node.isScalar()) {
                return null;
            }
            Symbol variable = new Symbol(names.iterator().next());
            Node offset;
            Node slope;
            try {
                offset = at(node, variable, Build.ZERO);
                slope = build.subtract(at(node, variable, Build.ONE), offset);
            } catch (Refusal refusal) {
                if (refusal.kind() == Refusal.Kind.UNDEFINED) {
                    return null;
                }
                throw refusal;
            }
            if (!Shape.isConstant(slope)
                    || !scalars.compare(node, build.sum(build.product(slope, variable), offset))
                            .equal()) {
                return null;
            }
            Complex size = scalars.value(slope);
            if (size == null || !size.isNearlyReal() || size.isNearlyZero()) {
                return null;
            }
            Sign direction = size.re().signum() < 0 ? sign.flipped() : sign;
            return half(variable, direction, build.divide(build.negate(offset), slope));
        }

        private Node at(Node node, Symbol variable, Node value) {
            return Shape.map(node, build, part -> part.equals(variable) ? value : part);
        }

        private static @Nullable Node variable(Node left, Node right) {
            return left instanceof Symbol ? left : right instanceof Symbol ? right : null;
        }

        private @Nullable Bound bound(Node node) {
            if (node == Constant.INFINITY) {
                return Bound.PLUS;
            }
            if (node instanceof Product product
                    && product.factors().size() == 2
                    && product.factors().get(1) == Constant.INFINITY
                    && product.factors().get(0) instanceof Num number) {
                return number.value().signum() < 0 ? Bound.MINUS : Bound.PLUS;
            }
            if (!node.isScalar() || Shape.hasInfinity(node)) {
                return null;
            }
            Complex value = scalars.value(node);
            return value == null || !value.isNearlyReal() ? null : new Bound(node, value.re(), 0);
        }

        private int compare(Bound a, Bound b) {
            budget.charge(4);
            if (a.infinite() != 0 || b.infinite() != 0) {
                return Integer.compare(a.infinite(), b.infinite());
            }
            BigDecimal left = java.util.Objects.requireNonNull(a.value());
            BigDecimal right = java.util.Objects.requireNonNull(b.value());
            BigDecimal difference = left.subtract(right, PRECISION);
            double scale = Math.max(Complex.magnitude(left), Complex.magnitude(right));
            if (Complex.magnitude(difference) < scale - Scalars.DIGITS / 2.0) {
                return scalars.compare(a.node(), b.node()).equal() ? 0 : difference.signum();
            }
            return difference.signum();
        }

        /** Union: sorted, overlapping and touching pieces merged. */
        private RealSet join(RealSet left, RealSet right) {
            List<Piece> all = new ArrayList<>(left.pieces);
            all.addAll(right.pieces);
            if (all.size() > MAX_PIECES) {
                throw new Refusal(
                        Refusal.Kind.BUDGET, "more than %d intervals".formatted(MAX_PIECES));
            }
            Comparator<Piece> byLow = (a, b) -> compare(a.low(), b.low());
            all.sort(byLow.thenComparing(piece -> !piece.lowClosed()));
            List<Piece> merged = new ArrayList<>();
            for (Piece piece : all) {
                Piece last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
                int gap = last == null ? 1 : compare(piece.low(), last.high());
                if (last == null
                        || gap > 0
                        || (gap == 0 && !piece.lowClosed() && !last.highClosed())) {
                    merged.add(piece);
                } else {
                    int order = compare(piece.high(), last.high());
                    Bound high = order > 0 ? piece.high() : last.high();
                    boolean closed =
                            order > 0
                                    ? piece.highClosed()
                                    : order < 0
                                            ? last.highClosed()
                                            : last.highClosed() || piece.highClosed();
                    boolean lowClosed =
                            last.lowClosed()
                                    || (compare(piece.low(), last.low()) == 0 && piece.lowClosed());
                    merged.set(merged.size() - 1, new Piece(last.low(), lowClosed, high, closed));
                }
            }
            return new RealSet(merged);
        }

        private RealSet complement(RealSet set) {
            List<Piece> gaps = new ArrayList<>();
            Bound low = Bound.MINUS;
            boolean closed = false;
            for (Piece piece : set.pieces) {
                int order = compare(low, piece.low());
                if (order < 0 || (order == 0 && closed && !piece.lowClosed())) {
                    gaps.add(
                            new Piece(
                                    low,
                                    closed,
                                    piece.low(),
                                    !piece.lowClosed() && piece.low().infinite() == 0));
                }
                low = piece.high();
                closed = !piece.highClosed() && low.infinite() == 0;
            }
            if (low.infinite() <= 0) {
                gaps.add(new Piece(low, closed, Bound.PLUS, false));
            }
            return new RealSet(gaps);
        }

        /** Whether two sets have the same pieces. */
        Decision same(RealSet left, RealSet right) {
            if (left.pieces.size() != right.pieces.size()) {
                return Decision.different("real set");
            }
            Decision decision = Decision.equal("real set");
            for (int i = 0; i < left.pieces.size(); i++) {
                Piece a = left.pieces.get(i);
                Piece b = right.pieces.get(i);
                if (a.lowClosed() != b.lowClosed() || a.highClosed() != b.highClosed()) {
                    return Decision.different("real set");
                }
                decision = decision.and(same(a.low(), b.low()));
                decision = decision.equal() ? decision.and(same(a.high(), b.high())) : decision;
                if (!decision.equal()) {
                    return decision;
                }
            }
            return new Decision(true, decision.exact(), "real set");
        }

        private Decision same(Bound a, Bound b) {
            if (a.infinite() != 0 || b.infinite() != 0) {
                return a.infinite() == b.infinite()
                        ? Decision.equal("real set")
                        : Decision.different("real set");
            }
            return scalars.compare(a.node(), b.node());
        }

        private static RealSet single(Piece piece) {
            return new RealSet(List.of(piece));
        }
    }

    /** The one variable of an inequality, or null. */
    static @Nullable String variable(Relation relation) {
        Set<String> names = new TreeSet<>();
        for (Node side : relation.sides()) {
            names.addAll(Shape.symbols(side));
        }
        return names.size() == 1 ? names.iterator().next() : null;
    }
}
