package dev.forkpoint.reward.grpc;

import dev.forkpoint.reward.countdown.CountdownFamily;
import dev.forkpoint.reward.countdown.CountdownVerifier;
import dev.forkpoint.reward.math.MathVerifier;
import dev.forkpoint.reward.schedule.Lanes;
import dev.forkpoint.reward.text.ExactVerifier;
import dev.forkpoint.reward.text.FormatVerifier;
import dev.forkpoint.reward.text.NumericVerifier;
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
        return new VerifierRegistry(
                List.of(
                        new CountdownVerifier(),
                        new MathVerifier(),
                        new ExactVerifier(),
                        new NumericVerifier(),
                        new FormatVerifier()));
    }

    @Produces
    @Singleton
    TaskRegistry tasks() {
        return new TaskRegistry(List.of(new CountdownFamily()));
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
