package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.policy.selection.TopSelection;
import java.math.BigDecimal;
import java.util.OptionalDouble;

/** Control: tokens between two quantiles of entropy. */
@Published(
        name = "band",
        summary = "Control: tokens whose rank by entropy lies between two quantiles.",
        equation =
                "m_t = 1 for the ⌈(to − from)·n⌉ tokens that follow the ⌈(1 − to)·n⌉ of largest H_t",
        source = "control; bins of arXiv 2506.01939")
public record EntropyBand(
        @Option(value = "lower quantile, 0 or above, below 1", absent = Option.REQUIRED)
                double from,
        @Option(value = "upper quantile, above from, at most 1", absent = Option.REQUIRED)
                double to)
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
    public OptionalDouble promisedFraction() {
        return OptionalDouble.of(to - from);
    }

    @Override
    public Selection select(Candidates candidates) {
        int tokens = candidates.tokens();
        BigDecimal upper = BigDecimal.valueOf(to);
        int above =
                to == 1
                        ? 0
                        : TopSelection.count(tokens, BigDecimal.ONE.subtract(upper).doubleValue());
        int within =
                TopSelection.count(tokens, upper.subtract(BigDecimal.valueOf(from)).doubleValue());
        Selection down =
                TopSelection.greatest(candidates.entropy(), Math.min(tokens, above + within));
        Selection skipped = TopSelection.greatest(candidates.entropy(), above);
        return Masks.unranked(Masks.minus(down, skipped));
    }
}
