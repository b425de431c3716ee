package dev.forkpoint.learner.peer;

import dev.forkpoint.learner.run.LearnerConfig;
import dev.forkpoint.service.client.PeerOptions;
import dev.forkpoint.service.client.ReplicaSet;
import dev.forkpoint.service.security.PeerSecurity;
import dev.forkpoint.service.telemetry.Telemetry;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;

/** Channels to the replicas of the other services. */
@ApplicationScoped
public class Peers {

    private final Telemetry telemetry;
    private final ReplicaSet rollout;
    private final ReplicaSet entropy;
    private final ReplicaSet reward;

    Peers(LearnerConfig config, PeerSecurity security, Telemetry telemetry, MeterRegistry meters) {
        this.telemetry = telemetry;
        PeerOptions defaults = PeerOptions.defaults();
        PeerOptions options =
                new PeerOptions(
                        config.requestTimeout(),
                        config.attemptTimeout(),
                        1000,
                        defaults.firstBackoff(),
                        defaults.maxInFlight(),
                        defaults.maxMessageBytes());
        rollout = new ReplicaSet("rollout", config.rollout(), options, security, telemetry, meters);
        entropy = new ReplicaSet("entropy", config.entropy(), options, security, telemetry, meters);
        reward = new ReplicaSet("reward", config.reward(), options, security, telemetry, meters);
    }

    /** For the traces of steps, of which calls to the peers are part. */
    public Telemetry telemetry() {
        return telemetry;
    }

    public ReplicaSet rollout() {
        return rollout;
    }

    public ReplicaSet entropy() {
        return entropy;
    }

    public ReplicaSet reward() {
        return reward;
    }

    /** Time limit of one unary call. */
    static Duration callTimeout() {
        return Duration.ofSeconds(60);
    }

    @PreDestroy
    void close() {
        rollout.close();
        entropy.close();
        reward.close();
    }
}
