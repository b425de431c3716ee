package dev.forkpoint.entropy.grpc;

import com.google.common.primitives.Doubles;
import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import com.google.common.primitives.Longs;
import com.google.rpc.Code;
import dev.forkpoint.entropy.scoring.LoadedPolicy;
import dev.forkpoint.entropy.scoring.PolicyTable;
import dev.forkpoint.entropy.scoring.ScoringConfig;
import dev.forkpoint.entropy.scoring.ScoringQueue;
import dev.forkpoint.entropy.summary.EntropySummary;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.ListPoliciesRequest;
import dev.forkpoint.proto.entropy.v1.ListPoliciesResponse;
import dev.forkpoint.proto.entropy.v1.LoadPolicyRequest;
import dev.forkpoint.proto.entropy.v1.LoadPolicyResponse;
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.SummarizeRequest;
import dev.forkpoint.proto.entropy.v1.SummarizeResponse;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.entropy.v1.UnloadPolicyRequest;
import dev.forkpoint.proto.entropy.v1.UnloadPolicyResponse;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
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
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** EntropyService over {@link ScoringQueue} and {@link EntropySummary}. */
@GrpcService
public class EntropyGrpc implements EntropyServiceGrpc.AsyncService, BindableService {

    /** Most values of one Summarize call: 400 MB of floats, in memory at once. */
    private static final int MAX_SUMMARY_VALUES = 100_000_000;

    private final PolicyTable policies;
    private final ScoringQueue queue;
    private final ScoringConfig config;
    private final SnapshotSource snapshots;

    EntropyGrpc(
            PolicyTable policies,
            ScoringQueue queue,
            ScoringConfig config,
            SnapshotSource snapshots) {
        this.policies = policies;
        this.queue = queue;
        this.config = config;
        this.snapshots = snapshots;
    }

    @Override
    public ServerServiceDefinition bindService() {
        return StrictBinding.of(EntropyServiceGrpc.bindService(this));
    }

    @Override
    public StreamObserver<ScoreRequest> score(StreamObserver<ScoreResponse> out) {
        return StreamSession.open(out, config.streamWindow(), new ScoreHandler());
    }

    private final class ScoreHandler implements StreamSession.Handler<ScoreRequest, ScoreResponse> {

        @Override
        public @Nullable String cancelledId(ScoreRequest message) {
            return message.hasCancel() ? message.getCancel() : null;
        }

        @Override
        public String requestId(ScoreRequest message) {
            return message.getSequence().getRequestId();
        }

        @Override
        public StreamSession.Work start(
                ScoreRequest message, StreamSession.Answers<ScoreResponse> answers) {
            SequenceToScore s = message.getSequence();
            double temperature = s.hasTemperature() ? s.getTemperature() : 1;
            if (!(temperature > 0 && temperature <= 100)) {
                throw ServiceException.invalidField(
                        "temperature", temperature, "above 0, at most 100");
            }
            LoadedPolicy policy =
                    policies.acquire(
                            s.getPolicyId(),
                            s.hasPolicyVersion()
                                    ? OptionalLong.of(s.getPolicyVersion())
                                    : OptionalLong.empty());
            ScoringQueue.Job job;
            try {
                int[] ids = ids(s, policy);
                int first = firstPosition(s, ids.length);
                job =
                        new ScoringQueue.Job(
                                policy,
                                ids,
                                first,
                                temperature,
                                scores -> answers.last(answer(s, policy, ids, first, scores)),
                                answers::failed);
            } catch (RuntimeException e) {
                policy.release();
                throw e;
            }
            queue.add(job);
            return () -> {
                queue.remove(job);
                answers.dropped();
            };
        }

        @Override
        public ScoreResponse failure(String requestId, ServiceException e) {
            return ScoreResponse.newBuilder()
                    .setRequestId(requestId)
                    .setError(e.toStatus())
                    .build();
        }
    }

    private static int[] ids(SequenceToScore s, LoadedPolicy policy) {
        int[] ids =
                switch (s.getContentCase()) {
                    case IDS -> s.getIds().getIdsList().stream().mapToInt(i -> i).toArray();
                    case TEXT -> policy.policy().tokenizer().encode(s.getText(), true);
                    case CONTENT_NOT_SET ->
                            throw ServiceException.invalidField("content", "absent", "ids or text");
                };
        int longest = policy.policy().config().maxPositions();
        if (ids.length < 2 || ids.length > longest) {
            throw ServiceException.invalidField(
                    "content", ids.length + " tokens", "2 to " + longest + " tokens");
        }
        int vocabulary = policy.policy().config().vocabularySize();
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw ServiceException.invalidField(
                        "ids.ids[" + i + "]",
                        Integer.toUnsignedString(ids[i]),
                        "0 to " + (vocabulary - 1));
            }
        }
        return ids;
    }

    private static int firstPosition(SequenceToScore s, int length) {
        int first = s.getFirstPosition() == 0 ? 1 : s.getFirstPosition();
        if (first < 1 || first > length) {
            throw ServiceException.invalidField(
                    "first_position",
                    Integer.toUnsignedString(s.getFirstPosition()),
                    "1 to " + length + ", or 0 for 1");
        }
        return first;
    }

    private static ScoreResponse answer(
            SequenceToScore s,
            LoadedPolicy policy,
            int[] ids,
            int first,
            dev.forkpoint.policy.TokenScores scores) {
        TokenScores.Builder out =
                TokenScores.newBuilder()
                        .setFirstPosition(first)
                        .addAllLogProbs(from(scores.logProb(), first))
                        .addAllEntropies(from(scores.entropy(), first))
                        .addAllCollisionProbabilities(from(scores.collisionProbability(), first))
                        .setPolicyId(policy.snapshot().getPolicyId())
                        .setPolicyVersion(policy.snapshot().getVersion());
        if (s.hasText()) {
            out.addAllTokenIds(Ints.asList(ids));
        }
        return ScoreResponse.newBuilder().setRequestId(s.getRequestId()).setScores(out).build();
    }

    private static Iterable<Float> from(float[] values, int first) {
        return Floats.asList(values).subList(first, values.length);
    }

    @Override
    @Blocking
    public StreamObserver<SummarizeRequest> summarize(StreamObserver<SummarizeResponse> out) {
        return new StreamObserver<>() {
            private float[] values = new float[1 << 12];
            private int count;
            private SummarizeRequest settings = SummarizeRequest.getDefaultInstance();
            private boolean first = true;
            private boolean failed;

            @Override
            public void onNext(SummarizeRequest part) {
                if (failed) {
                    return;
                }
                if (first) {
                    settings = part.toBuilder().clearEntropies().build();
                    first = false;
                }
                int more = part.getEntropiesCount();
                if ((long) count + more > MAX_SUMMARY_VALUES) {
                    failed = true;
                    out.onError(
                            ServiceException.invalidField(
                                            "entropies",
                                            "more than " + MAX_SUMMARY_VALUES,
                                            "at most " + MAX_SUMMARY_VALUES)
                                    .toGrpc());
                    return;
                }
                if (count + more > values.length) {
                    values = Arrays.copyOf(values, Math.max(count + more, 2 * values.length));
                }
                for (int i = 0; i < more; i++) {
                    values[count++] = part.getEntropies(i);
                }
            }

            @Override
            public void onError(Throwable t) {
                values = new float[0];
            }

            @Override
            public void onCompleted() {
                if (!failed) {
                    ErrorMapping.answer(out, () -> summary(Arrays.copyOf(values, count), settings));
                }
            }
        };
    }

    private static SummarizeResponse summary(float[] values, SummarizeRequest settings) {
        if (settings.hasKeepFraction()
                && !(settings.getKeepFraction() > 0 && settings.getKeepFraction() <= 1)) {
            throw ServiceException.invalidField(
                    "keep_fraction", settings.getKeepFraction(), "above 0, at most 1");
        }
        double[] percentiles =
                settings.getPercentilesCount() == 0
                        ? EntropySummary.defaultPercentiles()
                        : Doubles.toArray(settings.getPercentilesList());
        for (double p : percentiles) {
            if (!(p >= 0 && p <= 100)) {
                throw ServiceException.invalidField("percentiles", p, "0 to 100");
            }
        }
        double[] bounds =
                settings.getHistogramBoundsCount() == 0
                        ? EntropySummary.defaultBounds()
                        : Doubles.toArray(settings.getHistogramBoundsList());
        for (int i = 1; i < bounds.length; i++) {
            if (!(bounds[i] > bounds[i - 1])) {
                throw ServiceException.invalidField(
                        "histogram_bounds[" + i + "]", bounds[i], "ascending");
            }
        }
        EntropySummary s =
                EntropySummary.of(
                        values,
                        settings.hasKeepFraction()
                                ? OptionalDouble.of(settings.getKeepFraction())
                                : OptionalDouble.empty(),
                        percentiles,
                        bounds);
        SummarizeResponse.Builder out =
                SummarizeResponse.newBuilder()
                        .setCount(s.count())
                        .setMean(s.mean())
                        .setKeptEntropyShare(s.keptEntropyShare())
                        .addAllPercentileValues(Doubles.asList(s.percentileValues()))
                        .addAllPercentiles(Doubles.asList(percentiles))
                        .addAllHistogramCounts(Longs.asList(s.histogramCounts()))
                        .addAllHistogramBounds(Doubles.asList(bounds))
                        .setShareBelowHundredth(s.shareBelowHundredth());
        if (s.selection() != null) {
            out.setThreshold(s.selection().threshold()).setKeptCount(s.selection().keptCount());
        }
        return out.build();
    }

    @Override
    @Blocking
    public void loadPolicy(LoadPolicyRequest request, StreamObserver<LoadPolicyResponse> out) {
        ErrorMapping.answer(out, () -> load(request));
    }

    private synchronized LoadPolicyResponse load(LoadPolicyRequest request) {
        PolicySnapshot wanted = request.getPolicy();
        LoadPolicyResponse.Builder answer =
                LoadPolicyResponse.newBuilder().setPolicyVersion(wanted.getVersion());
        if (policies.holds(wanted)) {
            return answer.build();
        }
        long began = System.nanoTime();
        try {
            policies.load(wanted, snapshots.fetch(wanted), request.getPinned());
        } catch (IOException e) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "POLICY_INVALID",
                    "policy: " + wanted.getUri() + ": " + e.getMessage(),
                    e);
        }
        return answer.setLoadSeconds((System.nanoTime() - began) * 1e-9).build();
    }

    @Override
    @Blocking
    public void unloadPolicy(
            UnloadPolicyRequest request, StreamObserver<UnloadPolicyResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    policies.unload(request.getPolicyId(), request.getVersion());
                    return UnloadPolicyResponse.getDefaultInstance();
                });
    }

    @Override
    public void listPolicies(
            ListPoliciesRequest request, StreamObserver<ListPoliciesResponse> out) {
        ErrorMapping.answer(
                out,
                () -> {
                    ListPoliciesResponse.Builder answer =
                            ListPoliciesResponse.newBuilder()
                                    .setBudgetBytes(policies.budgetBytes());
                    for (LoadedPolicy p : policies.list()) {
                        answer.addPoliciesBuilder()
                                .setPolicy(p.snapshot())
                                .setWeightBytes(p.weightBytes())
                                .setPinned(p.pinned());
                    }
                    return answer.build();
                });
    }
}
