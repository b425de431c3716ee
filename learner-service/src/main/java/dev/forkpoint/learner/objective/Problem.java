package dev.forkpoint.learner.objective;

/**
 * Something wrong with a specification.
 *
 * @param field path of the field in the specification
 * @param message what was found and what is allowed
 */
public record Problem(String field, String message) {
    @Override
    public String toString() {
        return field + ": " + message;
    }
}
