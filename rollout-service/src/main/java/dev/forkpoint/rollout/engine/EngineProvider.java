package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import dev.forkpoint.service.store.SnapshotSource;
import dev.forkpoint.triton.RolloutSink;
import dev.forkpoint.triton.TritonRuntime;
import dev.forkpoint.triton.kserve.Tls;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/** Makes the engine that the configuration names, serving the policy that it names. */
@ApplicationScoped
public class EngineProvider {

    private static final Duration DRAIN_TIMEOUT = Duration.ofMinutes(10);
    private static final Logger LOG = Logger.getLogger(EngineProvider.class);

    @Produces
    @Singleton
    @Startup
    RolloutEngine engine(EngineConfig config, SnapshotSource snapshots, MeterRegistry meters)
            throws IOException {
        RolloutEngine engine = paced(create(config, stats(meters)), config.simulation());
        Gauge.builder("forkpoint.rollout.active.sequences", engine, RolloutEngine::active)
                .description("sequences being decoded")
                .register(meters);
        Gauge.builder("forkpoint.rollout.queued.sequences", engine, RolloutEngine::queued)
                .description("sequences waiting")
                .register(meters);
        Gauge.builder(
                        "forkpoint.rollout.policy.version",
                        engine,
                        e -> e.served().map(s -> (double) s.snapshot().getVersion()).orElse(-1.0))
                .description("policy version served; -1: none")
                .register(meters);
        Optional<String> uri = config.policy();
        if (uri.isPresent()) {
            PolicySnapshot snapshot =
                    PolicySnapshot.newBuilder().setPolicyId("initial").setUri(uri.get()).build();
            engine.load(
                    snapshot,
                    PolicyFiles.of(snapshots.fetch("forkpoint.rollout.policy", uri.get(), "")));
        }
        return engine;
    }

    void close(@Disposes RolloutEngine engine) {
        engine.close();
    }

    /** Queue time and batch size, as the engine behind Triton reports them. */
    private static Consumer<RolloutSink.Stats> stats(MeterRegistry meters) {
        Timer queue =
                Timer.builder("forkpoint.rollout.engine.queue")
                        .description("from the engine's receipt of a request to its first tokens")
                        .register(meters);
        DistributionSummary batch =
                DistributionSummary.builder("forkpoint.rollout.engine.batch.size")
                        .description("sequences decoded together when a response ended")
                        .register(meters);
        return stats -> {
            if (stats.queueMicros() >= 0) {
                queue.record(stats.queueMicros(), TimeUnit.MICROSECONDS);
            }
            if (stats.batchSize() >= 0) {
                batch.record(stats.batchSize());
            }
        };
    }

    private static RolloutEngine create(EngineConfig config, Consumer<RolloutSink.Stats> stats) {
        PolicyOptions policy =
                new PolicyOptions(config.device(), config.threads(), Optional.empty());
        GeneratorOptions generator =
                GeneratorOptions.defaults()
                        .withMaxRows(config.maxRows())
                        .withKvBudgetBytes(config.kvBudgetMib() << 20);
        String name = config.engine().orElseGet(EngineProvider::usual);
        if (config.drainTimeout().isPresent() && !name.equals("direct")) {
            throw new IllegalArgumentException(
                    "forkpoint.rollout.drain-timeout: has no effect with engine "
                            + name
                            + " (expected: absent, or engine direct)");
        }
        return switch (name) {
            case "triton" -> new TritonEngine(policy, generator, stats);
            case "direct" ->
                    new DirectEngine(
                            policy, generator, config.drainTimeout().orElse(DRAIN_TIMEOUT));
            case "remote" ->
                    new RemoteEngine(
                            config.remote()
                                    .addresses()
                                    .orElseThrow(
                                            () ->
                                                    new IllegalArgumentException(
                                                            "forkpoint.rollout.remote.addresses:"
                                                                    + " absent (expected: host:port"
                                                                    + " of one or more Triton"
                                                                    + " servers)")),
                            config.remote().tls().map(EngineProvider::tls).orElse(null),
                            config.maxRows(),
                            stats);
            default ->
                    throw new IllegalArgumentException(
                            "forkpoint.rollout.engine: "
                                    + name
                                    + " (expected: triton, direct or remote)");
        };
    }

    private static RolloutEngine paced(RolloutEngine engine, EngineConfig.Simulation simulation) {
        if (simulation.tokenTime().isEmpty()) {
            return engine;
        }
        LOG.warnf(
                "simulated device: tokenTime=%s rows=%d",
                simulation.tokenTime().get(), simulation.rows());
        return new SimulatedDevice(engine, simulation.tokenTime().get(), simulation.rows());
    }

    private static String usual() {
        String why = TritonRuntime.whyUnsupported();
        if (why == null) {
            return "triton";
        }
        LOG.infof("engine=direct, since: %s", why);
        return "direct";
    }

    static Tls tls(EngineConfig.PemFiles files) {
        return new Tls(files.certificates(), files.key(), files.trusted());
    }
}
