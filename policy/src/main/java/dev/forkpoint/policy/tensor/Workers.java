package dev.forkpoint.policy.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * One Java thread a core, each with one libtorch thread: no barrier inside an operation, hence no
 * OpenMP waiting at all.
 */
public final class Workers implements AutoCloseable {

    /** The work of one part; a worker does one part at a time. */
    @FunctionalInterface
    public interface Part {
        void run(int worker, int part);
    }

    private final int count;
    private final ExecutorService pool;

    public Workers(int count, String name) {
        this.count = count;
        AtomicInteger number = new AtomicInteger();
        pool =
                Executors.newFixedThreadPool(
                        count,
                        task -> {
                            Thread thread =
                                    new Thread(
                                            () -> {
                                                Script.prepareThread();
                                                task.run();
                                            },
                                            name + "-" + number.getAndIncrement());
                            thread.setDaemon(true);
                            return thread;
                        });
    }

    public int count() {
        return count;
    }

    /** Runs parts 0..parts-1, each on the next free worker, and waits for all. */
    public void run(int parts, Part work) {
        AtomicInteger next = new AtomicInteger();
        each(
                Math.min(count, parts),
                worker -> {
                    for (int part = next.getAndIncrement();
                            part < parts;
                            part = next.getAndIncrement()) {
                        work.run(worker, part);
                    }
                });
    }

    /**
     * Runs parts 0..parts-1, part p always as worker p % count, in order: sums come out the same
     * each time.
     */
    public void runFixed(int parts, Part work) {
        each(
                Math.min(count, parts),
                worker -> {
                    for (int part = worker; part < parts; part += count) {
                        work.run(worker, part);
                    }
                });
    }

    private void each(int workers, IntConsumer work) {
        List<Future<?>> futures = new ArrayList<>();
        for (int w = 0; w < workers; w++) {
            int worker = w;
            futures.add(pool.submit(() -> work.accept(worker)));
        }
        boolean interrupted = false;
        Throwable failure = null;
        for (Future<?> future : futures) {
            while (true) { // native memory in use: never leave a worker behind, not even when
                // interrupted
                try {
                    future.get();
                    break;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    failure = failure == null ? e.getCause() : failure;
                    break;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure instanceof RuntimeException e) {
            throw e;
        } else if (failure instanceof Error e) {
            throw e;
        } else if (failure != null) {
            throw new IllegalStateException("a worker failed", failure);
        }
    }

    @Override
    public void close() {
        pool.shutdown();
    }
}
