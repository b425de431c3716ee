package dev.forkpoint.load;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.GenerateProblemsResponse;
import dev.forkpoint.proto.reward.v1.ListTasksRequest;
import dev.forkpoint.proto.reward.v1.ListTasksResponse;
import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.ListVerifiersResponse;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A reward service that takes a given time, works on a given number at once, and sheds the rest.
 */
final class FakeReward extends RewardServiceGrpc.RewardServiceImplBase implements AutoCloseable {

    private final ScheduledExecutorService worker = Executors.newSingleThreadScheduledExecutor();
    private final AtomicInteger running = new AtomicInteger();
    private final long latencyMs;
    private final int capacity;
    private final Server server;

    /** What calls to ListTasks end with; a defect when null. */
    volatile io.grpc.Status listTasks = io.grpc.Status.OK;

    FakeReward(long latencyMs, int capacity) throws IOException {
        this.latencyMs = latencyMs;
        this.capacity = capacity;
        server =
                NettyServerBuilder.forAddress(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .addService(this)
                        .build()
                        .start();
    }

    String address() {
        return "127.0.0.1:" + server.getPort();
    }

    @Override
    public StreamObserver<VerifyRequest> verify(StreamObserver<VerifyResponse> out) {
        return new StreamObserver<>() {
            private int open;
            private boolean half;

            @Override
            public void onNext(VerifyRequest request) {
                if (!request.hasItem()) {
                    return;
                }
                VerifyResponse.Builder answer =
                        VerifyResponse.newBuilder().setRequestId(request.getItem().getRequestId());
                synchronized (this) {
                    if (running.get() >= capacity) {
                        out.onNext(
                                answer.setError(
                                                Status.newBuilder()
                                                        .setCode(Code.RESOURCE_EXHAUSTED_VALUE))
                                        .build());
                        return;
                    }
                    open++;
                }
                running.incrementAndGet();
                worker.schedule(
                        () -> {
                            running.decrementAndGet();
                            answered(
                                    answer.setVerification(Verification.getDefaultInstance())
                                            .build());
                        },
                        latencyMs,
                        TimeUnit.MILLISECONDS);
            }

            private synchronized void answered(VerifyResponse answer) {
                try {
                    out.onNext(answer);
                    open--;
                    endWhenDone();
                } catch (RuntimeException e) {
                    open--; // the caller has gone
                }
            }

            private void endWhenDone() {
                if (half && open == 0) {
                    out.onCompleted();
                }
            }

            @Override
            public synchronized void onCompleted() {
                half = true;
                endWhenDone();
            }

            @Override
            public void onError(Throwable t) {}
        };
    }

    @Override
    public void listVerifiers(
            ListVerifiersRequest request, StreamObserver<ListVerifiersResponse> out) {
        out.onNext(ListVerifiersResponse.getDefaultInstance());
        out.onCompleted();
    }

    @Override
    public void listTasks(ListTasksRequest request, StreamObserver<ListTasksResponse> out) {
        if (listTasks.isOk()) {
            out.onNext(ListTasksResponse.getDefaultInstance());
            out.onCompleted();
        } else {
            out.onError(listTasks.asRuntimeException());
        }
    }

    @Override
    public void generateProblems(
            GenerateProblemsRequest request, StreamObserver<GenerateProblemsResponse> out) {
        for (int i = 0; i < 1000; i++) {
            out.onNext(GenerateProblemsResponse.getDefaultInstance());
        }
        out.onCompleted();
    }

    @Override
    public void close() {
        server.shutdownNow();
        worker.shutdownNow();
    }
}
