package dev.forkpoint.cli.command;

import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.recipe.SpecPaths;
import dev.forkpoint.proto.learner.v1.ResumeRunRequest;
import dev.forkpoint.proto.learner.v1.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint resume}: goes on with a run. */
@Command(name = "resume", description = "Goes on with a run from its last checkpoint.")
final class ResumeCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Parameters(paramLabel = "RUN_DIR", description = "Directory of the run")
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "Rollout engine: triton, direct or remote. Default: the service's own")
    private @Nullable String engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions services;

    @Option(names = "--json", description = "JSON Lines on standard output, and nothing else there")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        services.rejectWithAddress("--engine", engine);
        LocalSettings local = new LocalSettings(Service.values()).engine(engine);
        Service[] needed = {Service.LEARNER};
        Path run = directory;
        if (services.address() == null) {
            run = directory.toAbsolutePath().normalize();
            prepare(run, local);
        }
        try (Backend backend = forkpoint.open(services.address(), local, needed)) {
            Instant now = Instant.now();
            Run resumed;
            try {
                resumed =
                        Training.runs(backend)
                                .resumeRun(
                                        ResumeRunRequest.newBuilder()
                                                .setRunDirectory(run.toString())
                                                .build())
                                .getRun();
            } catch (io.grpc.StatusRuntimeException e) {
                backend.checkAliveAfterFailure();
                throw e;
            }
            backend.moveLogs(Path.of(resumed.getDirectory(), "logs"));
            return new RunFollower(forkpoint, backend, json).follow(resumed, now);
        }
    }

    /** Checks the directory, and allows the policies that its specification names. */
    private static void prepare(Path run, LocalSettings local) {
        if (!Files.isDirectory(run)) {
            throw new UsageException("no run directory at " + run);
        }
        Path file = run.resolve("spec.pb");
        if (!Files.isRegularFile(file)) {
            throw new UsageException(run + " is not the directory of a run: it has no spec.pb");
        }
        try {
            Run kept = Run.parseFrom(Files.readAllBytes(file));
            SpecPaths.resolve(kept.getSpec(), List.of(run)).folders().forEach(local::allow);
        } catch (IOException e) {
            throw new UsageException("cannot read " + file + ": " + e.getMessage(), e);
        }
        local.runRoot(Objects.requireNonNullElse(run.getParent(), run));
    }
}
