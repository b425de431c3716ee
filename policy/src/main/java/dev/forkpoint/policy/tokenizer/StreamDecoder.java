package dev.forkpoint.policy.tokenizer;

/** Text of a growing response; never splits a character. Not thread-safe. */
public final class StreamDecoder {

    StreamDecoder() {}

    /** Takes the next tokens and returns the text that is now certain, which may be empty. */
    public String append(int... ids) {
        throw new UnsupportedOperationException();
    }

    /** The rest, with replacement characters for bytes that never became one. */
    public String finish() {
        throw new UnsupportedOperationException();
    }
}
