package dev.forkpoint.service.lifecycle;

import grpc.health.v1.HealthOuterClass.HealthCheckResponse.ServingStatus;
import io.quarkus.grpc.runtime.health.GrpcHealthStorage;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Instance;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;
import org.jboss.logging.Logger;

/**
 * Answers of grpc.health.v1 for probes: {@code liveness} serves while the server answers, {@code
 * readiness} while the service's own readiness checks hold.
 */
@ApplicationScoped
public class GrpcReadiness {

    /** Name of the service that a readiness probe asks for. */
    public static final String READINESS = "readiness";

    /** Name of the service that startup and liveness probes ask for. */
    public static final String LIVENESS = "liveness";

    private static final Logger LOG = Logger.getLogger(GrpcReadiness.class);
    private static final long PERIOD_MS = 1000;

    private final GrpcHealthStorage storage;
    private final Iterable<HealthCheck> checks;
    private final ScheduledExecutorService timer =
            Executors.newSingleThreadScheduledExecutor(
                    task -> {
                        Thread t = new Thread(task, "readiness");
                        t.setDaemon(true);
                        return t;
                    });
    private boolean wasReady;

    GrpcReadiness(GrpcHealthStorage storage, @Readiness Instance<HealthCheck> checks) {
        this.storage = storage;
        this.checks = checks;
    }

    void start(@Observes StartupEvent event) {
        storage.setStatus(LIVENESS, ServingStatus.SERVING);
        update();
        timer.scheduleWithFixedDelay(this::update, PERIOD_MS, PERIOD_MS, TimeUnit.MILLISECONDS);
    }

    void stop(@Observes ShutdownEvent event) {
        timer.shutdownNow();
        storage.setStatus(READINESS, ServingStatus.NOT_SERVING);
    }

    private void update() {
        boolean ready = isReady();
        if (ready != wasReady) {
            LOG.infof("readiness=%b", ready);
            wasReady = ready;
        }
        storage.setStatus(READINESS, ready ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
    }

    private boolean isReady() {
        for (HealthCheck check : checks) {
            // Quarkus' own check looks at this very status, and would never let it rise again
            if (check.getClass().getName().startsWith("io.quarkus.")) {
                continue;
            }
            try {
                if (check.call().getStatus() != HealthCheckResponse.Status.UP) {
                    return false;
                }
            } catch (RuntimeException e) {
                LOG.warnf("readiness check failed: %s", e);
                return false;
            }
        }
        return true;
    }
}
