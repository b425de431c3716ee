package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.Call;
import dev.forkpoint.reward.math.Node.Congruence;
import dev.forkpoint.reward.math.Node.Constant;
import dev.forkpoint.reward.math.Node.FiniteSet;
import dev.forkpoint.reward.math.Node.Named;
import dev.forkpoint.reward.math.Node.NamedSet;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.PlusMinus;
import dev.forkpoint.reward.math.Node.Power;
import dev.forkpoint.reward.math.Node.Product;
import dev.forkpoint.reward.math.Node.Ratio;
import dev.forkpoint.reward.math.Node.Relation;
import dev.forkpoint.reward.math.Node.SetOperation;
import dev.forkpoint.reward.math.Node.Sign;
import dev.forkpoint.reward.math.Node.Sum;
import dev.forkpoint.reward.math.Node.Symbol;
import dev.forkpoint.reward.math.Node.Tuple;
import dev.forkpoint.reward.math.Parser.Elements;
import dev.forkpoint.reward.math.Parser.Separator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What an answer's text says: parsed, ± written out, and a bare list made the set, the named values
 * or the tuples that it stands for.
 *
 * @param node the value
 * @param text the text it was read from
 * @param ambiguousList whether {@code 1,234} was read as one number though it might be a list
 * @param ambiguousUnit whether the m of {@code 5 m} was read as a variable though it might be a
 *     unit
 */
record Reading(Node node, String text, boolean ambiguousList, boolean ambiguousUnit) {
    private static final int MAX_WORDS = 12;

    /** How what is ambiguous is read. */
    enum Mode {
        /** 1,234 is one number, and a letter is a variable. */
        USUAL,
        /** 1,234 is a list of two. */
        LISTS,
        /** A single letter behind a number is its unit. */
        UNITS
    }

    /**
     * Reads an answer in several boxes as one list.
     *
     * @throws Refusal if it cannot be read
     */
    static Reading of(List<String> boxes, Mode mode, Budget budget) {
        List<Node> members = new ArrayList<>();
        List<Separator> separators = new ArrayList<>();
        boolean ambiguousList = false;
        boolean ambiguousUnit = false;
        for (String box : boxes) {
            String trimmed = value(trim(box));
            if (trimmed.isEmpty()) {
                throw new Refusal(Refusal.Kind.EMPTY, "the answer is empty");
            }
            Lexer.Tokens tokens = Lexer.cut(trimmed, mode != Mode.LISTS, budget);
            Parser parser = new Parser(tokens.tokens(), mode == Mode.UNITS, budget);
            Elements elements = parser.answer();
            ambiguousList |= tokens.mergedThousands();
            ambiguousUnit |= parser.metLetterUnit();
            if (!members.isEmpty()) {
                separators.add(Separator.COMMA);
            }
            members.addAll(elements.members());
            separators.addAll(elements.separators());
        }
        Node node = new Interpreter(budget).value(new Elements(members, separators));
        if (node instanceof Node.Words words
                && words.text().chars().filter(c -> c == ' ').count() >= MAX_WORDS) {
            throw Refusal.syntax("a sentence of more than %d words".formatted(MAX_WORDS));
        }
        return new Reading(node, String.join(", ", boxes), ambiguousList, ambiguousUnit);
    }

    /** Without white space, stars and full stops around it. */
    private static String trim(String text) {
        int start = 0;
        int end = text.length();
        while (start < end
                && (isTrimmed(text.charAt(start)) || text.charAt(start) == ':')
                && text.charAt(start) != '.') {
            start++;
        }
        while (end > start
                && (isTrimmed(text.charAt(end - 1)) || ":?".indexOf(text.charAt(end - 1)) >= 0)) {
            end--;
        }
        // "\ " at the end keeps its blank.
        return end > start && text.charAt(end - 1) == '\\' && end < text.length()
                ? text.substring(start, end + 1)
                : text.substring(start, end);
    }

    /**
     * Of {@code P(A|B) = 1/2} and the like the right side: the left one is a name that no formula
     * explains.
     */
    private static String value(String text) {
        int equals = text.indexOf('=');
        int bracket = text.indexOf('(');
        if (bracket <= 0
                || bracket > 12
                || equals < 0
                || !text.substring(0, bracket)
                        .matches("\\\\?[A-Za-z]+(\\{[A-Za-z]\\})?\\s*(\\\\left)?")) {
            return text;
        }
        int depth = 0;
        boolean event = false;
        for (int i = bracket; i < text.length(); i++) {
            char c = text.charAt(i);
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            event |=
                    depth > 0
                            && (c == '|'
                                    || c == '='
                                    || c == '<'
                                    || c == '>'
                                    || text.startsWith("\\mid", i)
                                    || text.startsWith("\\cup", i)
                                    || text.startsWith("\\cap", i));
            if (depth == 0) {
                String rest = text.substring(i + 1).strip();
                return event && rest.startsWith("=") ? rest.substring(1) : text;
            }
        }
        return text;
    }

    private static boolean isTrimmed(char c) {
        return Character.isWhitespace(c)
                || c == '*'
                || c == '`'
                || c == '.'
                || c == '。'
                || c == '"'
                || c == '“'
                || c == '”';
    }

    /** Turns parsed elements into one value. */
    private static final class Interpreter {
        private final Build build;

        Interpreter(Budget budget) {
            build = new Build(budget);
        }

        Node value(Elements elements) {
            List<Node> members = withoutWholeNumbers(withModulus(elements.members()));
            List<Separator> separators = elements.separators().subList(0, members.size() - 1);
            boolean semicolons =
                    separators.contains(Separator.SEMICOLON) || separators.contains(Separator.LINE);
            boolean commas = separators.contains(Separator.COMMA);
            if (semicolons && commas && members.stream().anyMatch(Interpreter::isEquation)) {
                return groups(members, separators);
            }
            if (members.size() > 1 && members.stream().allMatch(Interpreter::isInequality)) {
                boolean or = separators.stream().allMatch(s -> s == Separator.OR);
                // x ≥ 0, x ≠ 1 excludes a value; x < 1, x > 2 lists two ranges.
                boolean and =
                        separators.stream().allMatch(s -> s == Separator.AND)
                                || (separators.stream().allMatch(s -> s == Separator.COMMA)
                                        && members.stream().anyMatch(Interpreter::isExclusion));
                if (or || and) {
                    return Parser.joined(
                            or ? SetOperation.Kind.UNION : SetOperation.Kind.INTERSECTION, members);
                }
            }
            if (members.size() == 1
                    && members.get(0) instanceof Relation relation
                    && relation.signs().equals(List.of(Sign.NOT_EQUAL))
                    && Shape.holds(relation, PlusMinus.class::isInstance)) {
                // x ≠ ±1 excludes both.
                return exclusion(relation, List.of());
            }
            if (members.size() > 1
                    && members.get(0) instanceof Relation relation
                    && relation.signs().equals(List.of(Sign.NOT_EQUAL))
                    && members.stream().skip(1).allMatch(Node::isScalar)) {
                return exclusion(relation, members.subList(1, members.size()));
            }
            return list(members);
        }

        /** In {@code n ≡ 1, 5 (mod 6)} the modulus is that of every member. */
        private static List<Node> withModulus(List<Node> members) {
            if (!(members.get(members.size() - 1) instanceof Congruence last)) {
                return members;
            }
            List<Node> classes = new ArrayList<>();
            for (Node member : members) {
                Node residue =
                        member instanceof Relation relation
                                        && relation.signs().equals(List.of(Sign.CONGRUENT))
                                ? relation.sides().get(1)
                                : member;
                classes.add(
                        residue.isScalar()
                                ? new Congruence(residue, residue, last.modulus())
                                : member);
            }
            return classes;
        }

        /** Without the condition of {@code kπ, k ∈ ℤ}: whole numbers are what k usually means. */
        private static List<Node> withoutWholeNumbers(List<Node> members) {
            int end = members.size() - 1;
            boolean condition =
                    end > 0
                            && members.get(end) instanceof Relation relation
                            && relation.signs().equals(List.of(Sign.MEMBER))
                            && relation.sides().get(0) instanceof Symbol variable
                            && relation.sides().get(1).equals(new NamedSet("Z"))
                            && members.subList(0, end).stream()
                                    .anyMatch(member -> Shape.holds(member, variable::equals));
            return condition ? members.subList(0, end) : members;
        }

        /** {@code x ≠ 2, 3} and {@code x ≠ ±1}: a chain that excludes every value. */
        private Node exclusion(Relation relation, List<Node> more) {
            List<Node> values = new ArrayList<>();
            expand(relation.sides().get(1), values);
            more.forEach(node -> expand(node, values));
            List<Node> sides = new ArrayList<>(values);
            sides.add(0, relation.sides().get(0));
            return new Relation(
                    List.copyOf(sides), Collections.nCopies(values.size(), Sign.NOT_EQUAL));
        }

        /** {@code p=5, q=2; p=7, q=2}: semicolons between groups of commas. */
        private Node groups(List<Node> members, List<Separator> separators) {
            List<Node> groups = new ArrayList<>();
            List<Node> group = new ArrayList<>();
            for (int i = 0; i < members.size(); i++) {
                group.add(members.get(i));
                boolean last = i == separators.size();
                if (last
                        || separators.get(i) == Separator.SEMICOLON
                        || separators.get(i) == Separator.LINE) {
                    Node value = list(group);
                    groups.add(
                            value instanceof Named named
                                    ? new Tuple(named.values(), true, true)
                                    : value);
                    group = new ArrayList<>();
                }
            }
            return new FiniteSet(List.copyOf(groups));
        }

        private Node list(List<Node> raw) {
            List<Node> members = new ArrayList<>();
            raw.forEach(member -> expand(member, members));
            if (members.size() == 1) {
                boolean named =
                        members.get(0) instanceof FiniteSet set
                                && set.members().stream().allMatch(Interpreter::isAssignment);
                return named ? named(((FiniteSet) members.get(0)).members()) : members.get(0);
            }
            boolean allNamed = members.stream().allMatch(Interpreter::isAssignment);
            if (allNamed) {
                return named(members);
            }
            if (isAssignment(members.get(0))
                    && members.stream().skip(1).noneMatch(Relation.class::isInstance)) {
                // "x = 1, 2, 3": one name for all.
                members.set(0, last(members.get(0)));
            }
            return new FiniteSet(List.copyOf(members));
        }

        /**
         * All of one name: a set of values. Names that repeat in turn: a set of tuples. Otherwise
         * values with names.
         */
        private Node named(List<Node> members) {
            List<Node> names =
                    members.stream().map(member -> ((Relation) member).sides().get(0)).toList();
            List<Node> values = members.stream().map(Interpreter::last).toList();
            Set<Node> distinct = new LinkedHashSet<>(names);
            int period = distinct.size();
            if (period == 1) {
                return new FiniteSet(values);
            }
            if (period == members.size()) {
                return new Named(names, values);
            }
            if (members.size() % period != 0) {
                return new FiniteSet(List.copyOf(members));
            }
            List<Node> order = List.copyOf(distinct);
            List<Node> tuples = new ArrayList<>();
            for (int start = 0; start < members.size(); start += period) {
                List<Node> tuple = new ArrayList<>(values.subList(start, start + period));
                for (int i = 0; i < period; i++) {
                    int place = order.indexOf(names.get(start + i));
                    if (names.subList(start, start + i).contains(names.get(start + i))) {
                        return new FiniteSet(List.copyOf(members));
                    }
                    tuple.set(place, values.get(start + i));
                }
                tuples.add(new Tuple(tuple, true, true));
            }
            return new FiniteSet(tuples);
        }

        /** Writes out ±: the upper signs, then the lower ones. */
        private void expand(Node node, List<Node> into) {
            if (node instanceof FiniteSet set) {
                List<Node> inner = new ArrayList<>();
                set.members().forEach(member -> expand(member, inner));
                into.add(new FiniteSet(List.copyOf(inner)));
            } else if (node instanceof SetOperation operation) {
                into.add(
                        new SetOperation(
                                operation.kind(),
                                expanded(operation.left()),
                                expanded(operation.right())));
            } else if (Shape.holds(node, PlusMinus.class::isInstance)) {
                into.add(signed(node, true));
                into.add(signed(node, false));
            } else {
                into.add(node);
            }
        }

        private Node expanded(Node node) {
            List<Node> both = new ArrayList<>();
            expand(node, both);
            return both.size() == 1 ? both.get(0) : new FiniteSet(List.copyOf(both));
        }

        private Node signed(Node node, boolean upper) {
            return Shape.map(
                    node,
                    build,
                    part ->
                            part instanceof PlusMinus sign
                                    ? (sign.plus() == upper
                                            ? sign.term()
                                            : build.negate(sign.term()))
                                    : part);
        }

        private static boolean isEquation(Node node) {
            return node instanceof Relation relation && relation.isEquation();
        }

        private static boolean isInequality(Node node) {
            return node instanceof Relation relation
                    && relation.signs().stream()
                            .allMatch(sign -> sign.isOrder() || sign == Sign.NOT_EQUAL);
        }

        private static boolean isExclusion(Node node) {
            return node instanceof Relation relation && relation.signs().contains(Sign.NOT_EQUAL);
        }

        private static boolean isAssignment(Node node) {
            return node instanceof Relation relation
                    && relation.isEquation()
                    && relation.sides().size() == 2
                    && isName(relation.sides().get(0));
        }

        private static Node last(Node relation) {
            List<Node> sides = ((Relation) relation).sides();
            return sides.get(sides.size() - 1);
        }
    }

    /**
     * Whether the left side of an equation only names what the right side is: letters and words,
     * functions of them, their products, quotients, sums and differences without numbers.
     */
    static boolean isName(Node node) {
        if (node instanceof Symbol || node == Constant.E || node == Constant.I) {
            return true;
        } else if (node instanceof Call call) {
            return call.function().startsWith("·")
                    || call.function().startsWith("¬")
                    || (Vocabulary.TRIGONOMETRIC.contains(call.function())
                            && isName(call.arguments().get(0)))
                    || (call.function().equals("abs") && isName(call.arguments().get(0)));
        } else if (node instanceof Product product) {
            return product.factors().stream()
                    .allMatch(factor -> isName(factor) || isInverseName(factor));
        } else if (node instanceof Sum sum) {
            return sum.terms().stream().allMatch(term -> isName(term) || isNegatedName(term));
        } else if (node instanceof Tuple tuple) {
            return tuple.members().stream().allMatch(Reading::isName);
        } else if (node instanceof Ratio || node instanceof Node.Matrix) {
            return Shape.children(node).stream().allMatch(Reading::isName);
        } else if (node instanceof SetOperation operation) {
            return isName(operation.left()) && isName(operation.right());
        } else if (node instanceof FiniteSet set) {
            return set.members().size() == 1 && isName(set.members().get(0));
        } else if (node instanceof Node.Words) {
            return true;
        }
        return isInverseName(node);
    }

    private static boolean isInverseName(Node node) {
        return node instanceof Power power
                && power.exponent().equals(Build.MINUS_ONE)
                && isName(power.base());
    }

    private static boolean isNegatedName(Node node) {
        return node instanceof Product product
                && product.factors().size() == 2
                && product.factors().get(0) instanceof Num number
                && number.value().equals(Rational.MINUS_ONE)
                && isName(product.factors().get(1));
    }
}
