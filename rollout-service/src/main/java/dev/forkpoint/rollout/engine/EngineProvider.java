package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.SnapshotSource;
import dev.forkpoint.triton.TritonRuntime;
import dev.forkpoint.triton.kserve.Tls;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.util.Optional;

/** Makes the engine that the configuration names, serving the policy that it names. */
@ApplicationScoped
public class EngineProvider {

    @Produces
    @Singleton
    @Startup
    RolloutEngine engine(EngineConfig config, SnapshotSource snapshots, MeterRegistry meters)
            throws IOException {
        RolloutEngine engine = create(config);
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
            engine.load(snapshot, snapshots.fetch("forkpoint.rollout.policy", uri.get(), ""));
        }
        return engine;
    }

    void close(@Disposes RolloutEngine engine) {
        engine.close();
    }

    private static RolloutEngine create(EngineConfig config) {
        PolicyOptions policy =
                new PolicyOptions(config.device(), config.threads(), Optional.empty());
        GeneratorOptions generator =
                GeneratorOptions.defaults()
                        .withMaxRows(config.maxRows())
                        .withKvBudgetBytes(config.kvBudgetMib() << 20);
        String name =
                config.engine()
                        .orElseGet(
                                () -> TritonRuntime.whyUnsupported() == null ? "triton" : "direct");
        return switch (name) {
            case "triton" -> new TritonEngine(policy, generator);
            case "direct" -> new DirectEngine(policy, generator, config.drainTimeout());
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
                            config.maxRows());
            default ->
                    throw new IllegalArgumentException(
                            "forkpoint.rollout.engine: "
                                    + name
                                    + " (expected: triton, direct or remote)");
        };
    }

    static Tls tls(EngineConfig.PemFiles files) {
        return new Tls(files.certificates(), files.key(), files.trusted());
    }
}
