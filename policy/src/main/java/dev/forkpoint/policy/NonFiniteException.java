package dev.forkpoint.policy;

/** A gradient is infinite or not a number. Nothing was changed, and the gradient was cleared. */
public final class NonFiniteException extends ArithmeticException {

    private static final long serialVersionUID = 1L;

    private final String tensor;

    public NonFiniteException(String tensor) {
        super(
                "gradient of "
                        + tensor
                        + " is not finite (nothing was changed; the gradient is cleared)");
        this.tensor = tensor;
    }

    /** The first parameter, by its Hugging Face name, with a value that is not finite. */
    public String tensor() {
        return tensor;
    }
}
