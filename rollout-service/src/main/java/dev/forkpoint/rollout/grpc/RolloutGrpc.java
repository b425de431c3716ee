package dev.forkpoint.rollout.grpc;

import com.google.rpc.Code;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.GetPolicyRequest;
import dev.forkpoint.proto.rollout.v1.GetPolicyResponse;
import dev.forkpoint.proto.rollout.v1.LoadPolicyRequest;
import dev.forkpoint.proto.rollout.v1.LoadPolicyResponse;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import dev.forkpoint.rollout.engine.EngineConfig;
import dev.forkpoint.rollout.engine.RolloutEngine;
import dev.forkpoint.rollout.engine.ServedPolicy;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.store.SnapshotSource;
import dev.forkpoint.service.stream.StreamSession;
import dev.forkpoint.service.stream.StrictBinding;
import io.grpc.BindableService;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.StreamObserver;
import io.quarkus.grpc.GrpcService;
import io.smallrye.common.annotation.Blocking;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** RolloutService over a {@link RolloutEngine}. */
@GrpcService
public class RolloutGrpc implements RolloutServiceGrpc.AsyncService, BindableService {

    private final RolloutEngine engine;
    private final EngineConfig config;
    private final SnapshotSource snapshots;
    private final RolloutMeters meters;

    RolloutGrpc(
            RolloutEngine engine,
            EngineConfig config,
            SnapshotSource snapshots,
            RolloutMeters meters) {
        this.engine = engine;
        this.config = config;
        this.snapshots = snapshots;
        this.meters = meters;
    }

    @Override
    public ServerServiceDefinition bindService() {
        return StrictBinding.of(RolloutServiceGrpc.bindService(this));
    }

    @Override
    public StreamObserver<GenerateRequest> generate(StreamObserver<GenerateResponse> out) {
        return StreamSession.open(out, config.streamWindow(), new Handler());
    }

    private final class Handler
            implements StreamSession.Handler<GenerateRequest, GenerateResponse> {

        @Override
        public @Nullable String cancelledId(GenerateRequest message) {
            return message.hasCancel() ? message.getCancel() : null;
        }

        @Override
        public String requestId(GenerateRequest message) {
            return message.getRollout().getRequestId();
        }

        @Override
        public StreamSession.Work start(
                GenerateRequest message, StreamSession.Answers<GenerateResponse> answers) {
            RolloutRequest request = message.getRollout();
            ServedPolicy served = engine.served().orElseThrow(RolloutGrpc::notLoaded);
            requireVersion(request, served.snapshot());
            if (engine.queued() >= config.maxQueued()) {
                throw ServiceException.overloaded(
                        engine.queued()
                                + " sequences are waiting (at most "
                                + config.maxQueued()
                                + ")",
                        Duration.ofSeconds(1));
            }
            GenerationRequest generation = RequestTranslator.generation(request, served);
            RunningRollout running =
                    new RunningRollout(
                            request,
                            generation.promptIds(),
                            served,
                            engine.reportsEntropy(),
                            answers,
                            meters);
            RolloutEngine.Accepted accepted =
                    engine.submit(
                            generation,
                            running,
                            request.hasChunks() || request.getSampling().getStopTextsCount() > 0);
            running.accepted(accepted);
            return running;
        }

        @Override
        public GenerateResponse failure(String requestId, ServiceException e) {
            return GenerateResponse.newBuilder()
                    .setRequestId(requestId)
                    .setError(e.toStatus())
                    .build();
        }
    }

    private static void requireVersion(RolloutRequest request, PolicySnapshot served) {
        if (request.hasPolicyVersion() && request.getPolicyVersion() != served.getVersion()) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "STALE_POLICY_VERSION",
                    "policy_version: "
                            + request.getPolicyVersion()
                            + " (serving: "
                            + served.getVersion()
                            + ")");
        }
    }

    private static ServiceException notLoaded() {
        return new ServiceException(
                Code.FAILED_PRECONDITION,
                "POLICY_NOT_LOADED",
                "no policy is loaded; call LoadPolicy");
    }

    @Override
    @Blocking
    public void loadPolicy(LoadPolicyRequest request, StreamObserver<LoadPolicyResponse> out) {
        ErrorMapping.answer(out, () -> load(request));
    }

    private synchronized LoadPolicyResponse load(LoadPolicyRequest request) {
        PolicySnapshot wanted = request.getPolicy();
        if (engine.served().map(ServedPolicy::snapshot).filter(wanted::equals).isPresent()) {
            return LoadPolicyResponse.newBuilder().setPolicyVersion(wanted.getVersion()).build();
        }
        long began = System.nanoTime();
        try {
            engine.load(wanted, snapshots.fetch(wanted));
        } catch (IOException e) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "POLICY_INVALID",
                    "policy: " + wanted.getUri() + ": " + e.getMessage(),
                    e);
        }
        return LoadPolicyResponse.newBuilder()
                .setPolicyVersion(wanted.getVersion())
                .setLoadSeconds((System.nanoTime() - began) * 1e-9)
                .build();
    }

    @Override
    public void getPolicy(GetPolicyRequest request, StreamObserver<GetPolicyResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    GetPolicyResponse.Builder answer =
                            GetPolicyResponse.newBuilder()
                                    .setEngine(engine.name())
                                    .setReportsEntropy(engine.reportsEntropy())
                                    .setDeterministic(engine.deterministic())
                                    .setActiveSequences(engine.active())
                                    .setQueuedSequences(engine.queued());
                    engine.served()
                            .ifPresent(
                                    s ->
                                            answer.setPolicy(s.snapshot())
                                                    .setVocabularySize(s.config().vocabularySize())
                                                    .setContextLength(s.config().maxPositions())
                                                    .setModelType(s.config().modelType()));
                    return answer.build();
                });
    }
}
