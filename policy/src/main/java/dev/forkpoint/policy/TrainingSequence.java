package dev.forkpoint.policy;

/**
 * A sequence and the tokens of it that the objective looks at.
 *
 * @param ids prompt and response, at least 1 token
 * @param promptLength leading tokens that other sequences may have in common, which are then
 *     computed once for all of them; 0: none
 * @param positions ascending indices into {@code ids}, each at least 1 and {@code promptLength}, of
 *     the tokens whose log-prob the objective needs; may be empty
 */
public record TrainingSequence(int[] ids, int promptLength, int[] positions) {

    public TrainingSequence {
        if (ids.length == 0) {
            throw new IllegalArgumentException("ids: empty (expected: at least one token)");
        }
        if (promptLength < 0 || promptLength > ids.length) {
            throw new IllegalArgumentException(
                    "promptLength: %d (expected: 0 to %d)".formatted(promptLength, ids.length));
        }
        int least = Math.max(1, promptLength);
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] < least || positions[i] >= ids.length) {
                throw new IllegalArgumentException(
                        "positions[%d]: %d (expected: ascending, %d to %d)"
                                .formatted(i, positions[i], least, ids.length - 1));
            }
            least = positions[i] + 1;
        }
    }

    /** A sequence that has nothing in common with others. */
    public TrainingSequence(int[] ids, int[] positions) {
        this(ids, 0, positions);
    }

    /**
     * Tokens that the log-probs at {@code positions} depend on: all before the last of these. The
     * rest need not be computed.
     */
    int inputs() {
        return positions.length == 0 ? 0 : positions[positions.length - 1];
    }
}
