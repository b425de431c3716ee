package dev.forkpoint.reward.grpc;

import dev.forkpoint.reward.countdown.CountdownFamily;
import dev.forkpoint.reward.reasoning.ReasoningFamily;
import dev.forkpoint.reward.schedule.Lanes;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.TaskRegistry;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;

/** What this process verifies and generates, and the threads it does that on. */
@Singleton
class Catalogue {
    @Produces
    @Singleton
    VerifierRegistry verifiers() {
        return Verifiers.all();
    }

    @Produces
    @Singleton
    TaskRegistry tasks() {
        return new TaskRegistry(List.of(new CountdownFamily(), new ReasoningFamily()));
    }

    @Produces
    @Singleton
    Lanes lanes(RewardConfig config) {
        int cores = config.threads().orElse(Runtime.getRuntime().availableProcessors());
        return new Lanes(
                Map.of(
                        CostClass.CHEAP, cores,
                        CostClass.COMPUTE, cores,
                        CostClass.EXTERNAL, config.externalThreads()),
                config.queueCapacity());
    }

    void close(@Disposes Lanes lanes) {
        lanes.close();
    }
}
