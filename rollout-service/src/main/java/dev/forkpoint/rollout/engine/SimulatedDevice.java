package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.FinishReason;
import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.GenerationTimeoutException;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.TokenChunk;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Another engine's results at the pace of an accelerator that is not there: each response occupies
 * one of a few rows for a fixed time a token and is handed over when that time is up. For tests of
 * several replicas on one machine, whose real engines would compete for its cores.
 */
final class SimulatedDevice implements RolloutEngine {

    private final RolloutEngine engine;
    private final long tokenNanos;
    private final int rows;
    private final PriorityQueue<Long> rowFreeAt = new PriorityQueue<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final ScheduledExecutorService clock =
            Executors.newSingleThreadScheduledExecutor(
                    task -> {
                        Thread t = new Thread(task, "simulated-device");
                        t.setDaemon(true);
                        return t;
                    });

    /**
     * @param tokenTime one token of one sequence, more than 0
     * @param rows sequences side by side, at least 1
     */
    SimulatedDevice(RolloutEngine engine, Duration tokenTime, int rows) {
        if (tokenTime.isZero() || tokenTime.isNegative()) {
            throw new IllegalArgumentException(
                    "forkpoint.rollout.simulation.token-time: " + tokenTime + " (expected: > 0)");
        }
        if (rows < 1) {
            throw new IllegalArgumentException(
                    "forkpoint.rollout.simulation.rows: " + rows + " (expected: at least 1)");
        }
        this.engine = engine;
        this.rows = rows;
        tokenNanos = tokenTime.toNanos();
        for (int i = 0; i < rows; i++) {
            rowFreeAt.add(System.nanoTime());
        }
    }

    @Override
    public Accepted submit(GenerationRequest request, GenerationListener listener) {
        return engine.submit(request, new Paced(listener, request));
    }

    @Override
    public Accepted submit(GenerationRequest request, GenerationListener listener, boolean live) {
        return engine.submit(request, new Paced(listener, request), live);
    }

    /** How long from now until the device would have sampled so many tokens more. */
    private synchronized long occupy(int tokens) {
        long now = System.nanoTime();
        Long free = rowFreeAt.poll();
        long end = (free == null ? now : Math.max(free, now)) + tokens * tokenNanos;
        rowFreeAt.add(end);
        return end - now;
    }

    private final class Paced implements GenerationListener {
        private final GenerationListener listener;
        private final GenerationRequest request;
        private final long submittedNanos = System.nanoTime();

        Paced(GenerationListener listener, GenerationRequest request) {
            this.listener = listener;
            this.request = request;
        }

        @Override
        public void onTokens(TokenChunk chunk) {
            listener.onTokens(chunk);
        }

        @Override
        public void onFinished(Rollout rollout) {
            if (rollout.finishReason() == FinishReason.CANCELLED) {
                listener.onFinished(rollout);
                return;
            }
            waiting.incrementAndGet();
            var unused =
                    clock.schedule(
                            () -> {
                                waiting.decrementAndGet();
                                finish(rollout);
                            },
                            occupy(rollout.tokenIds().length),
                            TimeUnit.NANOSECONDS);
        }

        private void finish(Rollout rollout) {
            long took = (System.nanoTime() - submittedNanos) / 1000;
            if (request.timeoutMicros() > 0 && took >= request.timeoutMicros()) {
                listener.onFailed(
                        new GenerationTimeoutException(
                                "the simulated device took " + took + " µs"));
            } else {
                listener.onFinished(rollout);
            }
        }

        @Override
        public void onFailed(Throwable cause) {
            listener.onFailed(cause);
        }
    }

    @Override
    public String name() {
        return engine.name();
    }

    @Override
    public boolean reportsEntropy() {
        return engine.reportsEntropy();
    }

    @Override
    public boolean deterministic() {
        return engine.deterministic();
    }

    @Override
    public Optional<ServedPolicy> served() {
        return engine.served();
    }

    @Override
    public void load(PolicySnapshot snapshot, PolicyFiles files) throws IOException {
        engine.load(snapshot, files);
    }

    @Override
    public int active() {
        return engine.active() + Math.min(rows, waiting.get());
    }

    @Override
    public int queued() {
        return engine.queued() + Math.max(0, waiting.get() - rows);
    }

    @Override
    public void close() {
        clock.shutdownNow();
        engine.close();
    }
}
