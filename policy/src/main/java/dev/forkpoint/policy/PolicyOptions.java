package dev.forkpoint.policy;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How a policy is loaded.
 *
 * @param device where tensors live: {@code cpu} or {@code cuda:N}
 * @param threads worker threads of what is built on the policy; 0: as many as the visible CPU quota
 *     allows
 * @param adapter folder of a PEFT LoRA adapter applied to the weights
 */
public record PolicyOptions(String device, int threads, Optional<Path> adapter) {

    public PolicyOptions {
        if (!device.equals("cpu") && !device.matches("cuda:\\d{1,3}")) {
            throw new IllegalArgumentException("device: " + device + " (expected: cpu or cuda:N)");
        }
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException("threads: " + threads + " (expected: 0 to 1024)");
        }
    }

    /** The CPU, all of the visible quota, no adapter. */
    public static PolicyOptions defaults() {
        return new PolicyOptions("cpu", 0, Optional.empty());
    }

    /** The same with another number of worker threads. */
    public PolicyOptions withThreads(int count) {
        return new PolicyOptions(device, count, adapter);
    }

    /** The same with an adapter. */
    public PolicyOptions withAdapter(Path folder) {
        return new PolicyOptions(device, threads, Optional.of(folder));
    }

    /** Worker threads after resolving 0. */
    public int resolvedThreads() {
        return threads > 0 ? threads : Math.max(1, Runtime.getRuntime().availableProcessors());
    }
}
