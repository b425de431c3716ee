package dev.forkpoint.reward.text;

import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import java.nio.IntBuffer;
import java.util.HashSet;
import java.util.Set;

/**
 * A penalty for repeated n-grams of token ids (arXiv 2502.03373, appendix): −penalty · (1 −
 * distinct / all), all = L − n + 1. Responses shorter than n tokens are not penalised.
 */
public final class RepetitionVerifier extends TextVerifier {
    private static final int MAX_TOKENS = 1_000_000;

    public RepetitionVerifier() {
        super(
                "repetition",
                "A penalty for the share of token n-grams that repeat earlier ones.",
                false,
                new OptionSpec("n", "tokens of an n-gram, 1 to 64; default 20"),
                new OptionSpec(
                        "penalty", "reward of total repetition, negated, 0 to 1000; default 1"),
                new OptionSpec("free", "share of repeats that costs nothing, 0 to 1; default 0"));
    }

    @Override
    public Verdict verify(Item item) {
        int[] tokens = item.tokenIds();
        if (tokens.length == 0 && !item.prediction().isEmpty()) {
            throw new InvalidItemException(
                    "token_ids",
                    "empty, with a prediction that is not (allowed: the response's tokens)");
        }
        if (tokens.length > MAX_TOKENS) {
            throw new InvalidItemException(
                    "token_ids",
                    "%d tokens (allowed: at most %d)".formatted(tokens.length, MAX_TOKENS));
        }
        int n = (int) item.options().whole("n", 20, 1, 64);
        double penalty = item.options().number("penalty", 1, 0, 1000);
        double free = item.options().number("free", 0, 0, 1);
        int all = tokens.length - n + 1;
        if (all <= 0) {
            return Verdict.graded(true, 0, "", "repetition", "fewer than %d tokens".formatted(n));
        }
        Set<IntBuffer> distinct = new HashSet<>();
        for (int i = 0; i < all; i++) {
            distinct.add(IntBuffer.wrap(tokens, i, n).slice());
        }
        double repeats = 1 - distinct.size() / (double) all;
        double reward = repeats <= free ? 0 : -penalty * repeats;
        return Verdict.graded(
                reward == 0,
                reward,
                "",
                "repetition",
                "%d distinct of %d".formatted(distinct.size(), all));
    }
}
