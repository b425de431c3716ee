package dev.forkpoint.reward.schedule;

import dev.forkpoint.reward.verifier.CostClass;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** One bounded queue with its own threads for each cost class. Thread-safe. */
public final class Lanes implements AutoCloseable {
    /** Tasks that one thread takes at once: fewer hand-overs, and little to wait behind. */
    private static final int CHUNK = 16;

    private static final class Lane {
        final ThreadPoolExecutor pool;
        final int threads;
        final AtomicInteger waiting = new AtomicInteger();

        Lane(CostClass cost, int threads) {
            this.threads = threads;
            AtomicInteger number = new AtomicInteger();
            String name = "reward-" + cost.name().toLowerCase(Locale.ROOT) + "-";
            pool =
                    new ThreadPoolExecutor(
                            threads,
                            threads,
                            0,
                            TimeUnit.SECONDS,
                            new LinkedBlockingQueue<>(),
                            task -> {
                                Thread thread = new Thread(task, name + number.incrementAndGet());
                                thread.setDaemon(true);
                                return thread;
                            });
        }
    }

    private final Map<CostClass, Lane> lanes = new EnumMap<>(CostClass.class);
    private final int queueCapacity;

    /**
     * @param threads threads of each class, at least 1
     * @param queueCapacity tasks that may wait in each class
     */
    public Lanes(Map<CostClass, Integer> threads, int queueCapacity) {
        this.queueCapacity = queueCapacity;
        for (CostClass cost : CostClass.values()) {
            lanes.put(cost, new Lane(cost, threads.getOrDefault(cost, 1)));
        }
    }

    /** A task that may be given up as long as it has not begun. */
    public static final class Ticket {
        private final Runnable task;
        private final AtomicBoolean begun = new AtomicBoolean();

        public Ticket(Runnable task) {
            this.task = task;
        }

        /** Whether the task was kept from running. */
        public boolean cancel() {
            return begun.compareAndSet(false, true);
        }

        private void run() {
            if (begun.compareAndSet(false, true)) {
                task.run();
            }
        }
    }

    /**
     * Runs a task on a thread of its class.
     *
     * @throws RejectedExecutionException if the queue is full
     */
    public void submit(CostClass cost, Runnable task) {
        if (submit(cost, List.of(new Ticket(task))) == 0) {
            throw new RejectedExecutionException("%d tasks wait".formatted(queueCapacity));
        }
    }

    /**
     * Runs tasks on the threads of their class, which take them in parts.
     *
     * @return how many of them, the first ones, have been taken; the queue has no room for the rest
     */
    public int submit(CostClass cost, List<Ticket> tasks) {
        Lane lane = lane(cost);
        int before = lane.waiting.getAndUpdate(n -> Math.min(queueCapacity, n + tasks.size()));
        int taken = Math.min(tasks.size(), queueCapacity - before);
        int share = (taken + lane.threads - 1) / lane.threads;
        int chunk = cost == CostClass.EXTERNAL ? 1 : Math.max(1, Math.min(CHUNK, share));
        for (int start = 0; start < taken; start += chunk) {
            List<Ticket> part = List.copyOf(tasks.subList(start, Math.min(taken, start + chunk)));
            lane.pool.execute(
                    () -> {
                        for (Ticket ticket : part) {
                            lane.waiting.decrementAndGet();
                            ticket.run();
                        }
                    });
        }
        return taken;
    }

    /** Tasks that wait in a class. */
    public int waiting(CostClass cost) {
        return lane(cost).waiting.get();
    }

    private Lane lane(CostClass cost) {
        Lane lane = lanes.get(cost);
        if (lane == null) {
            throw new IllegalStateException("no lane for " + cost);
        }
        return lane;
    }

    @Override
    public void close() {
        lanes.values().forEach(lane -> lane.pool.shutdownNow());
    }
}
