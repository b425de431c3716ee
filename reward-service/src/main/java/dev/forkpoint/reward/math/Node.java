package dev.forkpoint.reward.math;

import java.util.List;

/** What an answer says. Immutable trees of bounded depth; {@link Build} makes them. */
sealed interface Node {
    /**
     * Whether this is a number or an expression, as against a tuple, set, relation, matrix or text.
     */
    default boolean isScalar() {
        return true;
    }

    /**
     * A rational number.
     *
     * @param digits significant digits if it was written as a bare decimal with a point, otherwise
     *     0
     * @param scale digits after the point if it was written as a bare decimal, otherwise 0
     */
    record Num(Rational value, int digits, int scale) implements Node {
        Num(Rational value) {
            this(value, 0, 0);
        }
    }

    /** A whole number of so many digits that it is compared as text: no sign, no leading zeros. */
    record Digits(String digits) implements Node {}

    /** A constant. */
    enum Constant implements Node {
        PI,
        E,
        I,
        INFINITY
    }

    /** A variable or name; a word has the prefix {@code "}. */
    record Symbol(String name) implements Node {}

    record Sum(List<Node> terms) implements Node {}

    record Product(List<Node> factors) implements Node {}

    record Power(Node base, Node exponent) implements Node {}

    /** A function applied to arguments. */
    record Call(String function, List<Node> arguments) implements Node {}

    /** A sum or product over a range: Σ or Π of body for variable = low..high. */
    record Range(boolean product, String variable, Node low, Node high, Node body)
            implements Node {}

    /** ± or ∓ (plus = false) before a term. */
    record PlusMinus(boolean plus, Node term) implements Node {}

    /**
     * Numbers with a colon between them.
     *
     * @param clock whether it is a time of day
     */
    record Ratio(List<Node> terms, boolean clock) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }
    }

    /** Digits in a named base. */
    record BaseNumber(String digits, int base) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }
    }

    /**
     * An ordered tuple, or an interval if it has two members: with round brackets whichever the
     * other side needs.
     */
    record Tuple(List<Node> members, boolean openLeft, boolean openRight) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }

        boolean canBeInterval() {
            return members.size() == 2;
        }

        /** Whether it can only be an interval. */
        boolean isInterval() {
            return members.size() == 2 && !(openLeft && openRight);
        }
    }

    /** An unordered finite set, from braces or from a bare list. */
    record FiniteSet(List<Node> members) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }
    }

    /** Values with names: {@code p = 5, q = 2}. */
    record Named(List<Node> names, List<Node> values) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }
    }

    /** Union, intersection or difference of sets. */
    record SetOperation(Kind kind, Node left, Node right) implements Node {
        /** Which. */
        enum Kind {
            UNION,
            INTERSECTION,
            DIFFERENCE
        }

        @Override
        public boolean isScalar() {
            return false;
        }
    }

    /** A set with a name: the reals and so on; {@code "∅"} is the empty set. */
    record NamedSet(String name) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }
    }

    /** A chain of comparisons: sides[0] signs[0] sides[1] signs[1] … */
    record Relation(List<Node> sides, List<Sign> signs) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }

        boolean isEquation() {
            return signs.stream().allMatch(sign -> sign == Sign.EQUAL);
        }
    }

    /**
     * A residue class, value ≡ residue (mod modulus); where only the residue is written, the value
     * is that as well.
     */
    record Congruence(Node value, Node residue, Node modulus) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }
    }

    /** A comparison sign. */
    enum Sign {
        EQUAL,
        NOT_EQUAL,
        LESS,
        LESS_OR_EQUAL,
        GREATER,
        GREATER_OR_EQUAL,
        MEMBER,
        NOT_MEMBER,
        CONGRUENT;

        Sign flipped() {
            return switch (this) {
                case LESS -> GREATER;
                case LESS_OR_EQUAL -> GREATER_OR_EQUAL;
                case GREATER -> LESS;
                case GREATER_OR_EQUAL -> LESS_OR_EQUAL;
                default -> this;
            };
        }

        boolean isOrder() {
            return this == LESS
                    || this == LESS_OR_EQUAL
                    || this == GREATER
                    || this == GREATER_OR_EQUAL;
        }
    }

    /** Rows of equal length. */
    record Matrix(List<List<Node>> rows) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }

        int height() {
            return rows.size();
        }

        int width() {
            return rows.get(0).size();
        }
    }

    /** Words that are no mathematics: lower case, letters and digits, single blanks. */
    record Words(String text) implements Node {
        @Override
        public boolean isScalar() {
            return false;
        }
    }
}
