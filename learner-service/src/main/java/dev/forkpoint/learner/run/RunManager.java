package dev.forkpoint.learner.run;

import com.google.protobuf.util.Timestamps;
import com.google.rpc.Code;
import dev.forkpoint.learner.peer.Peers;
import dev.forkpoint.learner.record.RunReport;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunSpec;
import dev.forkpoint.proto.learner.v1.RunState;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.store.SnapshotSource;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Starts, stops and finds runs; one is active at a time. Thread-safe. */
@ApplicationScoped
public class RunManager {

    private static final Logger LOG = Logger.getLogger(RunManager.class);

    private final LearnerConfig config;
    private final SnapshotSource snapshots;
    private final Peers peers;
    private final Map<String, Handle> known = new ConcurrentHashMap<>();
    private @Nullable Handle active;

    RunManager(LearnerConfig config, SnapshotSource snapshots, Peers peers) {
        this.config = config;
        this.snapshots = snapshots;
        this.peers = peers;
    }

    /** A run that this process has started or resumed. */
    private static final class Handle {
        private final RunContext context;
        private final Thread thread;
        private volatile Run run;

        Handle(RunContext context, Run run, Runnable work) {
            this.context = context;
            this.run = run;
            thread = new Thread(work, "run-" + context.runId);
        }
    }

    /** Starts a run. */
    public Run start(RunSpec given, String directory) {
        RunSpec spec = RunSpecs.resolve(given);
        String id =
                spec.getName()
                        + "-"
                        + LocalDateTime.now(java.time.ZoneId.systemDefault())
                                .format(
                                        DateTimeFormatter.ofPattern(
                                                "yyyyMMdd-HHmmss", Locale.ROOT));
        Path root = directory.isEmpty() ? config.runRoot().resolve(id) : Path.of(directory);
        synchronized (this) {
            refuseWhileActive();
            RunDirectory made = RunDirectory.create(root);
            try {
                Run run =
                        Run.newBuilder()
                                .setRunId(id)
                                .setName(spec.getName())
                                .setDirectory(made.root().toString())
                                .setStartedAt(Timestamps.now())
                                .setSpec(spec)
                                .build();
                Files.write(made.spec(), run.toByteArray());
                made.write("run.yaml", SpecYaml.write(spec, Versions.all()));
                return launch(made, run);
            } catch (IOException e) {
                made.close();
                throw cannotWrite(root, e);
            } catch (RuntimeException e) {
                made.close();
                throw e;
            }
        }
    }

    /** Goes on with a run from its last checkpoint. */
    public Run resume(String directory) {
        synchronized (this) {
            refuseWhileActive();
            RunDirectory opened = RunDirectory.open(Path.of(directory));
            try {
                Run run = Run.parseFrom(Files.readAllBytes(opened.spec()));
                return launch(
                        opened, run.toBuilder().setDirectory(opened.root().toString()).build());
            } catch (IOException e) {
                opened.close();
                throw cannotWrite(Path.of(directory), e);
            } catch (RuntimeException e) {
                opened.close();
                throw e;
            }
        }
    }

    private static ServiceException cannotWrite(Path root, IOException e) {
        return new ServiceException(
                Code.FAILED_PRECONDITION, "RUN_DIRECTORY", "run_directory: " + root + ": " + e, e);
    }

    private void refuseWhileActive() {
        Handle a = active;
        if (a != null && a.thread.isAlive()) {
            throw new ServiceException(
                    Code.RESOURCE_EXHAUSTED,
                    "RUN_ACTIVE",
                    "run " + a.context.runId + " is active; one run at a time");
        }
    }

    private Run launch(RunDirectory directory, Run run) throws IOException {
        RunContext context =
                new RunContext(
                        run.getRunId(),
                        run.getSpec(),
                        directory,
                        new EventLog(directory.events()),
                        snapshots,
                        peers,
                        config.policyBaseUri().orElse(""));
        Handle[] self = new Handle[1];
        Handle handle = new Handle(context, run, () -> work(self[0]));
        self[0] = handle;
        known.put(run.getRunId(), handle);
        active = handle;
        told(handle, RunState.RUN_STATE_RUNNING, "");
        handle.thread.start();
        return describe(handle);
    }

    private void work(Handle handle) {
        RunContext context = handle.context;
        try (context;
                RunDirectory ignored = context.directory) {
            try {
                RunSetup.run(context);
                told(handle, RunState.RUN_STATE_SUCCEEDED, "");
            } catch (RunStoppedException e) {
                told(handle, RunState.RUN_STATE_STOPPED, "");
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                LOG.errorf(e, "run failed runId=%s", context.runId);
                told(handle, RunState.RUN_STATE_FAILED, reason(e, context.directory.root()));
            }
            report(handle);
        } finally {
            context.events.end();
        }
    }

    private static void report(Handle handle) {
        try {
            new RunReport(handle.context.directory.root())
                    .write(describe(handle), handle.context.events.stored());
        } catch (IOException | RuntimeException e) {
            LOG.warnf(e, "report not written runId=%s", handle.context.runId);
        }
    }

    /** Java names no file when a write fails, so the directory is named here. */
    private static String reason(Throwable t, Path directory) {
        Throwable cause = Sampling.cause(t);
        if (cause instanceof UncheckedIOException u) {
            cause = Objects.requireNonNull(u.getCause());
        }
        if (cause instanceof IOException) {
            String message = String.valueOf(cause.getMessage());
            return message.contains(directory.toString()) ? message : directory + ": " + message;
        }
        return cause instanceof ServiceException
                ? String.valueOf(cause.getMessage())
                : ErrorMapping.toServiceException(cause).getMessage() + ": " + cause.getMessage();
    }

    private static void told(Handle handle, RunState state, String error) {
        handle.run = handle.run.toBuilder().setState(state).setError(error).build();
        handle.context.events.add(WatchRunResponse.newBuilder().setState(describe(handle)));
    }

    private static Run describe(Handle handle) {
        return withProgress(handle.run, handle.context.events.stored());
    }

    private static Run withProgress(Run run, List<WatchRunResponse> events) {
        int done =
                events.stream()
                        .filter(WatchRunResponse::hasStep)
                        .mapToInt(e -> e.getStep().getStep())
                        .max()
                        .orElse(0);
        return run.toBuilder()
                .setStepsDone(done)
                .setStepsTotal(
                        run.getSpec().hasSupervised()
                                ? run.getSpec().getSupervised().getSteps()
                                : run.getSpec().getReinforcement().getSteps())
                .build();
    }

    /** Asks a run to stop, and waits until its checkpoint is safe. */
    public Run stop(String id) {
        Handle handle = known.get(id);
        if (handle == null) {
            throw unknown(id);
        }
        handle.context.stop();
        try {
            handle.thread.join(60_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return describe(handle);
    }

    public Run get(String id) {
        return list().stream()
                .filter(r -> r.getRunId().equals(id))
                .findFirst()
                .orElseThrow(() -> unknown(id));
    }

    private static ServiceException unknown(String id) {
        return new ServiceException(
                Code.NOT_FOUND, "UNKNOWN_RUN", "run_id: \"" + id + "\" (no such run)");
    }

    /** Runs of this process and those under the run root, newest first. */
    public List<Run> list() {
        List<Run> runs = new ArrayList<>();
        known.values().forEach(h -> runs.add(describe(h)));
        if (Files.isDirectory(config.runRoot())) {
            try (Stream<Path> all = Files.list(config.runRoot())) {
                for (Path p : all.filter(d -> Files.isRegularFile(d.resolve("spec.pb"))).toList()) {
                    stored(p).filter(r -> !known.containsKey(r.getRunId())).ifPresent(runs::add);
                }
            } catch (IOException e) {
                LOG.warnf("run root cannot be listed: %s", e);
            }
        }
        runs.sort(Comparator.comparing((Run r) -> Timestamps.toNanos(r.getStartedAt())).reversed());
        return runs;
    }

    private static Optional<Run> stored(Path directory) {
        try {
            Run run = Run.parseFrom(Files.readAllBytes(directory.resolve("spec.pb")));
            List<WatchRunResponse> events =
                    new EventLog(directory.resolve("events.jsonl")).stored();
            RunState last =
                    events.stream()
                            .filter(WatchRunResponse::hasState)
                            .map(e -> e.getState().getState())
                            .reduce((a, b) -> b)
                            .orElse(RunState.RUN_STATE_RUNNING);
            RunState state =
                    last == RunState.RUN_STATE_RUNNING ? RunState.RUN_STATE_INTERRUPTED : last;
            return Optional.of(
                    withProgress(
                            run.toBuilder()
                                    .setDirectory(directory.toString())
                                    .setState(state)
                                    .build(),
                            events));
        } catch (IOException e) {
            LOG.warnf("run directory cannot be read: %s: %s", directory, e);
            return Optional.empty();
        }
    }

    /** Directory of a run's policies, for serving them. */
    public Optional<Path> policies(String id) {
        Handle handle = known.get(id);
        if (handle != null) {
            return Optional.of(handle.context.directory.policies());
        }
        return list().stream()
                .filter(r -> r.getRunId().equals(id))
                .map(r -> Path.of(r.getDirectory()).resolve("policies"))
                .findFirst();
    }

    /** Events of a run that this process knows, or those stored of another. */
    public EventLog events(String id) {
        Handle handle = known.get(id);
        if (handle != null) {
            return handle.context.events;
        }
        Run run = get(id);
        try {
            EventLog log = new EventLog(Path.of(run.getDirectory()).resolve("events.jsonl"));
            log.end();
            return log;
        } catch (IOException e) {
            throw cannotWrite(Path.of(run.getDirectory()), e);
        }
    }

    /** Whether a run is active. */
    public synchronized boolean busy() {
        Handle a = active;
        return a != null && a.thread.isAlive();
    }

    @PreDestroy
    void close() {
        Handle a = active;
        if (a != null && a.thread.isAlive()) {
            stop(a.context.runId);
        }
    }
}
