package dev.forkpoint.reward.math;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.reward.verifier.Verdict;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * One verifier, used by as many threads as there are cores, decides as it does on one thread and
 * keeps nothing. {@code -Dforkpoint.soak.verifications=1000000} is the full soak.
 */
class SharedVerifierSoakTest {
    private static final int VERIFICATIONS =
            Integer.getInteger("forkpoint.soak.verifications", 20_000);
    private static final int ROUNDS = 10;
    private static final int THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());

    private final MathVerifier verifier = new MathVerifier();
    private final List<Cases.Case> cases =
            Stream.concat(
                            Cases.read("visible.jsonl").stream(),
                            Cases.read("visible_adversarial.jsonl").stream()
                                    .filter(c -> c.item().prediction().length() < 10_000))
                    .toList();

    @Test
    void manyThreadsDecideAsOneDoesAndTheHeapStaysFlat() throws Exception {
        List<Verdict> alone = cases.stream().map(c -> verifier.verify(c.item())).toList();
        long[] usedKib = new long[ROUNDS];
        long began = System.nanoTime();
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            for (int round = 0; round < ROUNDS; round++) {
                List<Future<Integer>> shares = new ArrayList<>();
                for (int thread = 0; thread < THREADS; thread++) {
                    int first = thread;
                    shares.add(threads.submit(() -> differences(first, alone)));
                }
                for (Future<Integer> share : shares) {
                    assertThat(share.get()).as("verdicts unlike those of one thread").isZero();
                }
                System.gc();
                usedKib[round] =
                        ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() >> 10;
            }
        } finally {
            threads.shutdownNow();
        }
        double seconds = (System.nanoTime() - began) * 1e-9;
        System.out.printf(
                "%,d verifications on %d threads in %.1f s; heap after each tenth, KiB: %s%n",
                VERIFICATIONS, THREADS, seconds, java.util.Arrays.toString(usedKib));
        // A byte kept of every verification of the full soak's second half would be seen.
        assertThat(usedKib[ROUNDS - 1] - usedKib[ROUNDS / 2])
                .as("growth of the heap over the second half, KiB")
                .isLessThan(512);
    }

    /** Verifies a thread's share of a round and counts the verdicts that are not the expected. */
    private int differences(int first, List<Verdict> alone) {
        int differences = 0;
        for (int i = first; i < VERIFICATIONS / ROUNDS; i += THREADS) {
            int at = (int) (i * 7919L % cases.size());
            differences += verifier.verify(cases.get(at).item()).equals(alone.get(at)) ? 0 : 1;
        }
        return differences;
    }
}
