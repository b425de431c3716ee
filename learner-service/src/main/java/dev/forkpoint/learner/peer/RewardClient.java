package dev.forkpoint.learner.peer;

import com.google.rpc.Status;
import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.ListTasksRequest;
import dev.forkpoint.proto.reward.v1.ListTasksResponse;
import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.ListVerifiersResponse;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.service.client.Dispatcher;
import dev.forkpoint.service.client.Replica;
import dev.forkpoint.service.client.ReplicaSet;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Verdicts and problems from all replicas. */
public final class RewardClient implements AutoCloseable {

    private final ReplicaSet set;
    private final Dispatcher<VerifyRequest, VerifyResponse> dispatcher;

    public RewardClient(ReplicaSet set) {
        this.set = set;
        dispatcher = new Dispatcher<>(set, new Verify(), replica -> {});
    }

    private static final class Verify
            implements Dispatcher.Protocol<VerifyRequest, VerifyResponse> {
        @Override
        public StreamObserver<VerifyRequest> open(
                Channel channel, StreamObserver<VerifyResponse> answers) {
            return RewardServiceGrpc.newStub(channel).verify(answers);
        }

        @Override
        public String answeredId(VerifyResponse answer) {
            return answer.getRequestId();
        }

        @Override
        public boolean isLast(VerifyResponse answer) {
            return true;
        }

        @Override
        public Optional<Status> failure(VerifyResponse answer) {
            return answer.hasError() ? Optional.of(answer.getError()) : Optional.empty();
        }

        @Override
        public VerifyRequest cancel(String id) {
            return VerifyRequest.newBuilder().setCancel(id).build();
        }
    }

    /** The verdict of one item; a failure is a ServiceException. */
    public CompletableFuture<Verification> verify(VerifyItem item) {
        return dispatcher
                .submit(item.getRequestId(), VerifyRequest.newBuilder().setItem(item).build())
                .thenApply(
                        answer -> {
                            if (answer.hasError()) {
                                throw PeerFailures.of("reward", answer.getError());
                            }
                            return answer.getVerification();
                        });
    }

    /** Problems of a task family, in order. */
    public List<Problem> problems(GenerateProblemsRequest request) {
        return first(
                channel -> {
                    List<Problem> out = new ArrayList<>(request.getCount());
                    RewardServiceGrpc.newBlockingStub(channel)
                            .withDeadlineAfter(Peers.callTimeout().toSeconds(), TimeUnit.SECONDS)
                            .generateProblems(request)
                            .forEachRemaining(r -> out.addAll(r.getProblemsList()));
                    return out;
                });
    }

    public ListTasksResponse tasks() {
        return first(
                channel ->
                        RewardServiceGrpc.newBlockingStub(channel)
                                .withDeadlineAfter(10, TimeUnit.SECONDS)
                                .listTasks(ListTasksRequest.getDefaultInstance()));
    }

    public ListVerifiersResponse verifiers() {
        return first(
                channel ->
                        RewardServiceGrpc.newBlockingStub(channel)
                                .withDeadlineAfter(10, TimeUnit.SECONDS)
                                .listVerifiers(ListVerifiersRequest.getDefaultInstance()));
    }

    /** The answer of the first replica that gives one. */
    private <T> T first(Function<ManagedChannel, T> call) {
        RuntimeException last = new IllegalStateException("no reward replica");
        for (Replica replica : set.replicas()) {
            try {
                return set.call(replica, call);
            } catch (RuntimeException e) {
                last = e;
            }
        }
        throw last;
    }

    @Override
    public void close() {
        dispatcher.close();
    }
}
