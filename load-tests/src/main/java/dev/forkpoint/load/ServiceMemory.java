package dev.forkpoint.load;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Memory of a service: its used heap by its own metrics, and where it is a process of this machine
 * what the system holds for it and what of the heap is alive.
 */
final class ServiceMemory {

    private static final Pattern HEAP =
            Pattern.compile("(?m)^jvm_memory_used_bytes\\{[^}]*area=\"heap\"[^}]*}\\s+(\\S+)");
    private static final double MIB = 1 << 20;

    private final ServiceConnection connection;
    private final String address;
    private final long pid;

    /**
     * @param address {@code host:port}
     * @param pid process on this machine; 0: it is elsewhere, or not known
     */
    ServiceMemory(ServiceConnection connection, String address, long pid) {
        this.connection = connection;
        this.address = address;
        this.pid = pid;
    }

    /** Used heap, garbage included, MiB; absent where the metrics cannot be read. */
    OptionalDouble heapMib() throws InterruptedException {
        try {
            HttpResponse<String> response =
                    connection
                            .http()
                            .send(
                                    connection.get(address, "/q/metrics"),
                                    HttpResponse.BodyHandlers.ofString());
            double bytes = 0;
            Matcher m = HEAP.matcher(response.body());
            while (m.find()) {
                bytes += Double.parseDouble(m.group(1));
            }
            return bytes > 0 ? OptionalDouble.of(bytes / MIB) : OptionalDouble.empty();
        } catch (IOException e) {
            return OptionalDouble.empty();
        }
    }

    /** Resident memory, MiB; absent where the process is not on this machine. */
    OptionalDouble residentMib() {
        if (pid == 0) {
            return OptionalDouble.empty();
        }
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
                if (line.startsWith("VmRSS:")) {
                    return OptionalDouble.of(
                            Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024);
                }
            }
        } catch (IOException e) {
            return OptionalDouble.empty(); // it has ended, which other checks tell
        }
        return OptionalDouble.empty();
    }

    /** Used heap after a full collection, MiB; absent where none can be asked for. */
    OptionalDouble liveMib() throws InterruptedException {
        Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
        if (pid == 0 || !Files.isExecutable(jcmd)) {
            return OptionalDouble.empty();
        }
        try {
            Process process =
                    new ProcessBuilder(jcmd.toString(), Long.toString(pid), "GC.run")
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .redirectError(ProcessBuilder.Redirect.DISCARD)
                            .start();
            if (!process.waitFor(30, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return OptionalDouble.empty();
            }
            return process.exitValue() == 0 ? heapMib() : OptionalDouble.empty();
        } catch (IOException e) {
            return OptionalDouble.empty();
        }
    }

    /** Takes samples until it is closed. */
    final class Sampler implements AutoCloseable {
        private final List<Soak.Sample> samples = new ArrayList<>();
        private final long began = System.nanoTime();
        private final Thread thread;

        /**
         * @param withHeap also ask for the heap, which costs the service a call
         */
        Sampler(long everyMillis, boolean withHeap) {
            thread =
                    new Thread(
                            () -> {
                                try {
                                    while (true) {
                                        take(withHeap);
                                        TimeUnit.MILLISECONDS.sleep(everyMillis);
                                    }
                                } catch (InterruptedException e) {
                                    Thread.currentThread().interrupt(); // closed
                                }
                            },
                            "memory-samples");
            thread.setDaemon(true);
            thread.start();
        }

        private void take(boolean withHeap) throws InterruptedException {
            OptionalDouble heap = withHeap ? heapMib() : OptionalDouble.empty();
            OptionalDouble resident = residentMib();
            Soak.Sample sample =
                    new Soak.Sample(
                            (System.nanoTime() - began) * 1e-9,
                            resident.isPresent() ? resident.getAsDouble() : null,
                            heap.isPresent() ? heap.getAsDouble() : null);
            synchronized (samples) {
                samples.add(sample);
            }
        }

        List<Soak.Sample> samples() {
            synchronized (samples) {
                return List.copyOf(samples);
            }
        }

        /** Most resident memory seen, MiB. */
        OptionalDouble peakResidentMib() {
            return samples().stream()
                    .map(Soak.Sample::residentMib)
                    .filter(Objects::nonNull)
                    .mapToDouble(Double::doubleValue)
                    .max();
        }

        @Override
        public void close() {
            thread.interrupt();
        }
    }

    Sampler sample(long everyMillis, boolean withHeap) {
        return new Sampler(everyMillis, withHeap);
    }
}
