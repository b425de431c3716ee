package dev.forkpoint.learner.grpc;

import dev.forkpoint.learner.run.TrainerManager;
import dev.forkpoint.proto.learner.v1.AccumulateRequest;
import dev.forkpoint.proto.learner.v1.AccumulateResponse;
import dev.forkpoint.proto.learner.v1.ApplyUpdateRequest;
import dev.forkpoint.proto.learner.v1.ApplyUpdateResponse;
import dev.forkpoint.proto.learner.v1.CloseTrainerRequest;
import dev.forkpoint.proto.learner.v1.CloseTrainerResponse;
import dev.forkpoint.proto.learner.v1.CreateTrainerRequest;
import dev.forkpoint.proto.learner.v1.CreateTrainerResponse;
import dev.forkpoint.proto.learner.v1.GetTrainerRequest;
import dev.forkpoint.proto.learner.v1.GetTrainerResponse;
import dev.forkpoint.proto.learner.v1.LearnerServiceGrpc;
import dev.forkpoint.proto.learner.v1.PublishPolicyRequest;
import dev.forkpoint.proto.learner.v1.PublishPolicyResponse;
import dev.forkpoint.proto.learner.v1.SubmitSequencesRequest;
import dev.forkpoint.proto.learner.v1.SubmitSequencesResponse;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.stream.StrictBinding;
import io.grpc.BindableService;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.StreamObserver;
import io.quarkus.grpc.GrpcService;
import io.smallrye.common.annotation.Blocking;

/** LearnerService over {@link TrainerManager}. */
@GrpcService
@Blocking
public class LearnerGrpc implements LearnerServiceGrpc.AsyncService, BindableService {

    private final TrainerManager trainers;

    LearnerGrpc(TrainerManager trainers) {
        this.trainers = trainers;
    }

    @Override
    public ServerServiceDefinition bindService() {
        return StrictBinding.of(LearnerServiceGrpc.bindService(this));
    }

    @Override
    @Blocking
    public void createTrainer(
            CreateTrainerRequest request, StreamObserver<CreateTrainerResponse> out) {
        ErrorMapping.answer(
                out,
                () ->
                        CreateTrainerResponse.newBuilder()
                                .setTrainerId(trainers.create(request))
                                .build());
    }

    @Override
    @Blocking
    public void submitSequences(
            SubmitSequencesRequest request, StreamObserver<SubmitSequencesResponse> out) {
        ErrorMapping.answer(
                out,
                () ->
                        trainers.get(request.getTrainerId())
                                .submit(request.getRequestId(), request.getSequencesList()));
    }

    @Override
    @Blocking
    public void accumulate(AccumulateRequest request, StreamObserver<AccumulateResponse> out) {
        ErrorMapping.answer(out, () -> trainers.get(request.getTrainerId()).accumulate(request));
    }

    @Override
    @Blocking
    public void applyUpdate(ApplyUpdateRequest request, StreamObserver<ApplyUpdateResponse> out) {
        ErrorMapping.answer(
                out, () -> trainers.get(request.getTrainerId()).apply(request.getRequestId()));
    }

    @Override
    @Blocking
    public void publishPolicy(
            PublishPolicyRequest request, StreamObserver<PublishPolicyResponse> out) {
        ErrorMapping.answer(
                out, () -> trainers.get(request.getTrainerId()).publish(request.getRequestId()));
    }

    @Override
    @Blocking
    public void getTrainer(GetTrainerRequest request, StreamObserver<GetTrainerResponse> out) {
        ErrorMapping.answer(out, () -> trainers.get(request.getTrainerId()).describe());
    }

    @Override
    @Blocking
    public void closeTrainer(
            CloseTrainerRequest request, StreamObserver<CloseTrainerResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    trainers.closeTrainer(request.getTrainerId());
                    return CloseTrainerResponse.getDefaultInstance();
                });
    }
}
