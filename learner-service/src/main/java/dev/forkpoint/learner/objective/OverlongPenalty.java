package dev.forkpoint.learner.objective;

/** Soft punishment of responses that come close to the limit of tokens. */
@Published(
        name = "overlong",
        summary = "Takes away up to 1 over the last tokens before the limit.",
        equation = "r + (0 if |o| ≤ L − c; (L − c − |o|)/c if L − c < |o| ≤ L; −1 beyond)",
        source = "DAPO, arXiv 2503.14476 eq. 13")
public record OverlongPenalty(
        @Option(value = "L, tokens", absent = Option.OF_SAMPLING) int maxTokens,
        @Option(value = "c, length of the slope, tokens, 1 to L", absent = Option.REQUIRED)
                int cacheTokens)
        implements RewardShaper {
    public OverlongPenalty {
        Check.atLeast("overlong.max_tokens", maxTokens, 1);
        Check.inRange("overlong.cache_tokens", cacheTokens, 1, maxTokens);
    }

    public static OverlongPenalty defaults() {
        return new OverlongPenalty(20_480, 4_096);
    }

    @Override
    public double shape(double reward, int lengthTokens) {
        double over = lengthTokens - (maxTokens - cacheTokens);
        return reward - Math.min(1, Math.max(0, over / cacheTokens));
    }
}
