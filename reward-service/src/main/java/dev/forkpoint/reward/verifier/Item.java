package dev.forkpoint.reward.verifier;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A response to verify.
 *
 * @param gold the reference answer; null where the caller gave none
 * @param prediction the response, or its bare answer
 * @param form what the prediction is
 * @param tokenIds the response's token ids; empty where the caller gave none
 * @param task fields of the problem
 * @param options options of the verifier
 * @param truncated whether the response was cut off at its token limit
 */
public record Item(
        @Nullable String gold,
        String prediction,
        Form form,
        int[] tokenIds,
        Fields task,
        Fields options,
        boolean truncated) {

    private static final int[] NO_TOKENS = {};

    /** How to read a prediction. */
    public enum Form {
        /** A whole response: the answer is to be found in it. */
        RESPONSE,
        /** The bare answer. */
        ANSWER
    }

    /** An item that is only gold and response. */
    public static Item of(@Nullable String gold, String prediction) {
        return new Item(
                gold,
                prediction,
                Form.RESPONSE,
                NO_TOKENS,
                Fields.of("task", Map.of()),
                Fields.of("options", Map.of()),
                false);
    }

    public Item withForm(Form newForm) {
        return new Item(gold, prediction, newForm, tokenIds, task, options, truncated);
    }

    public Item withTask(Map<String, Object> newTask) {
        return new Item(
                gold, prediction, form, tokenIds, Fields.of("task", newTask), options, truncated);
    }

    public Item withOptions(Map<String, Object> newOptions) {
        return withOptions(Fields.of("options", newOptions));
    }

    public Item withOptions(Fields newOptions) {
        return new Item(gold, prediction, form, tokenIds, task, newOptions, truncated);
    }

    public Item withTokenIds(int... newTokenIds) {
        return new Item(gold, prediction, form, newTokenIds, task, options, truncated);
    }

    public Item withTruncated(boolean newTruncated) {
        return new Item(gold, prediction, form, tokenIds, task, options, newTruncated);
    }

    /**
     * @throws InvalidItemException if the caller gave no gold
     */
    public String requireGold() {
        if (gold == null) {
            throw new InvalidItemException("gold", "missing");
        }
        return gold;
    }
}
