package dev.forkpoint.reward.math;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Measures the cost of one verification in CPU time of one thread, which other work on the machine
 * does not change: over the equality cases (rate, median, 99th percentile) and over the hostile
 * ones (worst). Run by {@code mvn -pl reward-service -am test -Dtest=MathVerifierBenchmark
 * -Dforkpoint.benchmark=true -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class MathVerifierBenchmark {
    private static final int ROUNDS = 30;

    private final MathVerifier verifier = new MathVerifier();

    @Test
    void printsFigures() {
        assumeTrue(
                Boolean.getBoolean("forkpoint.benchmark"),
                "skipped: -Dforkpoint.benchmark=true runs it");
        measure("equality", Cases.read("visible.jsonl"));
        measure("hostile", Cases.read("visible_adversarial.jsonl"));
    }

    @Test
    void memoryStaysFlatOverAMillionVerifications() {
        assumeTrue(
                Boolean.getBoolean("forkpoint.benchmark"),
                "skipped: -Dforkpoint.benchmark=true runs it");
        List<Cases.Case> cases = Cases.read("visible.jsonl");
        long[] used = new long[10];
        for (int tenth = 0; tenth < used.length; tenth++) {
            for (int i = 0; i < 100_000; i++) {
                verifier.verify(cases.get(i % cases.size()).item());
            }
            System.gc();
            used[tenth] = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 10;
        }
        System.out.println(
                "heap in KiB after each 100,000 verifications: " + Arrays.toString(used));
    }

    private void measure(String name, List<Cases.Case> cases) {
        long[] nanos = new long[cases.size()];
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < nanos.length; i++) {
                long began = cpuNanos();
                verifier.verify(cases.get(i).item());
                nanos[i] = cpuNanos() - began;
            }
        }
        double seconds = Arrays.stream(nanos).sum() * 1e-9;
        Arrays.sort(nanos);
        System.out.printf(
                "%s: %d cases, %.0f/s, p50 %d µs, p99 %d µs, worst %d µs%n",
                name,
                nanos.length,
                nanos.length / seconds,
                nanos[nanos.length / 2] / 1_000,
                nanos[nanos.length * 99 / 100] / 1_000,
                nanos[nanos.length - 1] / 1_000);
    }

    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }
}
