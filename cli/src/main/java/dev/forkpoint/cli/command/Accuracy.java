package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.lab.statistics.Bootstrap;
import dev.forkpoint.lab.statistics.Interval;
import dev.forkpoint.lab.statistics.PassAtK;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** Statistics of an evaluation of several problems with several samples each. */
final class Accuracy {

    private static final long BOOTSTRAP_SEED = 0x5EED;

    /**
     * One problem.
     *
     * @param samples responses to it
     * @param correct of which CORRECT
     * @param meanLength mean tokens of a response
     */
    record Problem(int samples, int correct, double meanLength) {}

    /** An estimate and its interval as JSON. */
    static ObjectNode json(Interval interval) {
        ObjectNode node = JsonLines.object();
        node.set("mean", JsonLines.number(interval.mean()));
        node.putArray("ci95").add(interval.low()).add(interval.high());
        return node;
    }

    private Accuracy() {}

    /** avg@K: mean over problems of the share of correct responses. */
    static Interval average(List<Problem> problems) {
        return interval(problems, p -> (double) p.correct / p.samples);
    }

    /** Mean over problems of the mean response length, tokens. */
    static Interval length(List<Problem> problems) {
        return interval(problems, Problem::meanLength);
    }

    /** pass@k without bias: mean over problems of the estimate of each. */
    static Interval pass(List<Problem> problems, int k) {
        return interval(problems, p -> PassAtK.estimate(p.samples, p.correct, k));
    }

    private static Interval interval(List<Problem> problems, ToDoubleFunction<Problem> value) {
        return Bootstrap.mean(problems.stream().mapToDouble(value).toArray(), BOOTSTRAP_SEED);
    }
}
