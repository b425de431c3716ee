package dev.forkpoint.policy;

import java.io.IOException;

/**
 * A policy's folder cannot be used: a file is missing, truncated or damaged, a tensor or field does
 * not fit, or the model needs what is not supported. The message names the file, the tensor or
 * field, what was found and what is allowed.
 */
public final class PolicyFormatException extends IOException {

    private static final long serialVersionUID = 1L;

    public PolicyFormatException(String message) {
        super(message);
    }

    public PolicyFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
