package dev.forkpoint.reward.grpc;

import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.service.error.ServiceException;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Threads and a bounded queue for each cost class, so that slow work never blocks cheap work. */
@ApplicationScoped
class VerificationPools {

    private final Map<CostClass, ThreadPoolExecutor> pools = new EnumMap<>(CostClass.class);
    private final int maxQueued;

    VerificationPools(RewardConfig config, MeterRegistry meters) {
        maxQueued = config.maxQueued();
        int threads =
                config.threads() > 0
                        ? config.threads()
                        : Runtime.getRuntime().availableProcessors();
        for (CostClass cost : CostClass.values()) {
            String name = cost.name().toLowerCase(Locale.ROOT);
            ThreadPoolExecutor pool =
                    new ThreadPoolExecutor(
                            threads,
                            threads,
                            1,
                            TimeUnit.MINUTES,
                            new LinkedBlockingQueue<>(maxQueued),
                            task -> {
                                Thread t = new Thread(task, "verify-" + name);
                                t.setDaemon(true);
                                return t;
                            });
            pools.put(cost, pool);
            Gauge.builder("forkpoint.reward.queued.items", pool, p -> p.getQueue().size())
                    .tag("cost", name)
                    .description("items waiting")
                    .register(meters);
            Gauge.builder("forkpoint.reward.active.items", pool, ThreadPoolExecutor::getActiveCount)
                    .tag("cost", name)
                    .description("items being verified")
                    .register(meters);
        }
    }

    private ThreadPoolExecutor pool(CostClass cost) {
        ThreadPoolExecutor pool = pools.get(cost);
        if (pool == null) {
            throw new IllegalStateException("no pool for " + cost);
        }
        return pool;
    }

    /** Runs the work on a thread of its class, or sheds it. */
    void execute(CostClass cost, Runnable work) {
        try {
            pool(cost).execute(work);
        } catch (RejectedExecutionException e) {
            throw ServiceException.overloaded(
                    "items waiting: at most " + maxQueued, Duration.ofMillis(200));
        }
    }

    @PreDestroy
    void close() {
        pools.values().forEach(ThreadPoolExecutor::shutdownNow);
    }
}
