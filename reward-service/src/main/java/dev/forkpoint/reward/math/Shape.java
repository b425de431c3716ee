package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Congruence;
import dev.forkpoint.reward.math.Node.Constant;
import dev.forkpoint.reward.math.Node.Digits;
import dev.forkpoint.reward.math.Node.FiniteSet;
import dev.forkpoint.reward.math.Node.Named;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.PlusMinus;
import dev.forkpoint.reward.math.Node.Power;
import dev.forkpoint.reward.math.Node.Product;
import dev.forkpoint.reward.math.Node.Range;
import dev.forkpoint.reward.math.Node.Ratio;
import dev.forkpoint.reward.math.Node.Relation;
import dev.forkpoint.reward.math.Node.SetOperation;
import dev.forkpoint.reward.math.Node.Sum;
import dev.forkpoint.reward.math.Node.Symbol;
import dev.forkpoint.reward.math.Node.Tuple;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Walks trees: what they hold, and the same tree with parts replaced. */
final class Shape {
    private static final Set<String> WHOLE_NUMBER_FUNCTIONS =
            Set.of("factorial", "factorial2", "binomial", "gcd", "lcm", "mod");
    private static final String WHOLE_NUMBER_NAMES = "ijklmnNMKpq";

    private Shape() {}

    static List<Node> children(Node node) {
        if (node instanceof Sum sum) {
            return sum.terms();
        } else if (node instanceof Product product) {
            return product.factors();
        } else if (node instanceof Power power) {
            return List.of(power.base(), power.exponent());
        } else if (node instanceof Call call) {
            return call.arguments();
        } else if (node instanceof PlusMinus sign) {
            return List.of(sign.term());
        } else if (node instanceof Range range) {
            return List.of(range.low(), range.high(), range.body());
        } else if (node instanceof Tuple tuple) {
            return tuple.members();
        } else if (node instanceof FiniteSet set) {
            return set.members();
        } else if (node instanceof Relation relation) {
            return relation.sides();
        } else if (node instanceof Ratio ratio) {
            return ratio.terms();
        } else if (node instanceof SetOperation operation) {
            return List.of(operation.left(), operation.right());
        } else if (node instanceof Congruence congruence) {
            return List.of(congruence.value(), congruence.residue(), congruence.modulus());
        } else if (node instanceof Named named) {
            return named.values();
        } else if (node instanceof Node.Matrix matrix) {
            return matrix.rows().stream().flatMap(List::stream).toList();
        }
        return List.of();
    }

    static boolean holds(Node node, Predicate<Node> wanted) {
        if (wanted.test(node)) {
            return true;
        }
        for (Node child : children(node)) {
            if (holds(child, wanted)) {
                return true;
            }
        }
        return false;
    }

    /** Names of the free variables, sorted. */
    static Set<String> symbols(Node node) {
        Set<String> names = new TreeSet<>();
        collect(node, names);
        return names;
    }

    private static void collect(Node node, Set<String> names) {
        if (node instanceof Symbol symbol) {
            names.add(symbol.name());
        } else if (node instanceof Range range) {
            Set<String> inner = new TreeSet<>();
            collect(range.body(), inner);
            inner.remove(range.variable());
            names.addAll(inner);
            collect(range.low(), names);
            collect(range.high(), names);
        } else {
            for (Node child : children(node)) {
                collect(child, names);
            }
        }
    }

    static boolean isConstant(Node node) {
        return !holds(
                node,
                part ->
                        part instanceof Symbol
                                || (part instanceof Call call && call.function().startsWith("·")));
    }

    /**
     * Whether the tree is a rational function of its variables: equality of residues then decides.
     */
    static boolean isRational(Node node) {
        if (node instanceof Num || node instanceof Digits || node instanceof Symbol) {
            return true;
        } else if (node instanceof Power power) {
            return power.exponent() instanceof Num number
                    && number.value().isWhole()
                    && number.value().bits() <= Modular.MAX_EXPONENT_BITS
                    && isRational(power.base());
        } else if (node instanceof Sum || node instanceof Product) {
            return children(node).stream().allMatch(Shape::isRational);
        }
        return false;
    }

    /**
     * Whether the variables can only be whole numbers: a factorial of one, or a floor of names that
     * stand for whole numbers.
     */
    static boolean needsWholeNumbers(Node node) {
        return holds(
                node,
                part -> {
                    if (part instanceof Range range) {
                        return !isConstant(range.low()) || !isConstant(range.high());
                    }
                    if (!(part instanceof Call call) || isConstant(call)) {
                        return false;
                    }
                    boolean rounding =
                            call.function().equals("floor") || call.function().equals("ceil");
                    return WHOLE_NUMBER_FUNCTIONS.contains(call.function())
                            || (rounding
                                    && symbols(call).stream()
                                            .allMatch(
                                                    name ->
                                                            WHOLE_NUMBER_NAMES.contains(
                                                                    name.substring(0, 1))));
                });
    }

    /** Whether infinity is part of the value; as a range's upper bound it is not. */
    static boolean hasInfinity(Node node) {
        if (node instanceof Range range) {
            return hasInfinity(range.low()) || hasInfinity(range.body());
        }
        return node == Constant.INFINITY || children(node).stream().anyMatch(Shape::hasInfinity);
    }

    /**
     * The scalar, tuple, set or relation with every part for which {@code replace} returns another
     * one replaced, leaves first.
     */
    static Node map(Node node, Build build, UnaryOperator<Node> replace) {
        Node mapped = node;
        if (node instanceof Sum sum) {
            mapped = build.sum(map(sum.terms(), build, replace));
        } else if (node instanceof Product product) {
            mapped = build.product(map(product.factors(), build, replace));
        } else if (node instanceof Power power) {
            mapped =
                    build.power(
                            map(power.base(), build, replace),
                            map(power.exponent(), build, replace));
        } else if (node instanceof Call call) {
            mapped = build.call(call.function(), map(call.arguments(), build, replace));
        } else if (node instanceof PlusMinus sign) {
            mapped = new PlusMinus(sign.plus(), map(sign.term(), build, replace));
        } else if (node instanceof Range range) {
            mapped =
                    new Range(
                            range.product(),
                            range.variable(),
                            map(range.low(), build, replace),
                            map(range.high(), build, replace),
                            map(range.body(), build, replace));
        } else if (node instanceof Tuple tuple) {
            mapped =
                    new Tuple(
                            map(tuple.members(), build, replace),
                            tuple.openLeft(),
                            tuple.openRight());
        } else if (node instanceof FiniteSet set) {
            mapped = new FiniteSet(map(set.members(), build, replace));
        } else if (node instanceof Relation relation) {
            mapped = new Relation(map(relation.sides(), build, replace), relation.signs());
        } else if (node instanceof Congruence congruence) {
            mapped =
                    new Congruence(
                            map(congruence.value(), build, replace),
                            map(congruence.residue(), build, replace),
                            map(congruence.modulus(), build, replace));
        } else if (node instanceof Named named) {
            mapped = new Named(named.names(), map(named.values(), build, replace));
        } else if (node instanceof Ratio ratio) {
            mapped = new Ratio(map(ratio.terms(), build, replace), ratio.clock());
        } else if (node instanceof SetOperation operation) {
            mapped =
                    new SetOperation(
                            operation.kind(),
                            map(operation.left(), build, replace),
                            map(operation.right(), build, replace));
        } else if (node instanceof Node.Matrix matrix) {
            mapped =
                    new Node.Matrix(
                            matrix.rows().stream().map(row -> map(row, build, replace)).toList());
        }
        return replace.apply(mapped);
    }

    private static List<Node> map(List<Node> nodes, Build build, UnaryOperator<Node> replace) {
        return nodes.stream().map(node -> map(node, build, replace)).toList();
    }
}
