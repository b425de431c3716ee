package dev.forkpoint.reward.math;

/**
 * A text that is not read, or a comparison that is not made, and why. Thrown without stack trace:
 * refusals are ordinary.
 */
final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** The kinds of refusal. */
    enum Kind {
        /** No answer at all. */
        EMPTY,
        /** Not a well-formed answer. */
        SYNTAX,
        /** A character that has no place in an answer. */
        CHARACTER,
        /** Nested too deeply. */
        DEPTH,
        /** Too long. */
        SIZE,
        /** Well-formed without value: division by zero, logarithm of zero. */
        UNDEFINED,
        /** The operation budget is spent. */
        BUDGET
    }

    private final Kind kind;
    private final String reason;

    Refusal(Kind kind, String reason) {
        super(reason, null, false, false);
        this.kind = kind;
        this.reason = reason;
    }

    /** Why, in one line. */
    String reason() {
        return reason;
    }

    Kind kind() {
        return kind;
    }

    static Refusal syntax(String message) {
        return new Refusal(Kind.SYNTAX, message);
    }

    static Refusal undefined(String message) {
        return new Refusal(Kind.UNDEFINED, message);
    }
}
