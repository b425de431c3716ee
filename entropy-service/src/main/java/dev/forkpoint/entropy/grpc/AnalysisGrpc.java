package dev.forkpoint.entropy.grpc;

import com.google.common.primitives.Doubles;
import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import com.google.common.primitives.Longs;
import com.google.rpc.Code;
import dev.forkpoint.entropy.analysis.EntropyAnalysis;
import dev.forkpoint.entropy.summary.EntropySummary;
import dev.forkpoint.policy.PolicyFormatException;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import dev.forkpoint.proto.entropy.v1.AnalysisServiceGrpc;
import dev.forkpoint.proto.entropy.v1.AnalysisSettings;
import dev.forkpoint.proto.entropy.v1.AnalyzeRequest;
import dev.forkpoint.proto.entropy.v1.AnalyzeResponse;
import dev.forkpoint.proto.entropy.v1.AnalyzedResponse;
import dev.forkpoint.proto.entropy.v1.BaseComparison;
import dev.forkpoint.proto.entropy.v1.GradientComparison;
import dev.forkpoint.proto.entropy.v1.TokenEntropy;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.store.SnapshotSource;
import dev.forkpoint.service.stream.StrictBinding;
import io.grpc.BindableService;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.StreamObserver;
import io.quarkus.grpc.GrpcService;
import io.smallrye.common.annotation.Blocking;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** AnalysisService over {@link EntropyAnalysis}. */
@GrpcService
public class AnalysisGrpc implements AnalysisServiceGrpc.AsyncService, BindableService {

    private static final int MOST_ROWS = 10_000;

    private final SnapshotSource snapshots;

    AnalysisGrpc(SnapshotSource snapshots) {
        this.snapshots = snapshots;
    }

    @Override
    public ServerServiceDefinition bindService() {
        return StrictBinding.of(AnalysisServiceGrpc.bindService(this));
    }

    @Override
    @Blocking
    public StreamObserver<AnalyzeRequest> analyze(StreamObserver<AnalyzeResponse> out) {
        return new StreamObserver<>() {
            private @Nullable EntropyAnalysis analysis;
            private AnalysisSettings settings = AnalysisSettings.getDefaultInstance();
            private boolean failed;

            @Override
            public void onNext(AnalyzeRequest part) {
                if (failed) {
                    return;
                }
                try {
                    take(part);
                } catch (RuntimeException e) {
                    failed = true;
                    analysis = null;
                    out.onError(ErrorMapping.toServiceException(e).toGrpc());
                }
            }

            private void take(AnalyzeRequest part) {
                EntropyAnalysis current = analysis;
                if (current == null) {
                    settings = part.getSettings();
                    current = begin(settings);
                    analysis = current;
                }
                for (AnalyzedResponse r : part.getResponsesList()) {
                    current.add(tokens(r));
                }
            }

            @Override
            public void onError(Throwable t) {
                analysis = null;
            }

            @Override
            public void onCompleted() {
                if (!failed) {
                    EntropyAnalysis last = analysis;
                    ErrorMapping.answer(
                            out,
                            () ->
                                    answer(
                                            (last == null ? begin(settings) : last).report(),
                                            settings));
                }
            }
        };
    }

    private static EntropyAnalysis begin(AnalysisSettings s) {
        if (s.getTableSize() < 0 || s.getTableSize() > MOST_ROWS) {
            throw ServiceException.invalidField(
                    "settings.table_size",
                    Integer.toUnsignedString(s.getTableSize()),
                    "1 to " + MOST_ROWS + ", or 0");
        }
        if (!(keepFraction(s) > 0 && keepFraction(s) <= 1)) {
            throw ServiceException.invalidField(
                    "settings.keep_fraction", keepFraction(s), "above 0, at most 1");
        }
        return new EntropyAnalysis(
                keepFraction(s),
                s.getMinimumCount() == 0 ? 100 : Integer.toUnsignedLong(s.getMinimumCount()));
    }

    private static double keepFraction(AnalysisSettings s) {
        return s.hasKeepFraction() ? s.getKeepFraction() : 0.2;
    }

    private static EntropyAnalysis.Tokens tokens(AnalyzedResponse r) {
        return new EntropyAnalysis.Tokens(
                Ints.toArray(r.getTokenIdsList()),
                Floats.toArray(r.getEntropiesList()),
                optional(r.getBaseEntropiesList()),
                optional(r.getLogProbsList()),
                optional(r.getCollisionProbabilitiesList()));
    }

    private static float @Nullable [] optional(List<Float> values) {
        return values.isEmpty() ? null : Floats.toArray(values);
    }

    private AnalyzeResponse answer(EntropyAnalysis.Report r, AnalysisSettings settings) {
        AnalyzeResponse.Builder out =
                AnalyzeResponse.newBuilder()
                        .setTokens(r.tokens())
                        .setResponses(r.responses())
                        .setExact(r.exact())
                        .setMean(r.mean())
                        .setShareBelowHundredth(r.shareBelowHundredth())
                        .addAllPercentiles(Doubles.asList(EntropySummary.defaultPercentiles()))
                        .addAllPercentileValues(Doubles.asList(r.percentileValues()))
                        .addAllHistogramBounds(Doubles.asList(EntropySummary.defaultBounds()))
                        .addAllHistogramCounts(Longs.asList(r.histogramCounts()))
                        .setKeepFraction(keepFraction(settings))
                        .setThreshold(r.threshold())
                        .setTopEntropyShare(r.topShare());
        table(out, r.table(), settings);
        EntropyAnalysis.Base base = r.base();
        if (base != null) {
            BaseComparison.Builder b =
                    out.getBaseBuilder()
                            .setTopOverlap(base.overlap())
                            .setBaseThreshold(base.threshold());
            for (EntropyAnalysis.Change c : base.changes()) {
                b.addChangesBuilder()
                        .setFromPercentile(c.fromPercentile())
                        .setCount(c.count())
                        .setBaseMean(c.baseMean())
                        .setChange(c.change());
            }
        }
        EntropyAnalysis.Gradient g = r.gradient();
        if (g != null) {
            out.setGradient(
                    GradientComparison.newBuilder()
                            .setCorrelation(g.correlation())
                            .setTopGradientShare(g.topShare())
                            .setTopOverlap(g.overlap())
                            .setSurprisalCorrelation(g.surprisalCorrelation()));
        }
        return out.build();
    }

    /** Both ends of the table; they meet but do not cross where it is short. */
    private void table(
            AnalyzeResponse.Builder out,
            List<EntropyAnalysis.TokenMean> rows,
            AnalysisSettings settings) {
        int size =
                Math.min(settings.getTableSize() == 0 ? 100 : settings.getTableSize(), rows.size());
        List<EntropyAnalysis.TokenMean> highest =
                new ArrayList<>(rows.subList(rows.size() - size, rows.size()));
        java.util.Collections.reverse(highest);
        List<EntropyAnalysis.TokenMean> lowest = rows.subList(0, size);
        if (!settings.hasTokenizer()) {
            highest.forEach(r -> out.addHighest(row(r, null)));
            lowest.forEach(r -> out.addLowest(row(r, null)));
            return;
        }
        try (Tokenizer tokenizer =
                Tokenizer.load(
                        snapshots.fetch(
                                "settings.tokenizer",
                                settings.getTokenizer().getUri(),
                                settings.getTokenizer().getManifestSha256()))) {
            highest.forEach(r -> out.addHighest(row(r, tokenizer)));
            lowest.forEach(r -> out.addLowest(row(r, tokenizer)));
        } catch (PolicyFormatException e) {
            throw new ServiceException(
                    Code.FAILED_PRECONDITION,
                    "POLICY_INVALID",
                    "settings.tokenizer: " + e.getMessage(),
                    e);
        }
    }

    private static TokenEntropy row(EntropyAnalysis.TokenMean r, @Nullable Tokenizer tokenizer) {
        TokenEntropy.Builder row =
                TokenEntropy.newBuilder()
                        .setTokenId(r.token())
                        .setCount(r.count())
                        .setMean(r.mean());
        if (tokenizer != null && r.token() < tokenizer.vocabularySize()) {
            row.setText(tokenizer.decode(new int[] {r.token()}, false));
        }
        return row.build();
    }
}
