package dev.forkpoint.entropy.scoring;

import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.policy.ScorerOptions;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import dev.forkpoint.service.store.SnapshotSource;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Startup;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.util.Optional;

/** Makes the policy table and the queue, with the policy that the configuration names. */
@ApplicationScoped
public class ScoringProvider {

    @Produces
    @Singleton
    @Startup
    PolicyTable policies(ScoringConfig config, SnapshotSource snapshots, MeterRegistry meters)
            throws IOException {
        PolicyTable table =
                new PolicyTable(
                        new PolicyOptions(config.device(), config.threads(), Optional.empty()),
                        ScorerOptions.defaults(),
                        config.policyBudgetMib() << 20,
                        config.versionsKept());
        Gauge.builder("forkpoint.entropy.policies", table, t -> t.list().size())
                .description("policy versions loaded")
                .register(meters);
        Optional<String> uri = config.policy();
        if (uri.isPresent()) {
            table.load(
                    PolicySnapshot.newBuilder().setPolicyId("initial").setUri(uri.get()).build(),
                    PolicyFiles.of(snapshots.fetch("forkpoint.entropy.policy", uri.get(), "")),
                    false);
        }
        return table;
    }

    void close(@Disposes PolicyTable table) {
        table.close();
    }

    @Produces
    @Singleton
    ScoringQueue queue(ScoringConfig config, MeterRegistry meters) {
        ScoringQueue queue = new ScoringQueue(config.tokensPerRound(), config.maxQueued());
        Gauge.builder("forkpoint.entropy.queued.sequences", queue, ScoringQueue::queued)
                .description("sequences waiting")
                .register(meters);
        Gauge.builder("forkpoint.entropy.active.sequences", queue, ScoringQueue::active)
                .description("sequences being scored")
                .register(meters);
        return queue;
    }

    void close(@Disposes ScoringQueue queue) {
        queue.close();
    }
}
