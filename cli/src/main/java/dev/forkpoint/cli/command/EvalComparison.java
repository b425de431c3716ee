package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.lab.statistics.Bootstrap;
import dev.forkpoint.lab.statistics.Interval;
import dev.forkpoint.lab.statistics.PairedTests;
import java.util.List;
import java.util.Locale;

/**
 * Two policies on the same problems.
 *
 * @param difference second minus first, mean over problems of the share of correct responses, with
 *     95 % interval by bootstrap over problems
 * @param p of a difference of zero, two-sided
 * @param test that gave p
 * @param onlyFirst problems with more correct responses of the first
 * @param onlySecond problems with more correct responses of the second
 */
record EvalComparison(Interval difference, double p, String test, int onlyFirst, int onlySecond) {

    private static final long SEED = 0x5EED;

    /**
     * With one response a problem by McNemar's exact test, else by flipping signs of differences.
     */
    static EvalComparison of(List<Accuracy.Problem> first, List<Accuracy.Problem> second) {
        if (first.size() != second.size()) {
            throw new IllegalArgumentException(
                    "problems: %d and %d (expected: the same)"
                            .formatted(first.size(), second.size()));
        }
        double[] differences = new double[first.size()];
        int onlyFirst = 0;
        int onlySecond = 0;
        boolean single = true;
        for (int i = 0; i < differences.length; i++) {
            Accuracy.Problem a = first.get(i);
            Accuracy.Problem b = second.get(i);
            differences[i] =
                    (double) b.correct() / b.samples() - (double) a.correct() / a.samples();
            onlyFirst += differences[i] < 0 ? 1 : 0;
            onlySecond += differences[i] > 0 ? 1 : 0;
            single &= a.samples() == 1 && b.samples() == 1;
        }
        return new EvalComparison(
                Bootstrap.mean(differences, SEED),
                single
                        ? PairedTests.mcNemar(onlyFirst, onlySecond)
                        : PairedTests.signFlip(differences, SEED),
                single ? "McNemar, exact" : "sign flips over problems",
                onlyFirst,
                onlySecond);
    }

    ObjectNode json() {
        ObjectNode node = JsonLines.object();
        node.set("difference", Accuracy.json(difference));
        node.put("p", p);
        node.put("test", test);
        node.put("problems_first_better", onlyFirst);
        node.put("problems_second_better", onlySecond);
        return node;
    }

    String sentence() {
        return String.format(
                Locale.ROOT,
                "difference %+.1f points, 95 %% interval %+.1f to %+.1f, p %s (%s; better on %d"
                        + " problems, worse on %d)",
                100 * difference.mean(),
                100 * difference.low(),
                100 * difference.high(),
                p < 1e-4 ? "< 0.0001" : String.format(Locale.ROOT, "%.4f", p),
                test,
                onlySecond,
                onlyFirst);
    }
}
