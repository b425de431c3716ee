package dev.forkpoint.reward.text;

import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import java.util.Set;

/**
 * A reward for length in tokens L.
 *
 * <p>overlong (DAPO, arXiv 2503.14476, eq. 13): 0 for L ≤ max − buffer, then linear to −1 at L =
 * max, −1 beyond.
 *
 * <p>cosine (arXiv 2502.03373, section 4.2): CosFn(L) = end + ½ (start − end)(1 + cos(π L / max)),
 * start the reward at length 0 and end that at length max, each for right and for wrong answers;
 * {@code exceed} beyond max. Whether the answer is right is the task's {@code correct}.
 */
public final class LengthVerifier extends TextVerifier {
    public LengthVerifier() {
        super(
                "length",
                "A reward for the number of tokens: overlong penalty, or cosine by right and wrong.",
                false,
                new OptionSpec("mode", "overlong or cosine; default overlong"),
                new OptionSpec("max", "tokens that are allowed, 1 to 10,000,000, required"),
                new OptionSpec(
                        "buffer",
                        "overlong: tokens before max over which the penalty grows, 1 to max; default a fifth of max"),
                new OptionSpec(
                        "correct_start", "cosine: reward of a right answer of length 0; default 2"),
                new OptionSpec(
                        "correct_end", "cosine: reward of a right answer of length max; default 1"),
                new OptionSpec(
                        "wrong_start", "cosine: reward of a wrong answer of length 0; default -10"),
                new OptionSpec(
                        "wrong_end", "cosine: reward of a wrong answer of length max; default 0"),
                new OptionSpec("exceed", "cosine: reward beyond max; default -10"));
    }

    @Override
    public Verdict verify(Item item) {
        int length = item.tokenIds().length;
        if (length == 0 && !item.prediction().isEmpty()) {
            throw new InvalidItemException(
                    "token_ids",
                    "empty, with a prediction that is not (allowed: the response's tokens)");
        }
        String mode = item.options().choice("mode", "overlong", Set.of("overlong", "cosine"));
        long max = item.options().whole("max", 1, 10_000_000);
        double reward =
                mode.equals("overlong") ? overlong(item, length, max) : cosine(item, length, max);
        boolean within = mode.equals("overlong") ? reward == 0 : length <= max;
        return Verdict.graded(within, reward, "", mode, "%d tokens of %d".formatted(length, max));
    }

    private static double overlong(Item item, int length, long max) {
        long buffer = item.options().whole("buffer", Math.max(1, max / 5), 1, max);
        double over = length - (double) (max - buffer);
        return over <= 0 ? 0 : Math.max(-1, -over / buffer);
    }

    private static double cosine(Item item, int length, long max) {
        if (!item.task().has("correct")) {
            throw new InvalidItemException("task.correct", "missing (allowed: true or false)");
        }
        String kind = item.task().flag("correct", false) ? "correct" : "wrong";
        double start =
                item.options().number(kind + "_start", kind.equals("correct") ? 2 : -10, -1e6, 1e6);
        double end =
                item.options().number(kind + "_end", kind.equals("correct") ? 1 : 0, -1e6, 1e6);
        if (length > max) {
            return item.options().number("exceed", -10, -1e6, 1e6);
        }
        return end + 0.5 * (start - end) * (1 + Math.cos(Math.PI * length / max));
    }
}
