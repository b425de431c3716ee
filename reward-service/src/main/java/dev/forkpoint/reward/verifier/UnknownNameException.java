package dev.forkpoint.reward.verifier;

import java.util.Collection;
import java.util.TreeSet;

/** No verifier or task family has the requested name. */
public final class UnknownNameException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String field;

    /**
     * @param field the request's field, {@code verifier} or {@code task}
     * @param found the unknown name
     * @param known the names there are
     */
    public UnknownNameException(String field, String found, Collection<String> known) {
        super(
                "%s: \"%s\" (known: %s)"
                        .formatted(
                                field,
                                found.length() > 80 ? found.substring(0, 80) + "…" : found,
                                new TreeSet<>(known)));
        this.field = field;
    }

    /** The request's field, {@code verifier} or {@code task}. */
    public String field() {
        return field;
    }
}
