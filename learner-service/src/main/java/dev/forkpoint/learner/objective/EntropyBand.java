package dev.forkpoint.learner.objective;

import java.math.BigDecimal;

/** Control: tokens between two quantiles of entropy. */
@Published(
        name = "band",
        summary = "Control: tokens whose rank by entropy lies between two quantiles.",
        equation =
                "m_t = 1 for the ⌈(to − from)·n⌉ tokens that follow the ⌈(1 − to)·n⌉ of largest H_t",
        source = "control; bins of arXiv 2506.01939")
public record EntropyBand(
        @Option("lower quantile, 0 or above, below 1") double from,
        @Option("upper quantile, above from, at most 1") double to)
        implements TokenSelector {
    public EntropyBand {
        if (!(from >= 0 && from < 1)) {
            throw new IllegalArgumentException(
                    "band.from: " + from + " (expected: 0 or above, below 1)");
        }
        if (!(to > from && to <= 1)) {
            throw new IllegalArgumentException(
                    "band.to: " + to + " (expected: above from, which is " + from + ", at most 1)");
        }
    }

    public static EntropyBand defaults() {
        return new EntropyBand(0.6, 0.8);
    }

    @Override
    public Selection select(Candidates candidates) {
        int tokens = candidates.tokens();
        BigDecimal upper = BigDecimal.valueOf(to);
        int above = Ranking.count(BigDecimal.ONE.subtract(upper), tokens);
        int within = Ranking.count(upper.subtract(BigDecimal.valueOf(from)), tokens);
        Selection down = Ranking.top(candidates.entropy(), Math.min(tokens, above + within));
        Selection band = down.minus(Ranking.top(candidates.entropy(), above));
        return new Selection(band.kept(), band.keptCount(), down.threshold());
    }
}
