package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.BaseNumber;
import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Congruence;
import dev.forkpoint.reward.math.Node.FiniteSet;
import dev.forkpoint.reward.math.Node.Matrix;
import dev.forkpoint.reward.math.Node.Named;
import dev.forkpoint.reward.math.Node.NamedSet;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.Ratio;
import dev.forkpoint.reward.math.Node.Relation;
import dev.forkpoint.reward.math.Node.SetOperation;
import dev.forkpoint.reward.math.Node.Sign;
import dev.forkpoint.reward.math.Node.Symbol;
import dev.forkpoint.reward.math.Node.Tuple;
import dev.forkpoint.reward.math.Node.Words;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Equality of answers of all kinds. Symmetric. */
final class Comparer {
    private static final Decision KIND = Decision.different("kind");

    private final Budget budget;
    private final Build build;
    private final Scalars scalars;
    private final RealSet.Maker realSets;

    Comparer(Budget budget) {
        this.budget = budget;
        this.build = new Build(budget);
        this.scalars = new Scalars(budget);
        this.realSets = new RealSet.Maker(scalars, budget);
    }

    Decision compare(Node a, Node b) {
        budget.charge(1);
        if (a.equals(b)) {
            return Decision.equal("identical");
        }
        if (a instanceof Congruence left && b instanceof Congruence right) {
            return congruences(left, right);
        }
        if (a instanceof Congruence left && !(b instanceof FiniteSet)) {
            return compare(left.residue(), b);
        }
        if (b instanceof Congruence right && !(a instanceof FiniteSet)) {
            return compare(a, right.residue());
        }
        if (a instanceof Relation left && b instanceof Relation right) {
            return relations(left, right);
        }
        Node first = reduce(a);
        Node second = reduce(b);
        if (first != a || second != b) {
            return compare(first, second);
        }
        if (a.isScalar() && b.isScalar()) {
            return scalars.compare(a, b);
        }
        if (a instanceof Symbol name && isRange(b) && isSetName(name)) {
            return ranges(new NamedSet(name.name()), b);
        }
        if (b instanceof Symbol name && isRange(a) && isSetName(name)) {
            return ranges(a, new NamedSet(name.name()));
        }
        if (a instanceof Matrix matrix && b instanceof Tuple tuple) {
            return vector(matrix, tuple);
        }
        if (b instanceof Matrix matrix && a instanceof Tuple tuple) {
            return vector(matrix, tuple);
        }
        if (isRange(a) || isRange(b)) {
            return ranges(a, b);
        }
        if (a instanceof FiniteSet || b instanceof FiniteSet) {
            return sets(members(a), members(b), a, b);
        }
        if (a instanceof Named || b instanceof Named) {
            return named(a, b);
        }
        if (a instanceof Tuple left && b instanceof Tuple right) {
            return list(left.members(), right.members(), "tuple");
        }
        if (a instanceof Matrix left && b instanceof Matrix right) {
            return matrices(left, right);
        }
        if (a instanceof Ratio || b instanceof Ratio) {
            return ratios(a, b);
        }
        if (a instanceof BaseNumber
                || b instanceof BaseNumber
                || a instanceof Words
                || b instanceof Words) {
            // Equal ones were found identical above; words of different kinds are compared as text
            // by the caller.
            return KIND;
        }
        return KIND;
    }

    /**
     * The value that a true equation states, or the set a variable is said to be in; otherwise the
     * node itself.
     */
    private Node reduce(Node node) {
        if (!(node instanceof Relation relation)) {
            return node instanceof FiniteSet set && set.members().size() == 1
                    ? set.members().get(0)
                    : node;
        }
        List<Node> sides = relation.sides();
        Node last = sides.get(sides.size() - 1);
        boolean states =
                relation.signs().stream()
                        .allMatch(sign -> sign == Sign.EQUAL || sign == Sign.CONGRUENT);
        if (!states) {
            boolean member = relation.signs().size() == 1 && relation.signs().get(0) == Sign.MEMBER;
            return member
                            && Reading.isName(sides.get(0))
                            && !(last instanceof NamedSet set && set.name().equals("R"))
                    ? last
                    : node;
        }
        int first = 0;
        while (first < sides.size() - 1 && Reading.isName(sides.get(first))) {
            first++;
        }
        for (int i = first; i < sides.size() - 1; i++) {
            if (!compare(sides.get(i), last).equal()) {
                return node;
            }
        }
        return last;
    }

    private static boolean isSetName(Symbol symbol) {
        return symbol.name().length() == 1 && "RZNQC".contains(symbol.name());
    }

    private static boolean isRange(Node node) {
        return node instanceof SetOperation
                || node instanceof NamedSet
                || (node instanceof Tuple tuple && tuple.isInterval())
                || (node instanceof Relation relation && !relation.isEquation());
    }

    private Decision ranges(Node a, Node b) {
        RealSet left = realSets.of(a);
        RealSet right = realSets.of(b);
        if (left != null && right != null) {
            return realSets.same(left, right);
        }
        if (a instanceof Tuple first && b instanceof Tuple second) {
            boolean sameEnds =
                    first.openLeft() == second.openLeft()
                            && first.openRight() == second.openRight();
            return sameEnds || first.members().size() != 2
                    ? list(first.members(), second.members(), "interval")
                    : Decision.different("interval");
        }
        List<Node> first = unite(a);
        List<Node> second = unite(b);
        if (first.size() > 1 && first.size() == second.size()) {
            return sets(first, second, a, b);
        }
        if (a instanceof SetOperation one
                && b instanceof SetOperation two
                && one.kind() == two.kind()) {
            Decision decision = compare(one.left(), two.left());
            return decision.equal() ? decision.and(compare(one.right(), two.right())) : decision;
        }
        return KIND;
    }

    /** The operands of a union. */
    private static List<Node> unite(Node node) {
        if (node instanceof SetOperation operation && operation.kind() == SetOperation.Kind.UNION) {
            List<Node> all = new ArrayList<>(unite(operation.left()));
            all.addAll(unite(operation.right()));
            return all;
        }
        return node instanceof FiniteSet set ? set.members() : List.of(node);
    }

    private static List<Node> members(Node node) {
        if (node instanceof FiniteSet set) {
            return set.members();
        }
        return node instanceof Named named ? named.values() : List.of(node);
    }

    /** Every member of each side equals one of the other. */
    private Decision sets(List<Node> left, List<Node> right, Node a, Node b) {
        boolean tuple =
                (a instanceof Tuple && right.size() > 1) || (b instanceof Tuple && left.size() > 1);
        if (tuple && (left.size() == 1 || right.size() == 1)) {
            return Decision.different("set and tuple");
        }
        if (left.size() == 1 && !(a instanceof FiniteSet) && right.size() > 1 && !allSame(right)) {
            return Decision.different("set and value");
        }
        Decision decision = covers(left, right, Decision.equal("set"));
        return decision.equal() ? covers(right, left, decision) : decision;
    }

    private boolean allSame(List<Node> members) {
        return members.stream().allMatch(member -> compare(member, members.get(0)).equal());
    }

    private Decision covers(List<Node> some, List<Node> all, Decision start) {
        Decision decision = start;
        for (int i = 0; i < some.size(); i++) {
            Decision found = Decision.different("set");
            for (int offset = 0; offset < all.size() && !found.equal(); offset++) {
                // Lists mostly come in the same order.
                Decision next = compare(some.get(i), all.get((i + offset) % all.size()));
                if (next.equal()) {
                    found = next;
                }
            }
            if (!found.equal()) {
                return found;
            }
            decision = decision.and(found);
        }
        return new Decision(true, decision.exact(), "set");
    }

    private Decision named(Node a, Node b) {
        if (a instanceof Named left && b instanceof Named right) {
            if (left.names().size() != right.names().size()) {
                return Decision.different("names");
            }
            Decision decision = Decision.equal("names");
            for (int i = 0; i < left.names().size(); i++) {
                int j = right.names().indexOf(left.names().get(i));
                Decision next =
                        j < 0
                                ? Decision.different("names")
                                : compare(left.values().get(i), right.values().get(j));
                if (!next.equal()) {
                    return next;
                }
                decision = decision.and(next);
            }
            return decision;
        }
        Named named = a instanceof Named left ? left : (Named) b;
        Node other = named == a ? b : a;
        if (other instanceof Tuple tuple) {
            return list(named.values(), tuple.members(), "tuple");
        }
        return Decision.different("kind");
    }

    private Decision list(List<Node> left, List<Node> right, String rule) {
        if (left.size() != right.size()) {
            return Decision.different(rule);
        }
        Decision decision = Decision.equal(rule);
        for (int i = 0; i < left.size(); i++) {
            Decision next = compare(left.get(i), right.get(i));
            if (!next.equal()) {
                return next;
            }
            decision = decision.and(next);
        }
        return new Decision(true, decision.exact(), rule);
    }

    private Decision matrices(Matrix left, Matrix right) {
        if (left.height() != right.height() || left.width() != right.width()) {
            return Decision.different("matrix");
        }
        return list(
                left.rows().stream().flatMap(List::stream).toList(),
                right.rows().stream().flatMap(List::stream).toList(),
                "matrix");
    }

    /** A column or row of a matrix against a tuple, or rows against [[…], […]]. */
    private Decision vector(Matrix matrix, Tuple tuple) {
        if (matrix.width() == 1 || matrix.height() == 1) {
            return list(
                    matrix.rows().stream().flatMap(List::stream).toList(),
                    tuple.members(),
                    "matrix");
        }
        List<List<Node>> rows = new ArrayList<>();
        for (Node member : tuple.members()) {
            if (!(member instanceof Tuple row) || row.members().size() != matrix.width()) {
                return KIND;
            }
            rows.add(row.members());
        }
        return matrices(matrix, new Matrix(rows));
    }

    private Decision ratios(Node a, Node b) {
        if (a instanceof Ratio left && b instanceof Ratio right) {
            if (left.terms().size() != right.terms().size()) {
                return Decision.different("ratio");
            }
            Decision same = list(left.terms(), right.terms(), "ratio");
            if (same.equal() || (left.clock() && right.clock())) {
                return same;
            }
            // a : b : c equals d : e : f when all cross products agree.
            Decision decision = Decision.equal("ratio");
            for (int i = 1; i < left.terms().size(); i++) {
                Node across = build.product(left.terms().get(0), right.terms().get(i));
                Node back = build.product(left.terms().get(i), right.terms().get(0));
                Decision next =
                        across.equals(Build.ZERO)
                                ? Decision.different("ratio")
                                : scalars.compare(across, back);
                if (!next.equal()) {
                    return next;
                }
                decision = decision.and(next);
            }
            return decision;
        }
        Ratio ratio = a instanceof Ratio left ? left : (Ratio) b;
        Node other = ratio == a ? b : a;
        if (!other.isScalar()
                || ratio.terms().size() != 2
                || ratio.clock()
                || !ratio.terms().stream().allMatch(Node::isScalar)) {
            return KIND;
        }
        return ratio.terms().get(1).equals(Build.ZERO)
                ? KIND
                : scalars.compare(build.divide(ratio.terms().get(0), ratio.terms().get(1)), other);
    }

    private Decision relations(Relation a, Relation b) {
        if (a.isEquation() && b.isEquation()) {
            return equations(a, b);
        }
        String left = RealSet.variable(a);
        if (left != null && left.equals(RealSet.variable(b))) {
            RealSet first = realSets.of(a);
            RealSet second = realSets.of(b);
            if (first != null && second != null) {
                return realSets.same(first, second);
            }
        }
        if (a.signs().size() != b.signs().size()) {
            return Decision.different("relation");
        }
        Decision same = chains(a, b);
        Decision flipped = same.equal() ? same : chains(a, flip(b));
        if (flipped.equal() || a.signs().size() != 1) {
            return flipped;
        }
        return inequality(a, b);
    }

    private Decision chains(Relation a, Relation b) {
        return a.signs().equals(b.signs())
                ? list(a.sides(), b.sides(), "relation")
                : Decision.different("relation");
    }

    private static Relation flip(Relation relation) {
        List<Node> sides = new ArrayList<>(relation.sides());
        List<Sign> signs = new ArrayList<>(relation.signs().stream().map(Sign::flipped).toList());
        Collections.reverse(sides);
        Collections.reverse(signs);
        return new Relation(sides, signs);
    }

    /** The same modulus, and residues that differ by a multiple of it. */
    private Decision congruences(Congruence a, Congruence b) {
        boolean named = Reading.isName(a.value()) && Reading.isName(b.value());
        Decision decision = compare(a.modulus(), b.modulus());
        if (decision.equal() && named) {
            decision = decision.and(compare(a.value(), b.value()));
        }
        if (!decision.equal()) {
            return Decision.different("congruence");
        }
        if (a.residue() instanceof Num one
                && b.residue() instanceof Num other
                && a.modulus() instanceof Num modulus
                && !modulus.value().isZero()) {
            Node quotient =
                    build.divide(
                            build.subtract(new Num(one.value()), new Num(other.value())), modulus);
            boolean multiple = quotient instanceof Num whole && whole.value().isWhole();
            return multiple ? Decision.equal("congruence") : Decision.different("congruence");
        }
        return decision.and(compare(a.residue(), b.residue()));
    }

    /** Two inequalities are equal when one is a positive multiple of the other. */
    private Decision inequality(Relation a, Relation b) {
        Relation left = upwards(a);
        Relation right = upwards(b);
        boolean comparable =
                left.signs().equals(right.signs())
                        && (left.signs().get(0).isOrder() || left.signs().get(0) == Sign.NOT_EQUAL);
        if (!comparable
                || !left.sides().stream().allMatch(Node::isScalar)
                || !right.sides().stream().allMatch(Node::isScalar)) {
            return Decision.different("relation");
        }
        Node first = build.subtract(left.sides().get(1), left.sides().get(0));
        Node second = build.subtract(right.sides().get(1), right.sides().get(0));
        Decision decision = proportional(first, second);
        if (!decision.equal() || left.signs().get(0) == Sign.NOT_EQUAL) {
            return decision;
        }
        return sameSign(first, second) ? decision : Decision.different("relation");
    }

    private static Relation upwards(Relation relation) {
        Sign sign = relation.signs().get(0);
        return sign == Sign.GREATER || sign == Sign.GREATER_OR_EQUAL ? flip(relation) : relation;
    }

    private boolean sameSign(Node a, Node b) {
        try {
            Numeric numeric = new Numeric(budget, Scalars.DIGITS, 0, false);
            return numeric.value(a).re().signum() == numeric.value(b).re().signum();
        } catch (Numeric.Unsupported | ArithmeticException unsupported) {
            return false;
        }
    }

    private Decision equations(Relation a, Relation b) {
        if (a.sides().size() == 2 && b.sides().size() == 2) {
            Decision sides = list(a.sides(), b.sides(), "equation");
            if (sides.equal()) {
                return sides;
            }
            Node left = a.sides().get(0);
            Node right = b.sides().get(0);
            if (left instanceof Call function
                    && right instanceof Call other
                    && isDefinition(function)
                    && isDefinition(other)) {
                return definitions(a, b, function, other);
            }
            if ((left instanceof Call definition
                            && isDefinition(definition)
                            && right instanceof Symbol)
                    || (right instanceof Call definition2
                            && isDefinition(definition2)
                            && left instanceof Symbol)) {
                // y = 2x and f(x) = 2x are the same function.
                return compare(a.sides().get(1), b.sides().get(1));
            }
            boolean scalar =
                    a.sides().stream().allMatch(Node::isScalar)
                            && b.sides().stream().allMatch(Node::isScalar);
            if (scalar) {
                Decision multiples = proportional(difference(a), difference(b));
                if (multiples.equal()) {
                    return multiples;
                }
            }
        }
        Node first = reduce(a);
        Node second = reduce(b);
        // Different names of one thing are no reason to differ, different variables are: x = 5 is
        // not y = 5.
        boolean valueOnly = first != a && second != b && a.sides().get(0).equals(b.sides().get(0));
        boolean bothConstant =
                first != a && second != b && Shape.isConstant(a) && Shape.isConstant(b);
        if (valueOnly || bothConstant) {
            return compare(first, second);
        }
        return Decision.different("equation");
    }

    private Node difference(Relation equation) {
        return build.subtract(equation.sides().get(0), equation.sides().get(1));
    }

    private static boolean isDefinition(Call call) {
        return call.function().startsWith("·")
                && call.arguments().stream().allMatch(Symbol.class::isInstance);
    }

    /** f(x) = x + 1 and f(t) = t + 1 define the same function. */
    private Decision definitions(Relation a, Relation b, Call left, Call right) {
        if (!left.function().equals(right.function())
                || left.arguments().size() != right.arguments().size()) {
            return Decision.different("definition");
        }
        return compare(
                rename(a.sides().get(1), left.arguments()),
                rename(b.sides().get(1), right.arguments()));
    }

    private Node rename(Node node, List<Node> parameters) {
        Map<Node, Node> names = new HashMap<>();
        for (int i = 0; i < parameters.size(); i++) {
            names.put(parameters.get(i), new Symbol("§" + i));
        }
        return Shape.map(node, build, part -> names.getOrDefault(part, part));
    }

    /**
     * Whether two expressions are constant multiples of each other: a(x)·b(y) = a(y)·b(x) for all x
     * and y, neither of them zero or constant alone.
     */
    private Decision proportional(Node a, Node b) {
        if (Shape.isConstant(a) || Shape.isConstant(b)) {
            return Decision.different("equation");
        }
        Node left = build.product(a, fresh(b));
        Node right = build.product(fresh(a), b);
        Decision decision = scalars.compare(left, right);
        boolean zero =
                scalars.compare(a, Build.ZERO).equal() || scalars.compare(b, Build.ZERO).equal();
        if (!decision.equal() || zero) {
            return Decision.different("equation");
        }
        return new Decision(true, decision.exact(), "equation");
    }

    private Node fresh(Node node) {
        return Shape.map(
                node,
                build,
                part -> part instanceof Symbol symbol ? new Symbol(symbol.name() + "§") : part);
    }

    /**
     * Refuses a value that is undefined.
     *
     * @throws Refusal of kind UNDEFINED
     */
    void requireDefined(Node node) {
        if (node.isScalar()) {
            scalars.requireDefined(node);
        } else {
            for (Node child : Shape.children(node)) {
                requireDefined(child);
            }
        }
    }

    /** Whether a set of real numbers. */
    @Nullable RealSet realSet(Node node) {
        return realSets.of(node);
    }
}
