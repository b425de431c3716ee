package dev.forkpoint.reward.grpc;

import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.GenerateProblemsResponse;
import dev.forkpoint.proto.reward.v1.ListTasksRequest;
import dev.forkpoint.proto.reward.v1.ListTasksResponse;
import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.ListVerifiersResponse;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Split;
import dev.forkpoint.proto.reward.v1.TaskInfo;
import dev.forkpoint.proto.reward.v1.VerifierInfo;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.reward.schedule.Lanes;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.TaskFamily;
import dev.forkpoint.reward.verifier.TaskRegistry;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.Verifier;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.stream.StreamSession;
import dev.forkpoint.service.stream.StrictBinding;
import io.grpc.BindableService;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.quarkus.grpc.GrpcService;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** RewardService: translates messages and puts the work on its lane. */
@GrpcService
public class RewardGrpc implements RewardServiceGrpc.AsyncService, BindableService {
    private static final int MAX_COUNT = 1_000_000;

    private final VerifierRegistry verifiers;
    private final TaskRegistry tasks;
    private final Lanes lanes;
    private final RewardMeters meters;
    private final RewardConfig config;

    RewardGrpc(
            VerifierRegistry verifiers,
            TaskRegistry tasks,
            Lanes lanes,
            RewardMeters meters,
            RewardConfig config) {
        this.verifiers = verifiers;
        this.tasks = tasks;
        this.lanes = lanes;
        this.meters = meters;
        this.config = config;
    }

    @Override
    public ServerServiceDefinition bindService() {
        return StrictBinding.of(RewardServiceGrpc.bindService(this));
    }

    @Override
    public StreamObserver<VerifyRequest> verify(StreamObserver<VerifyResponse> out) {
        return StreamSession.open(out, config.streamWindow(), new VerifyHandler());
    }

    /**
     * One stream's items: those that arrive in one turn of its event loop go to a lane together.
     */
    private final class VerifyHandler
            implements StreamSession.Handler<VerifyRequest, VerifyResponse> {
        private record Arrived(
                Lanes.Ticket ticket, StreamSession.Answers<VerifyResponse> answers) {}

        private final @Nullable Context context = Vertx.currentContext();
        private final Map<CostClass, List<Arrived>> arrived = new EnumMap<>(CostClass.class);
        private boolean flushing;

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
            CostClass cost;
            try {
                cost = verifiers.get(item.getVerifier()).costClass();
            } catch (RuntimeException e) {
                throw Translation.failure(e);
            }
            Lanes.Ticket ticket = new Lanes.Ticket(() -> answer(item, answers));
            arrived.computeIfAbsent(cost, any -> new ArrayList<>())
                    .add(new Arrived(ticket, answers));
            if (context == null) {
                flush();
            } else if (!flushing) {
                flushing = true;
                context.runOnContext(ignored -> flush());
            }
            return () -> {
                if (ticket.cancel()) {
                    answers.dropped();
                }
            };
        }

        private void flush() {
            flushing = false;
            arrived.forEach(
                    (cost, items) -> {
                        int taken =
                                lanes.submit(cost, items.stream().map(Arrived::ticket).toList());
                        for (Arrived refused : items.subList(taken, items.size())) {
                            refused.answers()
                                    .failed(
                                            ServiceException.overloaded(
                                                    "the queue of this verifier's cost class is full",
                                                    Duration.ofMillis(200)));
                        }
                        items.clear();
                    });
        }

        @Override
        public VerifyResponse failure(String requestId, ServiceException e) {
            meters.failed(e.reason());
            return VerifyResponse.newBuilder()
                    .setRequestId(requestId)
                    .setError(e.toStatus())
                    .build();
        }
    }

    private void answer(VerifyItem item, StreamSession.Answers<VerifyResponse> answers) {
        long began = System.nanoTime();
        try {
            Verdict verdict = verifiers.verify(item.getVerifier(), Translation.item(item));
            long nanos = System.nanoTime() - began;
            meters.verified(item.getVerifier(), verdict.code(), nanos);
            answers.last(
                    VerifyResponse.newBuilder()
                            .setRequestId(item.getRequestId())
                            .setVerification(Translation.verification(verdict, nanos / 1_000))
                            .build());
        } catch (RuntimeException e) {
            answers.failed(Translation.failure(e));
        } catch (StackOverflowError | OutOfMemoryError e) {
            answers.failed(e);
        }
    }

    @Override
    public void listVerifiers(
            ListVerifiersRequest request, StreamObserver<ListVerifiersResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    ListVerifiersResponse.Builder answer = ListVerifiersResponse.newBuilder();
                    for (Verifier verifier : verifiers.all()) {
                        answer.addVerifiers(
                                VerifierInfo.newBuilder()
                                        .setName(verifier.name())
                                        .setSummary(verifier.summary())
                                        .addAllOptions(Translation.options(verifier.options()))
                                        .setNeedsGold(verifier.needsGold()));
                    }
                    return answer.build();
                });
    }

    @Override
    public void generateProblems(
            GenerateProblemsRequest request, StreamObserver<GenerateProblemsResponse> out) {
        TaskFamily.Generator generator;
        try {
            generator =
                    tasks.get(request.getTask())
                            .generator(Translation.fields("options", request.getOptions()));
            check(request);
        } catch (RuntimeException e) {
            out.onError(ErrorMapping.toServiceException(Translation.failure(e)).toGrpc());
            return;
        }
        TaskFamily.Split split =
                request.getSplit() == Split.SPLIT_TRAIN
                        ? TaskFamily.Split.TRAIN
                        : TaskFamily.Split.HELD_OUT;
        ProblemStream.open(
                (ServerCallStreamObserver<GenerateProblemsResponse>) out,
                generator,
                split,
                request.getSeed(),
                request.getStart(),
                request.getCount(),
                request.getDemonstrations(),
                lanes);
    }

    private static void check(GenerateProblemsRequest request) {
        if (request.getSplit() != Split.SPLIT_TRAIN && request.getSplit() != Split.SPLIT_HELD_OUT) {
            throw new InvalidItemException(
                    "split", "unspecified (allowed: SPLIT_TRAIN, SPLIT_HELD_OUT)");
        }
        if (request.getCount() < 1 || request.getCount() > MAX_COUNT) {
            throw new InvalidItemException(
                    "count",
                    Integer.toUnsignedString(request.getCount())
                            + " (allowed: 1 to "
                            + MAX_COUNT
                            + ")");
        }
        if (request.getStart() < 0 || request.getStart() > Long.MAX_VALUE - MAX_COUNT) {
            throw new InvalidItemException(
                    "start",
                    Long.toUnsignedString(request.getStart())
                            + " (allowed: 0 to "
                            + (Long.MAX_VALUE - MAX_COUNT)
                            + ")");
        }
    }

    @Override
    public void listTasks(ListTasksRequest request, StreamObserver<ListTasksResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    ListTasksResponse.Builder answer = ListTasksResponse.newBuilder();
                    for (TaskFamily family : tasks.all()) {
                        answer.addTasks(
                                TaskInfo.newBuilder()
                                        .setName(family.name())
                                        .setSummary(family.summary())
                                        .addAllOptions(Translation.options(family.options()))
                                        .setVerifier(family.verifier())
                                        .setDemonstrations(family.hasDemonstrations()));
                    }
                    return answer.build();
                });
    }
}
