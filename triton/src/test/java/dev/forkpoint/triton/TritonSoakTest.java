package dev.forkpoint.triton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.forkpoint.triton.RolloutRequest.Chunks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Run with {@code -Dforkpoint.triton.soak=true}; takes about a minute. Linux, for /proc. */
@EnabledIfSystemProperty(named = "forkpoint.triton.soak", matches = "true")
class TritonSoakTest {

    private static final int STREAMS = 64;
    private static final int ROUNDS = 6;
    private static final int SWAPS = 25;
    private static final int REQUESTS_A_SWAP = 100;

    @TempDir Path directory;

    @Test
    void residentMemoryStaysFlatOverSwapsCancelsAndRefusals() throws Exception {
        assumeThat(TritonRuntime.whyUnsupported()).as("Triton runs here").isNull();
        long[] resident = new long[ROUNDS];
        try (TritonServer server =
                TritonServer.start(
                        new TritonServer.Options(
                                directory.resolve("models"), TritonRuntime.load(), 0))) {
            server.register("toy", ToyEngine::open);
            TritonPolicy policy = new TritonPolicy(server, "policy", "toy");
            Path files = ToyEngine.write(directory.resolve("toy"), "weights=1\n");
            Random random = new Random(1);
            long version = 0;
            for (int round = 0; round < ROUNDS; round++) {
                for (int swap = 0; swap < SWAPS; swap++) {
                    policy.load(new PolicySpec(version++, files));
                    Deque<Gathered> running = new ArrayDeque<>();
                    for (int i = 0; i < REQUESTS_A_SWAP; i++) {
                        Gathered got = new Gathered();
                        // one in ten is refused, one in three cancelled
                        int prompt = i % 10 == 0 ? 5000 : random.nextInt(600);
                        RolloutHandle handle =
                                policy.generate(
                                                RolloutRequest.of("r", new int[] {prompt}, i, 100)
                                                        .withChunks(
                                                                new Chunks(
                                                                        random.nextInt(3) * 8, 0)),
                                                got)
                                        .handle();
                        if (i % 3 == 0) {
                            handle.cancel();
                        }
                        running.add(got);
                        if (running.size() == STREAMS) {
                            running.remove().await();
                        }
                    }
                    running.forEach(Gathered::await);
                }
                resident[round] = settledResidentKib();
                System.out.printf("after %d swaps: resident %d KiB%n", version, resident[round]);
            }
        }
        assertThat(ToyEngine.SLOTS).hasValue(0);
        assertThat(ToyEngine.ENGINES).hasValue(0);
        assertThat(resident[ROUNDS - 1] - resident[1]).as("growth, KiB").isLessThan(24 << 10);
    }

    private static long settledResidentKib() throws IOException {
        System.gc();
        System.gc();
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new AssertionError("no VmRSS in /proc/self/status");
    }
}
