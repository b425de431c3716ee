package dev.forkpoint.reward.grpc;

import dev.forkpoint.reward.schedule.Lanes;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.VerdictCode;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import jakarta.inject.Singleton;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** What operators see of verifications. */
@Singleton
class RewardMeters {
    private record VerdictKey(String verifier, VerdictCode verdict) {}

    private final MeterRegistry registry;
    private final Map<VerdictKey, Counter> verdicts = new ConcurrentHashMap<>();
    private final Map<String, Timer> durations = new ConcurrentHashMap<>();
    private final Map<String, Counter> errors = new ConcurrentHashMap<>();

    RewardMeters(MeterRegistry registry, Lanes lanes) {
        this.registry = registry;
        for (CostClass cost : CostClass.values()) {
            Gauge.builder("forkpoint.reward.queue", lanes, l -> l.waiting(cost))
                    .tag("class", cost.name().toLowerCase(Locale.ROOT))
                    .description("items that wait for a thread")
                    .register(registry);
        }
    }

    /** Counts a verdict of a known verifier. */
    void verified(String verifier, VerdictCode verdict, long nanos) {
        verdicts.computeIfAbsent(
                        new VerdictKey(verifier, verdict),
                        key ->
                                Counter.builder("forkpoint.reward.verifications")
                                        .tag("verifier", key.verifier())
                                        .tag(
                                                "verdict",
                                                key.verdict().name().toLowerCase(Locale.ROOT))
                                        .description("items verified")
                                        .register(registry))
                .increment();
        durations
                .computeIfAbsent(
                        verifier,
                        name ->
                                Timer.builder("forkpoint.reward.duration")
                                        .tag("verifier", name)
                                        .description("computation of one verification")
                                        .publishPercentiles(0.5, 0.99)
                                        .register(registry))
                .record(nanos, TimeUnit.NANOSECONDS);
    }

    /** Counts an item that failed, by the reason of its error. */
    void failed(String reason) {
        errors.computeIfAbsent(
                        reason,
                        name ->
                                Counter.builder("forkpoint.reward.errors")
                                        .tag("reason", name)
                                        .description("items answered with an error")
                                        .register(registry))
                .increment();
    }
}
