package dev.forkpoint.learner.peer;

import com.google.rpc.Status;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.GetPolicyRequest;
import dev.forkpoint.proto.rollout.v1.GetPolicyResponse;
import dev.forkpoint.proto.rollout.v1.LoadPolicyRequest;
import dev.forkpoint.proto.rollout.v1.Rollout;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import dev.forkpoint.service.client.Dispatcher;
import dev.forkpoint.service.client.Replica;
import dev.forkpoint.service.client.ReplicaSet;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Rollouts of the wanted policy from all replicas. */
public final class RolloutClient implements AutoCloseable {

    private final ReplicaSet set;
    private final Dispatcher<GenerateRequest, GenerateResponse> dispatcher;
    private volatile @Nullable PolicySnapshot wanted;

    public RolloutClient(ReplicaSet set) {
        this.set = set;
        dispatcher = new Dispatcher<>(set, new Generate(), this::load);
    }

    private static final class Generate
            implements Dispatcher.Protocol<GenerateRequest, GenerateResponse> {
        @Override
        public StreamObserver<GenerateRequest> open(
                Channel channel, StreamObserver<GenerateResponse> answers) {
            return RolloutServiceGrpc.newStub(channel).generate(answers);
        }

        @Override
        public String answeredId(GenerateResponse answer) {
            return answer.getRequestId();
        }

        @Override
        public boolean isLast(GenerateResponse answer) {
            return !answer.hasChunk();
        }

        @Override
        public Optional<Status> failure(GenerateResponse answer) {
            return answer.hasError() ? Optional.of(answer.getError()) : Optional.empty();
        }

        @Override
        public GenerateRequest cancel(String id) {
            return GenerateRequest.newBuilder().setCancel(id).build();
        }

        @Override
        public GenerateRequest limited(GenerateRequest request, long millis) {
            RolloutRequest rollout = request.getRollout();
            int limit = (int) Math.min(millis, Integer.MAX_VALUE);
            return request.toBuilder().setRollout(rollout.toBuilder().setTimeoutMs(limit)).build();
        }
    }

    /**
     * Makes every replica serve the policy; one that is away is brought there before it is used.
     */
    public void serve(PolicySnapshot policy) {
        wanted = policy;
        set.each(this::load);
    }

    private void load(Replica replica) {
        PolicySnapshot policy = wanted;
        if (policy != null) {
            LoadPolicyRequest request = LoadPolicyRequest.newBuilder().setPolicy(policy).build();
            set.call(
                    replica,
                    channel ->
                            RolloutServiceGrpc.newBlockingStub(channel)
                                    .withDeadlineAfter(
                                            Peers.callTimeout().toSeconds(), TimeUnit.SECONDS)
                                    .loadPolicy(request));
        }
    }

    /** What each replica serves. */
    public List<GetPolicyResponse> policies() {
        return set.callEach(
                channel ->
                        RolloutServiceGrpc.newBlockingStub(channel)
                                .withDeadlineAfter(10, TimeUnit.SECONDS)
                                .getPolicy(GetPolicyRequest.getDefaultInstance()));
    }

    /** One response; a failure is a ServiceException. */
    public CompletableFuture<Rollout> generate(RolloutRequest request) {
        return dispatcher
                .submit(
                        request.getRequestId(),
                        GenerateRequest.newBuilder().setRollout(request).build())
                .thenApply(
                        answer -> {
                            if (answer.hasError()) {
                                throw PeerFailures.of("rollout", answer.getError());
                            }
                            return answer.getRollout();
                        });
    }

    @Override
    public void close() {
        dispatcher.close();
    }
}
