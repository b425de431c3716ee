package dev.forkpoint.rollout.grpc;

import dev.forkpoint.policy.FinishReason;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/** What operators see of rollouts. */
@ApplicationScoped
class RolloutMeters {

    private final Map<FinishReason, Counter> finished = new EnumMap<>(FinishReason.class);
    private final Counter tokens;
    private final Timer duration;
    private final Timer firstToken;

    RolloutMeters(MeterRegistry registry) {
        for (FinishReason reason : FinishReason.values()) {
            finished.put(
                    reason,
                    Counter.builder("forkpoint.rollout.responses")
                            .tag("finish", reason.name().toLowerCase(Locale.ROOT))
                            .description("responses finished")
                            .register(registry));
        }
        tokens =
                Counter.builder("forkpoint.rollout.tokens")
                        .description("response tokens sampled")
                        .register(registry);
        duration =
                Timer.builder("forkpoint.rollout.duration")
                        .description("from arrival to the finished response")
                        .register(registry);
        firstToken =
                Timer.builder("forkpoint.rollout.first.token")
                        .description("from arrival to the first decode call's tokens")
                        .register(registry);
    }

    void timeToFirstToken(long nanos) {
        firstToken.record(Duration.ofNanos(nanos));
    }

    void finished(FinishReason reason, int responseTokens, long nanos) {
        Counter counter = finished.get(reason);
        if (counter != null) {
            counter.increment();
        }
        tokens.increment(responseTokens);
        duration.record(Duration.ofNanos(nanos));
    }
}
