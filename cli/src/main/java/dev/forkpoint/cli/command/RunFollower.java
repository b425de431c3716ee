package dev.forkpoint.cli.command;

import com.google.protobuf.util.Timestamps;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.local.ServiceDiedException;
import dev.forkpoint.cli.output.Console;
import dev.forkpoint.cli.output.RunView;
import dev.forkpoint.proto.learner.v1.EvaluationResult;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunServiceGrpc;
import dev.forkpoint.proto.learner.v1.RunState;
import dev.forkpoint.proto.learner.v1.StopRunRequest;
import dev.forkpoint.proto.learner.v1.WatchRunRequest;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Instant;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Watches a run until it ends, shows it, and stops it when the command is interrupted. */
final class RunFollower {

    private static final Pattern NAMES_A_FIELD =
            Pattern.compile(
                    "((rollout|entropy|reward)-service: )?"
                            + "(reinforcement|supervised|evaluation|optimizer|checkpoint|lora|trainer"
                            + "|sampling|data|task|options|verifier)[a-z0-9_.\\[\\]]*: ");

    private static final long POLL_MS = 200;
    private static final long STOP_SECONDS = 90;
    private static final long STOP_AFTER_DEATH_SECONDS = 10;

    private final Forkpoint forkpoint;
    private final Backend backend;
    private final RunView view;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private @Nullable EvaluationResult before;
    private @Nullable EvaluationResult after;

    private record Event(@Nullable WatchRunResponse message, @Nullable Throwable failure) {}

    RunFollower(Forkpoint forkpoint, Backend backend, boolean json) {
        this(forkpoint, backend, RunView.of(forkpoint.console(), json));
    }

    RunFollower(Forkpoint forkpoint, Backend backend, RunView view) {
        this.forkpoint = forkpoint;
        this.backend = backend;
        this.view = view;
    }

    /**
     * Shows the run until it ends.
     *
     * @param run just started or resumed
     * @param news events from before this time are not shown again; absent: all are new
     * @return exit code
     */
    int follow(Run run, @Nullable Instant news) throws InterruptedException {
        try (view) {
            view.started(run, backend.dashboard());
            Run last = watch(run, news);
            return end(last);
        } catch (InterruptedException e) {
            return stop(run);
        } catch (ServiceDiedException e) {
            view.pause();
            quietlyStop(run);
            forkpoint.console().error(e.getMessage());
            forkpoint
                    .console()
                    .note("The run can go on from its last checkpoint:\n" + resumeLine(run));
            return ExitCode.FAILED;
        }
    }

    private Run watch(Run run, @Nullable Instant news) throws InterruptedException {
        RunServiceGrpc.newStub(backend.channel(Service.LEARNER))
                .watchRun(
                        WatchRunRequest.newBuilder().setRunId(run.getRunId()).build(),
                        new StreamObserver<>() {
                            @Override
                            public void onNext(WatchRunResponse message) {
                                events.add(new Event(message, null));
                            }

                            @Override
                            public void onError(Throwable failure) {
                                events.add(new Event(null, failure));
                            }

                            @Override
                            public void onCompleted() {
                                events.add(new Event(null, null));
                            }
                        });
        Run last = run;
        while (true) {
            Event event = events.poll(POLL_MS, TimeUnit.MILLISECONDS);
            backend.checkAlive();
            if (event == null) {
                continue;
            }
            if (event.message != null) {
                last = show(event.message, last, news);
            } else if (event.failure != null) {
                backend.checkAliveAfterFailure();
                throw (RuntimeException) event.failure;
            } else {
                return Training.runs(backend)
                        .getRun(
                                dev.forkpoint.proto.learner.v1.GetRunRequest.newBuilder()
                                        .setRunId(run.getRunId())
                                        .build())
                        .getRun();
            }
        }
    }

    private Run show(WatchRunResponse message, Run last, @Nullable Instant news) {
        boolean isNew =
                news == null || Timestamps.toMillis(message.getTime()) >= news.toEpochMilli();
        switch (message.getEventCase()) {
            case STATE -> {
                return message.getState();
            }
            case PROGRESS -> view.progress(message.getProgress());
            case STEP -> view.step(message.getStep(), isNew);
            case EVALUATION -> {
                EvaluationResult result = message.getEvaluation();
                before = result.getStep() == 0 ? result : before;
                after = result.getStep() > 0 ? result : after;
                if (isNew) {
                    view.evaluation(result);
                }
            }
            case WARNING -> {
                if (isNew) {
                    view.warning(message.getWarning());
                }
            }
            case EVENT_NOT_SET -> {
                // an event of a newer service
            }
        }
        return last;
    }

    private int end(Run run) {
        view.ended(run, before, after);
        switch (run.getState()) {
            case RUN_STATE_SUCCEEDED -> {
                return ExitCode.DONE;
            }
            case RUN_STATE_STOPPED -> {
                forkpoint.console().note("stopped; it can go on:\n" + resumeLine(run));
                return ExitCode.FAILED;
            }
            default -> {
                Console console = forkpoint.console();
                console.error("the run failed: " + Console.printable(run.getError()));
                if (isBadInput(run)) {
                    console.note("Nothing was trained; " + run.getDirectory() + " can go.");
                    return ExitCode.USAGE;
                }
                if (backend.local() != null) {
                    console.note("The logs of the services are in " + backend.local().logFolder());
                }
                console.note("It can go on from its last checkpoint:\n" + resumeLine(run));
                return ExitCode.FAILED;
            }
        }
    }

    /**
     * Whether a run failed for what its specification names. A learner that takes a specification
     * finds some of what is wrong with the files only when it reads them; such a message begins
     * with the field's name.
     */
    private static boolean isBadInput(Run run) {
        return run.getStepsDone() == 0 && NAMES_A_FIELD.matcher(run.getError()).lookingAt();
    }

    /** Ctrl-C: saves, and says how to go on. */
    private int stop(Run run) {
        view.pause();
        Console console = forkpoint.console();
        console.note("interrupted: saving the run…");
        try {
            Run stopped =
                    RunServiceGrpc.newBlockingStub(backend.channel(Service.LEARNER))
                            .withDeadlineAfter(STOP_SECONDS, TimeUnit.SECONDS)
                            .stopRun(request(run))
                            .getRun();
            view.ended(stopped, before, after);
            console.note(
                    stopped.getState() == RunState.RUN_STATE_STOPPED
                            ? "saved after step %d. Go on with:\n%s"
                                    .formatted(stopped.getStepsDone(), resumeLine(run))
                            : "the run had ended already");
        } catch (StatusRuntimeException e) {
            console.error(
                    "could not save: "
                            + Failures.describe(Failures.status(e))
                            + "\nThe run can go on from its last checkpoint:\n"
                            + resumeLine(run));
        }
        return ExitCode.INTERRUPTED;
    }

    private void quietlyStop(Run run) {
        try {
            RunServiceGrpc.newBlockingStub(backend.channel(Service.LEARNER))
                    .withDeadlineAfter(STOP_AFTER_DEATH_SECONDS, TimeUnit.SECONDS)
                    .stopRun(request(run));
        } catch (StatusRuntimeException e) {
            // what its last checkpoint holds is what there is
        }
    }

    private static StopRunRequest request(Run run) {
        return StopRunRequest.newBuilder().setRunId(run.getRunId()).build();
    }

    private static String resumeLine(Run run) {
        return "  forkpoint resume " + Shell.quote(run.getDirectory());
    }
}
