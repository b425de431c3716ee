package dev.forkpoint.rollout.engine;

import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Ready means: a policy is served and the queue has room. */
@Readiness
@ApplicationScoped
public class EngineHealth implements HealthCheck {

    private final RolloutEngine engine;
    private final EngineConfig config;

    EngineHealth(RolloutEngine engine, EngineConfig config) {
        this.engine = engine;
        this.config = config;
    }

    @Override
    public HealthCheckResponse call() {
        boolean wanted = config.policy().isEmpty() || engine.served().isPresent();
        return HealthCheckResponse.named("rollout engine " + engine.name())
                .status(wanted && engine.queued() < config.maxQueued())
                .withData("queued", engine.queued())
                .withData(
                        "policyVersion",
                        engine.served().map(s -> s.snapshot().getVersion()).orElse(-1L))
                .build();
    }
}
