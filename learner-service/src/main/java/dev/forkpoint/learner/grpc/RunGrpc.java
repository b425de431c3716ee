package dev.forkpoint.learner.grpc;

import dev.forkpoint.learner.run.EventLog;
import dev.forkpoint.learner.run.RunManager;
import dev.forkpoint.learner.run.RunSpecs;
import dev.forkpoint.proto.learner.v1.GetRunRequest;
import dev.forkpoint.proto.learner.v1.GetRunResponse;
import dev.forkpoint.proto.learner.v1.ListRunsRequest;
import dev.forkpoint.proto.learner.v1.ListRunsResponse;
import dev.forkpoint.proto.learner.v1.ResumeRunRequest;
import dev.forkpoint.proto.learner.v1.ResumeRunResponse;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunServiceGrpc;
import dev.forkpoint.proto.learner.v1.StartRunRequest;
import dev.forkpoint.proto.learner.v1.StartRunResponse;
import dev.forkpoint.proto.learner.v1.StopRunRequest;
import dev.forkpoint.proto.learner.v1.StopRunResponse;
import dev.forkpoint.proto.learner.v1.ValidateRunRequest;
import dev.forkpoint.proto.learner.v1.ValidateRunResponse;
import dev.forkpoint.proto.learner.v1.WatchRunRequest;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.stream.StrictBinding;
import io.grpc.BindableService;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.quarkus.grpc.GrpcService;
import io.smallrye.common.annotation.Blocking;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.util.List;

/** RunService over {@link RunManager}. */
@GrpcService
public class RunGrpc implements RunServiceGrpc.AsyncService, BindableService {

    private final RunManager runs;

    RunGrpc(RunManager runs) {
        this.runs = runs;
    }

    @Override
    public ServerServiceDefinition bindService() {
        return StrictBinding.of(RunServiceGrpc.bindService(this));
    }

    @Override
    @Blocking
    public void startRun(StartRunRequest request, StreamObserver<StartRunResponse> out) {
        ErrorMapping.answer(
                out,
                () ->
                        StartRunResponse.newBuilder()
                                .setRun(runs.start(request.getSpec(), request.getRunDirectory()))
                                .build());
    }

    @Override
    @Blocking
    public void resumeRun(ResumeRunRequest request, StreamObserver<ResumeRunResponse> out) {
        ErrorMapping.answer(
                out,
                () ->
                        ResumeRunResponse.newBuilder()
                                .setRun(runs.resume(request.getRunDirectory()))
                                .build());
    }

    @Override
    @Blocking
    public void stopRun(StopRunRequest request, StreamObserver<StopRunResponse> out) {
        ErrorMapping.answer(
                out,
                () -> StopRunResponse.newBuilder().setRun(runs.stop(request.getRunId())).build());
    }

    @Override
    @Blocking
    public void getRun(GetRunRequest request, StreamObserver<GetRunResponse> out) {
        ErrorMapping.answer(
                out,
                () -> GetRunResponse.newBuilder().setRun(runs.get(request.getRunId())).build());
    }

    @Override
    @Blocking
    public void listRuns(ListRunsRequest request, StreamObserver<ListRunsResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    int size = request.getPageSize() == 0 ? 100 : request.getPageSize();
                    if (size < 1 || size > 1000) {
                        throw ServiceException.invalidField("page_size", size, "1 to 1000, or 0");
                    }
                    List<Run> all = runs.list();
                    int from = pageStart(request.getPageToken(), all.size());
                    int to = Math.min(all.size(), from + size);
                    return ListRunsResponse.newBuilder()
                            .addAllRuns(all.subList(from, to))
                            .setNextPageToken(to < all.size() ? Integer.toString(to) : "")
                            .build();
                });
    }

    private static int pageStart(String token, int size) {
        if (token.isEmpty()) {
            return 0;
        }
        if (!token.matches("\\d{1,9}") || Integer.parseInt(token) > size) {
            throw ServiceException.invalidField(
                    "page_token", '"' + token + '"', "next_page_token of an answer");
        }
        return Integer.parseInt(token);
    }

    @Override
    @Blocking
    public void validateRun(ValidateRunRequest request, StreamObserver<ValidateRunResponse> out) {
        ErrorMapping.answer(
                out,
                () ->
                        ValidateRunResponse.newBuilder()
                                .setResolved(RunSpecs.resolve(request.getSpec()))
                                .build());
    }

    @Override
    @Blocking
    public void watchRun(WatchRunRequest request, StreamObserver<WatchRunResponse> out) {
        EventLog events;
        try {
            events = runs.events(request.getRunId());
        } catch (RuntimeException e) {
            out.onError(ErrorMapping.toServiceException(e).toGrpc());
            return;
        }
        ServerCallStreamObserver<WatchRunResponse> call =
                (ServerCallStreamObserver<WatchRunResponse>) out;
        Context context = Vertx.currentContext();
        EventLog.Watcher watcher =
                new EventLog.Watcher() {
                    @Override
                    public void event(WatchRunResponse event) {
                        // a slow watcher misses progress, never a stored event
                        if (!event.hasProgress() || call.isReady()) {
                            run(() -> call.onNext(event));
                        }
                    }

                    @Override
                    public void end() {
                        run(call::onCompleted);
                    }

                    private void run(Runnable write) {
                        if (context == null) {
                            write.run();
                        } else {
                            context.runOnContext(
                                    ignored -> {
                                        if (!call.isCancelled()) {
                                            write.run();
                                        }
                                    });
                        }
                    }
                };
        call.setOnCancelHandler(() -> events.unwatch(watcher));
        events.watch(Math.max(1, request.getFromSequence()), watcher);
    }
}
