package dev.forkpoint.reward.verifier;

/**
 * An item that cannot be verified as asked: a field or option is missing, unknown or out of range.
 */
public final class InvalidItemException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String field;
    private final String problem;

    /**
     * @param field the field or option at fault, e.g. {@code gold} or {@code options.tolerance}
     * @param problem what was found and what is allowed
     */
    public InvalidItemException(String field, String problem) {
        super(field + ": " + problem);
        this.field = field;
        this.problem = problem;
    }

    /** What was found and what is allowed. */
    public String problem() {
        return problem;
    }

    /** The field or option at fault. */
    public String field() {
        return field;
    }
}
