package dev.forkpoint.reward.schedule;

import dev.forkpoint.reward.verifier.CostClass;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** One bounded queue with its own threads for each cost class. Thread-safe. */
public final class Lanes implements AutoCloseable {
    private final Map<CostClass, ThreadPoolExecutor> pools = new EnumMap<>(CostClass.class);

    /**
     * @param threads threads of each class, at least 1
     * @param queueCapacity tasks that may wait in each class
     */
    public Lanes(Map<CostClass, Integer> threads, int queueCapacity) {
        for (CostClass cost : CostClass.values()) {
            int size = threads.getOrDefault(cost, 1);
            AtomicInteger number = new AtomicInteger();
            pools.put(
                    cost,
                    new ThreadPoolExecutor(
                            size,
                            size,
                            0,
                            TimeUnit.SECONDS,
                            new ArrayBlockingQueue<>(queueCapacity),
                            task -> {
                                String name =
                                        "reward-" + cost.name().toLowerCase(java.util.Locale.ROOT);
                                Thread thread =
                                        new Thread(task, name + "-" + number.incrementAndGet());
                                thread.setDaemon(true);
                                return thread;
                            }));
        }
    }

    /** A task that may be given up as long as it has not begun. */
    public static final class Ticket {
        private final AtomicBoolean begun = new AtomicBoolean();

        /** Whether the task was kept from running. */
        public boolean cancel() {
            return begun.compareAndSet(false, true);
        }
    }

    /**
     * Runs a task on a thread of its class.
     *
     * @throws RejectedExecutionException if the queue is full
     */
    public Ticket submit(CostClass cost, Runnable task) {
        Ticket ticket = new Ticket();
        pool(cost)
                .execute(
                        () -> {
                            if (ticket.begun.compareAndSet(false, true)) {
                                task.run();
                            }
                        });
        return ticket;
    }

    /** Tasks that wait in a class. */
    public int waiting(CostClass cost) {
        return pool(cost).getQueue().size();
    }

    private ThreadPoolExecutor pool(CostClass cost) {
        ThreadPoolExecutor pool = pools.get(cost);
        if (pool == null) {
            throw new IllegalStateException("no lane for " + cost);
        }
        return pool;
    }

    @Override
    public void close() {
        pools.values().forEach(ThreadPoolExecutor::shutdownNow);
    }
}
