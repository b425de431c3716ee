package dev.forkpoint.cli.command;

import com.google.rpc.Status;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import java.util.Optional;

/**
 * The streams that commands talk through. An {@link Exchange} only queues what it hears, so that
 * answers are taken on the thread that reads them: handing them to another costs each a wake-up.
 */
final class Protocols {

    static final Exchange.Protocol<GenerateRequest, GenerateResponse> GENERATE =
            new Exchange.Protocol<>() {
                @Override
                public StreamObserver<GenerateRequest> open(
                        Channel channel, StreamObserver<GenerateResponse> answers) {
                    return RolloutServiceGrpc.newStub(channel)
                            .withExecutor(Runnable::run)
                            .generate(answers);
                }

                @Override
                public String requestId(GenerateResponse answer) {
                    return answer.getRequestId();
                }

                @Override
                public boolean isPartial(GenerateResponse answer) {
                    return answer.hasChunk();
                }

                @Override
                public Optional<Status> error(GenerateResponse answer) {
                    return answer.hasError() ? Optional.of(answer.getError()) : Optional.empty();
                }
            };

    static final Exchange.Protocol<ScoreRequest, ScoreResponse> SCORE =
            new Exchange.Protocol<>() {
                @Override
                public StreamObserver<ScoreRequest> open(
                        Channel channel, StreamObserver<ScoreResponse> answers) {
                    return EntropyServiceGrpc.newStub(channel)
                            .withExecutor(Runnable::run)
                            .score(answers);
                }

                @Override
                public String requestId(ScoreResponse answer) {
                    return answer.getRequestId();
                }

                @Override
                public Optional<Status> error(ScoreResponse answer) {
                    return answer.hasError() ? Optional.of(answer.getError()) : Optional.empty();
                }
            };

    static final Exchange.Protocol<VerifyRequest, VerifyResponse> VERIFY =
            new Exchange.Protocol<>() {
                @Override
                public StreamObserver<VerifyRequest> open(
                        Channel channel, StreamObserver<VerifyResponse> answers) {
                    return RewardServiceGrpc.newStub(channel)
                            .withExecutor(Runnable::run)
                            .verify(answers);
                }

                @Override
                public String requestId(VerifyResponse answer) {
                    return answer.getRequestId();
                }

                @Override
                public Optional<Status> error(VerifyResponse answer) {
                    return answer.hasError() ? Optional.of(answer.getError()) : Optional.empty();
                }
            };

    /** Most unanswered requests of a command: two batches of the rollout engine's default size. */
    static final int WINDOW = 1024;

    private Protocols() {}
}
