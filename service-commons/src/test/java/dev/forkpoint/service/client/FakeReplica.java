package dev.forkpoint.service.client;

import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.ListVerifiersResponse;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.stream.StreamSession;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A reward service on a real socket whose verification is a function of the item alone, and which
 * takes as long, and fails as, a test says.
 */
final class FakeReplica implements AutoCloseable {

    /** What happens to an item; may throw, or return false to never answer. */
    interface Behaviour {
        boolean answers(VerifyItem item, int nth);
    }

    final Map<String, Integer> seen = new ConcurrentHashMap<>();
    final AtomicInteger total = new AtomicInteger();
    final AtomicInteger streams = new AtomicInteger();
    final CountDownLatch cancelledOnce = new CountDownLatch(1);
    volatile Behaviour behaviour = (item, nth) -> true;
    volatile @Nullable CountDownLatch arrivals;

    /** What ends every stream at its first request. */
    volatile @Nullable Status breaksStreams;

    private final ScheduledExecutorService worker = Executors.newSingleThreadScheduledExecutor();
    private final long latencyMs;
    private final Server server;

    FakeReplica(int port, long latencyMs) throws IOException {
        this.latencyMs = latencyMs;
        server =
                NettyServerBuilder.forAddress(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
                        .addService(new Service())
                        .build()
                        .start();
    }

    int port() {
        return server.getPort();
    }

    String address() {
        return "127.0.0.1:" + port();
    }

    private final class Service extends RewardServiceGrpc.RewardServiceImplBase
            implements StreamSession.Handler<VerifyRequest, VerifyResponse> {

        @Override
        public StreamObserver<VerifyRequest> verify(StreamObserver<VerifyResponse> out) {
            streams.incrementAndGet();
            Status end = breaksStreams;
            if (end != null) {
                return breaking(out, end);
            }
            return StreamSession.open(out, 64, this);
        }

        private StreamObserver<VerifyRequest> breaking(
                StreamObserver<VerifyResponse> out, Status end) {
            return new StreamObserver<>() {
                @Override
                public void onNext(VerifyRequest request) {
                    total.incrementAndGet();
                    out.onError(end.asRuntimeException());
                }

                @Override
                public void onError(Throwable t) {}

                @Override
                public void onCompleted() {}
            };
        }

        @Override
        public void listVerifiers(
                ListVerifiersRequest request, StreamObserver<ListVerifiersResponse> out) {
            ErrorMapping.answer(out, ListVerifiersResponse::getDefaultInstance);
        }

        @Override
        public @Nullable String cancelledId(VerifyRequest message) {
            return message.hasCancel() ? message.getCancel() : null;
        }

        @Override
        public String requestId(VerifyRequest message) {
            return message.getItem().getRequestId();
        }

        @Override
        public StreamSession.Work start(
                VerifyRequest message, StreamSession.Answers<VerifyResponse> answers) {
            VerifyItem item = message.getItem();
            seen.merge(item.getRequestId(), 1, Integer::sum);
            int nth = total.incrementAndGet();
            CountDownLatch latch = arrivals;
            if (latch != null) {
                latch.countDown();
            }
            if (behaviour.answers(item, nth)) {
                worker.schedule(
                        () ->
                                answers.last(
                                        VerifyResponse.newBuilder()
                                                .setRequestId(item.getRequestId())
                                                .setVerification(
                                                        Verification.newBuilder()
                                                                .setReward(
                                                                        item.getGold().hashCode()))
                                                .build()),
                        latencyMs,
                        TimeUnit.MILLISECONDS);
            }
            return cancelledOnce::countDown;
        }

        @Override
        public VerifyResponse failure(String requestId, ServiceException e) {
            return VerifyResponse.newBuilder()
                    .setRequestId(requestId)
                    .setError(e.toStatus())
                    .build();
        }
    }

    /** As kill -9 looks from outside: connections break, nothing is finished. */
    void kill() {
        server.shutdownNow();
        try {
            server.awaitTermination();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        kill();
        worker.shutdownNow();
    }
}
