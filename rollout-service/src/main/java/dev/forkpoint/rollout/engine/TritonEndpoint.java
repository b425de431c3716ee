package dev.forkpoint.rollout.engine;

import dev.forkpoint.triton.TritonMetrics;
import dev.forkpoint.triton.TritonServer;
import dev.forkpoint.triton.kserve.KserveServer;
import io.micrometer.prometheus.PrometheusMeterRegistry;
import io.prometheus.client.Collector;
import io.quarkus.runtime.Startup;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** What of the in-process Triton others see: its metrics among ours, and its KServe v2 endpoint. */
@Startup
@ApplicationScoped
public class TritonEndpoint {

    private static final Logger LOG = Logger.getLogger(TritonEndpoint.class);

    private final @Nullable KserveServer kserve;

    TritonEndpoint(RolloutEngine engine, EngineConfig config, PrometheusMeterRegistry meters)
            throws IOException {
        if (engine instanceof TritonEngine triton) {
            meters.getPrometheusRegistry().register(new Metrics(triton.server()));
            kserve = kserve(triton.server(), config.kserve());
        } else {
            if (config.kserve().port().isPresent()) {
                throw new IllegalArgumentException(
                        "forkpoint.rollout.kserve.port: set for the engine "
                                + engine.name()
                                + " (expected: absent, but for triton)");
            }
            kserve = null;
        }
    }

    private static @Nullable KserveServer kserve(TritonServer server, EngineConfig.Kserve config)
            throws IOException {
        if (config.port().isEmpty()) {
            return null;
        }
        KserveServer.Options usual = KserveServer.Options.local();
        KserveServer started =
                KserveServer.start(
                        server,
                        new KserveServer.Options(
                                new InetSocketAddress(config.host(), config.port().get()),
                                config.tls().map(EngineProvider::tls).orElse(null),
                                config.policyRoots().orElse(List.of()),
                                usual.maxMessageBytes(),
                                usual.maxStreamBytes(),
                                usual.maxBufferedBytes()));
        LOG.infof("kservePort=%d", started.port());
        return started;
    }

    /** The KServe v2 endpoint's port, where there is one. */
    public OptionalInt kservePort() {
        return kserve == null ? OptionalInt.empty() : OptionalInt.of(kserve.port());
    }

    @PreDestroy
    void close() {
        if (kserve != null) {
            kserve.close();
        }
    }

    /** Triton's families under their own names, which its dashboards know. */
    private static final class Metrics extends Collector {

        private final TritonServer server;

        Metrics(TritonServer server) {
            this.server = server;
        }

        @Override
        public List<MetricFamilySamples> collect() {
            List<MetricFamilySamples> all = new ArrayList<>();
            for (TritonMetrics.Family family : TritonMetrics.parse(server.metrics())) {
                List<MetricFamilySamples.Sample> samples = new ArrayList<>();
                for (TritonMetrics.Sample s : family.samples()) {
                    samples.add(
                            new MetricFamilySamples.Sample(
                                    s.name(),
                                    List.copyOf(s.labels().keySet()),
                                    List.copyOf(s.labels().values()),
                                    s.value()));
                }
                // as counters they would be renamed to …_total
                all.add(
                        new MetricFamilySamples(
                                family.name(), Type.UNKNOWN, family.help(), samples));
            }
            return all;
        }
    }
}
