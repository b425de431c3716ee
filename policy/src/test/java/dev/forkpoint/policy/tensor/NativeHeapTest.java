package dev.forkpoint.policy.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class NativeHeapTest {

    private static final long MIB = 1 << 20;

    /** Blocks that lie between living ones stay with malloc when freed, and go at a trim. */
    @Test
    void trimGivesTheGapsBetweenLivingTensorsBackToTheKernel() throws IOException {
        assumeTrue(
                Files.isReadable(Path.of("/proc/self/statm")) && NativeHeap.available(),
                "needs Linux and glibc");
        Script script = Script.on("cpu");
        NativeHeap.trim();
        try (PtNDManager living = script.newScope()) {
            long before = residentBytes();
            try (PtNDManager freed = script.newScope()) {
                // 384 MiB: some find room that others left
                for (int i = 0; i < 96; i++) {
                    freed.zeros(new Shape(MIB)); // 4 MiB
                    living.zeros(new Shape(1000));
                }
            }
            long kept = residentBytes() - before;
            NativeHeap.trim();
            long left = residentBytes() - before;
            assertThat(kept).as("kept after freeing").isGreaterThan(200 * MIB);
            assertThat(left).as("left after a trim").isLessThan(40 * MIB);
        }
    }

    private static long residentBytes() throws IOException {
        return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * 4096;
    }
}
