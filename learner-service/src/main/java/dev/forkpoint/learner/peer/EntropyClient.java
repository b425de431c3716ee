package dev.forkpoint.learner.peer;

import com.google.rpc.Status;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.LoadPolicyRequest;
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.client.Dispatcher;
import dev.forkpoint.service.client.Replica;
import dev.forkpoint.service.client.ReplicaSet;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Scores of the wanted policies (the current one, and a pinned reference) from all replicas. */
public final class EntropyClient implements AutoCloseable {

    private final ReplicaSet set;
    private final Dispatcher<ScoreRequest, ScoreResponse> dispatcher;
    private volatile @Nullable PolicySnapshot current;
    private volatile @Nullable PolicySnapshot reference;

    public EntropyClient(ReplicaSet set) {
        this.set = set;
        dispatcher = new Dispatcher<>(set, new Score(), this::load);
    }

    private static final class Score implements Dispatcher.Protocol<ScoreRequest, ScoreResponse> {
        @Override
        public StreamObserver<ScoreRequest> open(
                Channel channel, StreamObserver<ScoreResponse> answers) {
            return EntropyServiceGrpc.newStub(channel).score(answers);
        }

        @Override
        public String answeredId(ScoreResponse answer) {
            return answer.getRequestId();
        }

        @Override
        public boolean isLast(ScoreResponse answer) {
            return true;
        }

        @Override
        public Optional<Status> failure(ScoreResponse answer) {
            return answer.hasError() ? Optional.of(answer.getError()) : Optional.empty();
        }

        @Override
        public ScoreRequest cancel(String id) {
            return ScoreRequest.newBuilder().setCancel(id).build();
        }
    }

    /** Loads the version on every replica. */
    public void serve(PolicySnapshot policy) {
        current = policy;
        set.each(r -> load(r, policy, false));
    }

    /** Loads and pins the reference policy on every replica. */
    public void serveReference(PolicySnapshot policy) {
        reference = policy;
        set.each(r -> load(r, policy, true));
    }

    private void load(Replica replica) {
        List<Runnable> loads = new ArrayList<>();
        PolicySnapshot frozen = reference;
        PolicySnapshot newest = current;
        if (frozen != null) {
            loads.add(() -> load(replica, frozen, true));
        }
        if (newest != null) {
            loads.add(() -> load(replica, newest, false));
        }
        loads.forEach(Runnable::run);
    }

    private void load(Replica replica, PolicySnapshot policy, boolean pinned) {
        LoadPolicyRequest request =
                LoadPolicyRequest.newBuilder().setPolicy(policy).setPinned(pinned).build();
        set.call(
                replica,
                channel ->
                        EntropyServiceGrpc.newBlockingStub(channel)
                                .withDeadlineAfter(
                                        Peers.callTimeout().toSeconds(), TimeUnit.SECONDS)
                                .loadPolicy(request));
    }

    /** Scores of one sequence; a failure is a ServiceException. */
    public CompletableFuture<TokenScores> score(SequenceToScore sequence) {
        return dispatcher
                .submit(
                        sequence.getRequestId(),
                        ScoreRequest.newBuilder().setSequence(sequence).build())
                .thenApply(
                        answer -> {
                            if (answer.hasError()) {
                                throw PeerFailures.of("entropy", answer.getError());
                            }
                            return answer.getScores();
                        });
    }

    @Override
    public void close() {
        dispatcher.close();
    }
}
