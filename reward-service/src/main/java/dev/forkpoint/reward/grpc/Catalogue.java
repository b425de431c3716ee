package dev.forkpoint.reward.grpc;

import dev.forkpoint.reward.countdown.CountdownFamily;
import dev.forkpoint.reward.judge.JudgeEndpoint;
import dev.forkpoint.reward.judge.JudgeVerifier;
import dev.forkpoint.reward.reasoning.ReasoningFamily;
import dev.forkpoint.reward.sandbox.CodeVerifier;
import dev.forkpoint.reward.sandbox.Sandbox;
import dev.forkpoint.reward.schedule.Lanes;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.TaskRegistry;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What this process verifies and generates, and the threads it does that on. */
@Singleton
class Catalogue {
    @Produces
    @Singleton
    VerifierRegistry verifiers(RewardConfig config) {
        return Verifiers.all(code(config.sandbox()), judge(config.judge()));
    }

    /** Asks for the verifiers when the service starts: a sandbox that cannot isolate ends it. */
    void start(@Observes StartupEvent event, VerifierRegistry verifiers) {
        verifiers.all();
    }

    private static CodeVerifier code(RewardConfig.Sandbox config) {
        if (!config.enabled()) {
            return CodeVerifier.off();
        }
        Sandbox.Limits limits =
                new Sandbox.Limits(
                        config.cpu(),
                        config.wall(),
                        config.memoryBytes(),
                        config.diskBytes(),
                        config.processes(),
                        config.outputBytes());
        List<Path> paths = new ArrayList<>(config.readOnlyPaths().orElse(List.of()));
        paths.addAll(CodeVerifier.javaSettings());
        Sandbox sandbox = Sandbox.open(config.bubblewrap(), config.prlimit(), paths);
        return CodeVerifier.on(sandbox, limits, config.python(), config.java());
    }

    private static JudgeVerifier judge(RewardConfig.Judge config) {
        List<JudgeEndpoint> endpoints = new ArrayList<>();
        config.endpoints()
                .forEach(
                        (name, endpoint) ->
                                endpoints.add(
                                        new JudgeEndpoint(
                                                new JudgeEndpoint.Settings(
                                                        name,
                                                        endpoint.url(),
                                                        endpoint.format(),
                                                        endpoint.model(),
                                                        endpoint.keyFile()
                                                                .map(Catalogue::key)
                                                                .orElse(null),
                                                        config.deadline(),
                                                        config.attempts(),
                                                        endpoint.perSecond(),
                                                        config.cacheEntries(),
                                                        endpoint.prompt()))));
        return new JudgeVerifier(endpoints);
    }

    private static String key(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "forkpoint.reward.judge: the key file %s cannot be read".formatted(file), e);
        }
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
