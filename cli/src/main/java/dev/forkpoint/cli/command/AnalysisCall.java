package dev.forkpoint.cli.command;

import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.proto.entropy.v1.AnalysisServiceGrpc;
import dev.forkpoint.proto.entropy.v1.AnalysisSettings;
import dev.forkpoint.proto.entropy.v1.AnalyzeRequest;
import dev.forkpoint.proto.entropy.v1.AnalyzeResponse;
import dev.forkpoint.proto.entropy.v1.AnalyzedResponse;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** One Analyze call, sent no faster than the service takes it. */
final class AnalysisCall implements AutoCloseable {

    /** Responses of a message. */
    private static final int PART = 128;

    private final Semaphore ready = new Semaphore(0);
    private final CompletableFuture<AnalyzeResponse> answer = new CompletableFuture<>();
    private final Backend backend;
    private final AnalysisSettings settings;
    private @Nullable ClientCallStreamObserver<AnalyzeRequest> call;
    private boolean begun;

    AnalysisCall(Backend backend, AnalysisSettings settings) {
        this.backend = backend;
        this.settings = settings;
        AnalysisServiceGrpc.newStub(backend.channel(Service.ENTROPY))
                .analyze(
                        new ClientResponseObserver<AnalyzeRequest, AnalyzeResponse>() {
                            @Override
                            public void beforeStart(
                                    ClientCallStreamObserver<AnalyzeRequest> stream) {
                                call = stream;
                                stream.setOnReadyHandler(ready::release);
                            }

                            @Override
                            public void onNext(AnalyzeResponse value) {
                                answer.complete(value);
                            }

                            @Override
                            public void onError(Throwable failure) {
                                answer.completeExceptionally(failure);
                                ready.release();
                            }

                            @Override
                            public void onCompleted() {
                                ready.release();
                            }
                        });
    }

    private ClientCallStreamObserver<AnalyzeRequest> stream() {
        if (call == null) {
            throw new IllegalStateException("the call has not begun");
        }
        return call;
    }

    void send(List<AnalyzedResponse> responses) throws InterruptedException {
        for (int from = 0; from < responses.size(); from += PART) {
            while (!stream().isReady() && !answer.isDone()) {
                ready.tryAcquire(200, TimeUnit.MILLISECONDS);
                backend.checkAlive();
            }
            if (answer.isDone()) {
                return; // refused; finish() says why
            }
            AnalyzeRequest.Builder part =
                    AnalyzeRequest.newBuilder()
                            .addAllResponses(
                                    responses.subList(
                                            from, Math.min(responses.size(), from + PART)));
            if (!begun) {
                part.setSettings(settings);
                begun = true;
            }
            stream().onNext(part.build());
        }
    }

    AnalyzeResponse finish() throws InterruptedException {
        if (!answer.isDone()) {
            stream().onCompleted();
        }
        while (true) {
            try {
                return answer.get(200, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                backend.checkAlive();
            } catch (ExecutionException e) {
                backend.checkAliveAfterFailure();
                if (e.getCause() instanceof RuntimeException cause) {
                    throw cause;
                }
                throw new IllegalStateException(e.getCause());
            }
        }
    }

    @Override
    public void close() {
        if (!answer.isDone()) {
            stream().cancel("given up", null);
        }
    }
}
