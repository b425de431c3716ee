package dev.forkpoint.entropy.scoring;

import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Ready means: the policy that the configuration names is loaded, and the queue has room. */
@Readiness
@ApplicationScoped
public class ScoringHealth implements HealthCheck {

    private final PolicyTable policies;
    private final ScoringQueue queue;
    private final ScoringConfig config;

    ScoringHealth(PolicyTable policies, ScoringQueue queue, ScoringConfig config) {
        this.policies = policies;
        this.queue = queue;
        this.config = config;
    }

    @Override
    public HealthCheckResponse call() {
        boolean wanted = config.policy().isEmpty() || !policies.list().isEmpty();
        return HealthCheckResponse.named("scoring")
                .status(wanted && queue.queued() < config.maxQueued())
                .withData("queued", queue.queued())
                .withData("policies", policies.list().size())
                .build();
    }
}
