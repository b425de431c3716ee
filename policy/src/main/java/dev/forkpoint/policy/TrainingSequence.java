package dev.forkpoint.policy;

/**
 * A sequence and the tokens of it that the objective looks at.
 *
 * @param ids prompt and response, at least 1 token
 * @param positions ascending indices into {@code ids}, each at least 1, of the tokens whose
 *     log-prob the objective needs; may be empty
 */
public record TrainingSequence(int[] ids, int[] positions) {

    public TrainingSequence {
        if (ids.length == 0) {
            throw new IllegalArgumentException("ids: empty (expected: at least one token)");
        }
        int last = 0;
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] <= last || positions[i] >= ids.length) {
                throw new IllegalArgumentException(
                        "positions[%d]: %d (expected: ascending, 1 to %d)"
                                .formatted(i, positions[i], ids.length - 1));
            }
            last = positions[i];
        }
    }
}
