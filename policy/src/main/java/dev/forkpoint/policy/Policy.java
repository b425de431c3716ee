package dev.forkpoint.policy;

import dev.forkpoint.policy.tokenizer.Tokenizer;
import java.nio.file.Path;

/** Weights, configuration and tokenizer of one policy in memory. Thread-safe for reading. */
public final class Policy implements AutoCloseable {

    private Policy() {}

    /**
     * Loads a Hugging Face checkpoint. When the folder has a manifest, every file is checked
     * against it first.
     *
     * @throws PolicyFormatException if a file is missing, truncated or does not match, or the model
     *     is not supported; the message names the file, the tensor or field, what was found and
     *     what is allowed
     */
    public static Policy load(Path directory, PolicyOptions options) throws PolicyFormatException {
        throw new UnsupportedOperationException();
    }

    /** What the model looks like. */
    public ModelConfig config() {
        throw new UnsupportedOperationException();
    }

    /** Its tokenizer. */
    public Tokenizer tokenizer() {
        throw new UnsupportedOperationException();
    }

    /** The folder it was loaded from. */
    public Path directory() {
        throw new UnsupportedOperationException();
    }

    /** What it was loaded with. */
    public PolicyOptions options() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
