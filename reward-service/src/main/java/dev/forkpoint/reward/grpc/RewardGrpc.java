package dev.forkpoint.reward.grpc;

import com.google.common.primitives.Ints;
import com.google.rpc.Code;
import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.GenerateProblemsResponse;
import dev.forkpoint.proto.reward.v1.ListTasksRequest;
import dev.forkpoint.proto.reward.v1.ListTasksResponse;
import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.ListVerifiersResponse;
import dev.forkpoint.proto.reward.v1.OptionInfo;
import dev.forkpoint.proto.reward.v1.PredictionForm;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Split;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Problem;
import dev.forkpoint.reward.verifier.RewardPart;
import dev.forkpoint.reward.verifier.TaskFamily;
import dev.forkpoint.reward.verifier.UnknownNameException;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import dev.forkpoint.reward.verifier.Verifier;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.stream.StreamSession;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.grpc.GrpcService;
import io.smallrye.common.annotation.Blocking;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** RewardService over the registry of verifiers and the task families. */
@GrpcService
public class RewardGrpc extends RewardServiceGrpc.RewardServiceImplBase {

    private static final int PROBLEMS_PER_MESSAGE = 256;
    private static final int MAX_PROBLEMS = 1_000_000;

    private final VerifierRegistry verifiers;
    private final TreeMap<String, TaskFamily> families = new TreeMap<>();
    private final VerificationPools pools;
    private final RewardConfig config;
    private final MeterRegistry meters;
    private final Map<String, Timer> timers = new ConcurrentHashMap<>();

    RewardGrpc(VerificationPools pools, RewardConfig config, MeterRegistry meters) {
        this.verifiers = new VerifierRegistry(BuiltIn.verifiers());
        this.pools = pools;
        this.config = config;
        this.meters = meters;
        for (TaskFamily family : BuiltIn.families()) {
            families.put(family.name(), family);
        }
    }

    @Override
    public StreamObserver<VerifyRequest> verify(StreamObserver<VerifyResponse> out) {
        return StreamSession.open(out, config.streamWindow(), new VerifyHandler());
    }

    private final class VerifyHandler
            implements StreamSession.Handler<VerifyRequest, VerifyResponse> {

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
            Verifier verifier;
            try {
                verifier = verifiers.get(item.getVerifier());
            } catch (UnknownNameException e) {
                throw translated(e);
            }
            AtomicBoolean cancelled = new AtomicBoolean();
            pools.execute(
                    verifier.costClass(),
                    () -> {
                        if (cancelled.get()) {
                            answers.dropped();
                            return;
                        }
                        try {
                            answers.last(answer(item));
                        } catch (RuntimeException | StackOverflowError e) {
                            answers.failed(translated(e));
                        }
                    });
            return () -> cancelled.set(true);
        }

        @Override
        public VerifyResponse failure(String requestId, ServiceException e) {
            return VerifyResponse.newBuilder()
                    .setRequestId(requestId)
                    .setError(e.toStatus())
                    .build();
        }
    }

    private VerifyResponse answer(VerifyItem message) {
        long began = System.nanoTime();
        Verdict verdict = verifiers.verify(message.getVerifier(), item(message));
        long nanos = System.nanoTime() - began;
        timers.computeIfAbsent(
                        message.getVerifier() + " " + verdict.code(),
                        key ->
                                Timer.builder("forkpoint.reward.verification")
                                        .tag("verifier", message.getVerifier())
                                        .tag(
                                                "verdict",
                                                verdict.code().name().toLowerCase(Locale.ROOT))
                                        .description("verifications by verifier and verdict")
                                        .register(meters))
                .record(Duration.ofNanos(nanos));
        return VerifyResponse.newBuilder()
                .setRequestId(message.getRequestId())
                .setVerification(verification(verdict, nanos / 1000))
                .build();
    }

    private static Item item(VerifyItem m) {
        return new Item(
                m.getGold().isEmpty() ? null : m.getGold(),
                m.getPrediction(),
                m.getForm() == PredictionForm.PREDICTION_FORM_ANSWER
                        ? Item.Form.ANSWER
                        : Item.Form.RESPONSE,
                Ints.toArray(m.getTokenIdsList()),
                Fields.of("task", Structs.map(m.getTask())),
                Fields.of("options", Structs.map(m.getOptions())),
                m.getTruncated());
    }

    private static Verification verification(Verdict verdict, long micros) {
        Verification.Builder out =
                Verification.newBuilder()
                        .setVerdict(code(verdict.code()))
                        .setExtracted(verdict.extracted())
                        .setReason(
                                verdict.rule().isEmpty()
                                        ? verdict.reason()
                                        : verdict.rule() + ": " + verdict.reason())
                        .setProbabilistic(verdict.probabilistic())
                        .setMicros(micros);
        verdict.reward().ifPresent(out::setReward);
        for (RewardPart part : verdict.parts()) {
            dev.forkpoint.proto.reward.v1.RewardPart.Builder p =
                    out.addPartsBuilder()
                            .setVerifier(part.verifier())
                            .setWeight(part.weight())
                            .setVerdict(code(part.verdict().code()));
            part.reward().ifPresent(p::setReward);
        }
        return out.build();
    }

    private static dev.forkpoint.proto.reward.v1.Verdict code(VerdictCode code) {
        return dev.forkpoint.proto.reward.v1.Verdict.valueOf("VERDICT_" + code.name());
    }

    /** Domain exceptions in the service's error table. */
    private static ServiceException translated(Throwable t) {
        if (t instanceof InvalidItemException e) {
            return ServiceException.invalidFields(
                    "INVALID_FIELD",
                    List.of(
                            new ServiceException.FieldViolation(
                                    e.field(),
                                    String.valueOf(e.getMessage())
                                            .substring(e.field().length())
                                            .replaceFirst("^: ", ""))));
        }
        if (t instanceof UnknownNameException e) {
            return new ServiceException(
                    Code.NOT_FOUND,
                    e.field().equals("task") ? "UNKNOWN_TASK" : "UNKNOWN_VERIFIER",
                    String.valueOf(e.getMessage()),
                    e);
        }
        return ErrorMapping.toServiceException(t);
    }

    @Override
    @Blocking
    public void generateProblems(
            GenerateProblemsRequest request, StreamObserver<GenerateProblemsResponse> out) {
        ServerCallStreamObserver<GenerateProblemsResponse> call =
                (ServerCallStreamObserver<GenerateProblemsResponse>) out;
        try {
            TaskFamily.Generator generator = generator(request);
            TaskFamily.Split split =
                    request.getSplit() == Split.SPLIT_TRAIN
                            ? TaskFamily.Split.TRAIN
                            : TaskFamily.Split.HELD_OUT;
            GenerateProblemsResponse.Builder some = GenerateProblemsResponse.newBuilder();
            for (long i = 0; i < request.getCount() && !call.isCancelled(); i++) {
                some.addProblems(
                        problem(
                                generator.problem(
                                        split,
                                        request.getSeed(),
                                        request.getStart() + i,
                                        request.getDemonstrations())));
                if (some.getProblemsCount() == PROBLEMS_PER_MESSAGE) {
                    out.onNext(some.build());
                    some.clear();
                }
            }
            if (some.getProblemsCount() > 0) {
                out.onNext(some.build());
            }
            out.onCompleted();
        } catch (RuntimeException e) {
            out.onError(translated(e).toGrpc());
        }
    }

    private TaskFamily.Generator generator(GenerateProblemsRequest request) {
        TaskFamily family = families.get(request.getTask());
        if (family == null) {
            throw new UnknownNameException("task", request.getTask(), families.keySet());
        }
        if (request.getSplit() != Split.SPLIT_TRAIN && request.getSplit() != Split.SPLIT_HELD_OUT) {
            throw ServiceException.invalidField(
                    "split", request.getSplit(), "SPLIT_TRAIN or SPLIT_HELD_OUT");
        }
        if (request.getCount() < 1 || request.getCount() > MAX_PROBLEMS) {
            throw ServiceException.invalidField(
                    "count", Integer.toUnsignedString(request.getCount()), "1 to " + MAX_PROBLEMS);
        }
        if (request.getStart() < 0) {
            throw ServiceException.invalidField(
                    "start", Long.toUnsignedString(request.getStart()), "below 2^63");
        }
        if (request.getDemonstrations() && !family.hasDemonstrations()) {
            throw ServiceException.invalidField(
                    "demonstrations", true, "false: this family has none");
        }
        return family.generator(Fields.of("options", Structs.map(request.getOptions())));
    }

    private static dev.forkpoint.proto.reward.v1.Problem problem(Problem p) {
        dev.forkpoint.proto.reward.v1.Problem.Builder out =
                dev.forkpoint.proto.reward.v1.Problem.newBuilder()
                        .setIndex(p.index())
                        .setPrompt(p.prompt())
                        .setGold(p.gold())
                        .setTask(Structs.struct(p.task()))
                        .setVerifier(p.verifier());
        String demonstration = p.demonstration();
        if (demonstration != null) {
            out.setDemonstration(demonstration);
        }
        return out.build();
    }

    @Override
    public void listVerifiers(
            ListVerifiersRequest request, StreamObserver<ListVerifiersResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    ListVerifiersResponse.Builder answer = ListVerifiersResponse.newBuilder();
                    for (Verifier v : verifiers.all()) {
                        answer.addVerifiersBuilder()
                                .setName(v.name())
                                .setSummary(v.summary())
                                .setNeedsGold(v.needsGold())
                                .addAllOptions(options(v.options()));
                    }
                    return answer.build();
                });
    }

    @Override
    public void listTasks(ListTasksRequest request, StreamObserver<ListTasksResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    ListTasksResponse.Builder answer = ListTasksResponse.newBuilder();
                    for (TaskFamily f : families.values()) {
                        answer.addTasksBuilder()
                                .setName(f.name())
                                .setSummary(f.summary())
                                .setVerifier(f.verifier())
                                .setDemonstrations(f.hasDemonstrations())
                                .addAllOptions(options(f.options()));
                    }
                    return answer.build();
                });
    }

    private static List<OptionInfo> options(List<OptionSpec> options) {
        return options.stream()
                .map(
                        o ->
                                OptionInfo.newBuilder()
                                        .setName(o.name())
                                        .setSummary(o.summary())
                                        .build())
                .toList();
    }
}
