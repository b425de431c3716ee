package dev.forkpoint.reward.math;

/**
 * A piece of an answer.
 *
 * @param kind what it is
 * @param text number: digits with an optional point and exponent; letter, word, command: the name;
 *     text: its content; sign: the character
 * @param spaced whether white space stands before it
 */
record Token(Kind kind, String text, boolean spaced) {
    /** What a token is. */
    enum Kind {
        NUMBER,
        /** A decimal whose last digits repeat: {@code whole|digits|period}. */
        REPEATING,
        LETTER,
        WORD,
        /** A LaTeX command, or a function's name in plain text. */
        COMMAND,
        /** Content of \text{} and the like. */
        TEXT,
        /** A bracket, operator or separator of one character. */
        SIGN,
        /** A comparison, by {@link Node.Sign}'s name, or APPROX. */
        RELATION,
        AND,
        OR,
        DEGREE,
        BEGIN,
        END_ENVIRONMENT,
        SET,
        END
    }

    boolean is(Kind wanted) {
        return kind == wanted;
    }

    boolean isSign(char sign) {
        return kind == Kind.SIGN && text.charAt(0) == sign;
    }

    boolean isRelation(String name) {
        return kind == Kind.RELATION && text.equals(name);
    }

    boolean isCommand(String name) {
        return kind == Kind.COMMAND && text.equals(name);
    }

    @Override
    public String toString() {
        return kind == Kind.END
                ? "the end"
                : "\"" + (text.length() > 40 ? text.substring(0, 40) + "…" : text) + "\"";
    }
}
