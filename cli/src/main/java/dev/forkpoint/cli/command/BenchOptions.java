package dev.forkpoint.cli.command;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import picocli.CommandLine.Option;

/** Options of every measurement. */
final class BenchOptions {

    private static final int WARM_UP_SECONDS = 2;
    private static final long MAX_WARM_UP_NANOS = 30_000_000_000L;

    /** Tokens of a prompt. */
    static final int PROMPT_TOKENS = 12;

    @Option(
            names = "--repetitions",
            paramLabel = "N",
            defaultValue = "5",
            description = "Measured repetitions, after warming up. Default: ${DEFAULT-VALUE}")
    int repetitions;

    @Option(names = "--json", description = "One JSON object on standard output, and nothing else")
    boolean json;

    /** Median, spread and peak memory need at least one repetition. */
    void check() {
        SamplingOptions.require(repetitions >= 1, "--repetitions", repetitions, "1 or more");
    }

    /** Something to measure; may fail for being interrupted. */
    @FunctionalInterface
    interface Work {
        void run() throws InterruptedException;
    }

    /**
     * Runs for so many seconds at least and then, half a minute at most, until two runs in a row
     * are not faster than those before by a twentieth: the compiler has then seen the work.
     */
    static void warmUp(Work work, int seconds) throws InterruptedException {
        long start = System.nanoTime();
        long fastest = Long.MAX_VALUE;
        long elapsed;
        int settled = 0;
        do {
            long began = System.nanoTime();
            work.run();
            long end = System.nanoTime();
            settled = end - began < 0.95 * fastest ? 0 : settled + 1;
            fastest = Math.min(fastest, end - began);
            elapsed = end - start;
        } while (elapsed < seconds * 1_000_000_000L
                || (settled < 2 && elapsed < MAX_WARM_UP_NANOS));
    }

    /** Seconds of each repetition. */
    List<Double> measure(Work work) throws InterruptedException {
        warmUp(work, WARM_UP_SECONDS);
        List<Double> seconds = new ArrayList<>();
        for (int i = 0; i < repetitions; i++) {
            long start = System.nanoTime();
            work.run();
            seconds.add((System.nanoTime() - start) / 1e9);
        }
        return seconds;
    }

    /** Distinct random sequences, the same ones every time. */
    static int[][] sequences(int count, int length, int vocabularySize) {
        SplittableRandom random = new SplittableRandom(0);
        int[][] sequences = new int[count][length];
        for (int[] sequence : sequences) {
            for (int t = 0; t < length; t++) {
                // small ids are control tokens in most vocabularies
                sequence[t] =
                        Math.min(4, vocabularySize - 1)
                                + random.nextInt(Math.max(1, vocabularySize - 4));
            }
        }
        return sequences;
    }
}
