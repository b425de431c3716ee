package dev.forkpoint.cli.command;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Addresses;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.recipe.Recipe;
import dev.forkpoint.cli.recipe.SpecPaths;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunServiceGrpc;
import dev.forkpoint.proto.learner.v1.RunSpec;
import dev.forkpoint.proto.learner.v1.StartRunRequest;
import dev.forkpoint.proto.learner.v1.ValidateRunRequest;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Starts a run by a recipe and follows it. */
final class Training {

    private static final Service[] ALL = Service.values();
    private static final long CALL_SECONDS = 300;

    private Training() {}

    /**
     * @param recipe YAML file
     * @param seed in place of the recipe's
     */
    static int run(Forkpoint forkpoint, Path recipe, @Nullable Long seed, TrainingOptions options)
            throws InterruptedException {
        RunSpec spec = Recipe.load(recipe, options.assignments);
        if (seed != null) {
            spec = spec.toBuilder().setSeed(seed).build();
        }
        return run(forkpoint, spec, recipe, options);
    }

    /** The same with a recipe that has been read. */
    static int run(Forkpoint forkpoint, RunSpec spec, Path recipe, TrainingOptions options)
            throws InterruptedException {
        options.services.rejectWithAddress("--engine", options.engine);
        if (spec.getKindCase() == RunSpec.KindCase.KIND_NOT_SET) {
            throw new UsageException(
                    recipe + ": no kind of run (expected: reinforcement or supervised)");
        }
        LocalSettings local = new LocalSettings(ALL).engine(options.engine);
        boolean onThisMachine = options.services.address() == null;
        if (onThisMachine || isLoopback(options.services.address())) {
            SpecPaths.Resolved resolved =
                    SpecPaths.resolve(
                            spec,
                            List.of(
                                    Path.of("").toAbsolutePath(),
                                    Objects.requireNonNullElse(
                                            recipe.toAbsolutePath().getParent(), Path.of("/")),
                                    forkpoint.installation().root()));
            spec = resolved.spec();
            resolved.folders().forEach(local::allow);
        }
        if (options.dryRun) {
            return dryRun(forkpoint, spec, local, options);
        }
        Path directory = options.directory(spec.getName().isEmpty() ? "run" : spec.getName());
        local.runRoot(Objects.requireNonNullElse(directory.getParent(), directory));
        try (Backend backend = forkpoint.open(options.services.address(), local, needed(options))) {
            StartRunRequest.Builder request = StartRunRequest.newBuilder().setSpec(spec);
            if (onThisMachine || options.runDirectory != null) {
                request.setRunDirectory(directory.toString());
            }
            Run run;
            try {
                run = runs(backend).startRun(request.build()).getRun();
            } catch (io.grpc.StatusRuntimeException e) {
                backend.checkAliveAfterFailure();
                throw e;
            }
            backend.moveLogs(Path.of(run.getDirectory(), "logs"));
            return new RunFollower(forkpoint, backend, options.json).follow(run, null);
        }
    }

    /** Whether the learner-service at the address sees the files that this command sees. */
    private static boolean isLoopback(@Nullable String address) {
        return address != null
                && Addresses.parse(address, List.of(Service.LEARNER))
                        .replicas()
                        .getOrDefault(Service.LEARNER, List.of())
                        .stream()
                        .allMatch(host -> host.matches("(127\\..*|localhost|\\[::1]):\\d+"));
    }

    static RunServiceGrpc.RunServiceBlockingStub runs(Backend backend) {
        return RunServiceGrpc.newBlockingStub(backend.channel(Service.LEARNER))
                .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
    }

    private static Service[] needed(TrainingOptions options) {
        // A learner-service that runs already knows the other services.
        return options.services.address() == null ? ALL : new Service[] {Service.LEARNER};
    }

    private static int dryRun(
            Forkpoint forkpoint, RunSpec spec, LocalSettings local, TrainingOptions options)
            throws InterruptedException {
        try (Backend backend = forkpoint.open(options.services.address(), local, needed(options))) {
            RunSpec resolved =
                    runs(backend)
                            .validateRun(ValidateRunRequest.newBuilder().setSpec(spec).build())
                            .getResolved();
            forkpoint.console().out().print(text(resolved, options.json));
            backend.deleteLogsAtClose();
            return ExitCode.DONE;
        }
    }

    private static String text(RunSpec spec, boolean json) {
        if (!json) {
            return Recipe.write(spec);
        }
        try {
            return JsonFormat.printer()
                            .preservingProtoFieldNames()
                            .omittingInsignificantWhitespace()
                            .print(spec)
                    + System.lineSeparator();
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
        }
    }
}
