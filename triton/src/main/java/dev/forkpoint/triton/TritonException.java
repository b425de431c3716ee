package dev.forkpoint.triton;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A refusal or failure with one of a fixed list of codes, the same in-process and over KServe v2.
 */
public final class TritonException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * What went wrong. The first eight are Triton's own, with its numbers; it has none for the last
     * two, so these travel as UNAVAILABLE with a text that begins with their name.
     */
    public enum Code {
        UNKNOWN(0, false),
        INTERNAL(1, true),
        NOT_FOUND(2, false),
        INVALID_ARGUMENT(3, false),
        UNAVAILABLE(4, true),
        UNSUPPORTED(5, false),
        ALREADY_EXISTS(6, false),
        CANCELLED(7, false),
        DEADLINE_EXCEEDED(4, false),
        RESOURCE_EXHAUSTED(4, true);

        private final int number;
        private final boolean retryable;

        Code(int number, boolean retryable) {
            this.number = number;
            this.retryable = retryable;
        }

        /** The TRITONSERVER_Error_Code it travels as. */
        public int number() {
            return number;
        }

        /** Whether the same rollout, by the same seed, may be asked of another server. */
        public boolean retryable() {
            return retryable;
        }
    }

    private static final String SEPARATOR = ": ";

    private final Code code;

    public TritonException(Code code, String message) {
        super(message);
        this.code = code;
    }

    public TritonException(Code code, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    /**
     * From Triton's number and text: the inverse of {@link #wireText} as far as the text names a
     * code.
     */
    static TritonException of(int number, @Nullable String text) {
        String message = text == null ? "no message" : text;
        Code named = named(message);
        if (named != null && named.number == number) {
            return new TritonException(
                    named, message.substring(named.name().length() + SEPARATOR.length()));
        }
        Code code =
                Arrays.stream(Code.values())
                        .filter(c -> c.number == number)
                        .findFirst()
                        .orElse(Code.UNKNOWN);
        return new TritonException(code, message);
    }

    /**
     * From a text alone, as a KServe v2 stream carries it.
     *
     * @param text {@code CODE: message} as this project's servers write it, or any other server's
     *     text, which is UNKNOWN
     */
    public static TritonException ofWireText(String text) {
        Code named = named(text);
        return named == null
                ? new TritonException(Code.UNKNOWN, text)
                : new TritonException(
                        named, text.substring(named.name().length() + SEPARATOR.length()));
    }

    private static @Nullable Code named(String text) {
        return Arrays.stream(Code.values())
                .filter(c -> text.startsWith(c.name() + SEPARATOR))
                .findFirst()
                .orElse(null);
    }

    public Code code() {
        return code;
    }

    /** {@code CODE: message}. */
    public String wireText() {
        return code.name() + SEPARATOR + getMessage();
    }
}
