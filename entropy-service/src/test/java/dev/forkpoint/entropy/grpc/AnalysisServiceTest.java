package dev.forkpoint.entropy.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.forkpoint.proto.entropy.v1.AnalysisServiceGrpc;
import dev.forkpoint.proto.entropy.v1.AnalysisSettings;
import dev.forkpoint.proto.entropy.v1.AnalyzeRequest;
import dev.forkpoint.proto.entropy.v1.AnalyzeResponse;
import dev.forkpoint.proto.entropy.v1.AnalyzedResponse;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import java.net.URL;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Analyses over a real socket. */
@QuarkusTest
@QuarkusTestResource(EntropyServiceTest.Policies.class)
@SuppressWarnings("NullAway.Init")
class AnalysisServiceTest {

    @TestHTTPResource("/")
    URL url;

    private ManagedChannel channel;

    @BeforeEach
    void connect() {
        channel = NettyChannelBuilder.forAddress("127.0.0.1", url.getPort()).usePlaintext().build();
    }

    @AfterEach
    void disconnect() {
        channel.shutdownNow();
    }

    private AnalyzeResponse analyze(List<AnalyzeRequest> parts) throws Exception {
        CompletableFuture<AnalyzeResponse> answer = new CompletableFuture<>();
        StreamObserver<AnalyzeRequest> call =
                AnalysisServiceGrpc.newStub(channel)
                        .analyze(
                                new StreamObserver<>() {
                                    @Override
                                    public void onNext(AnalyzeResponse value) {
                                        answer.complete(value);
                                    }

                                    @Override
                                    public void onError(Throwable t) {
                                        answer.completeExceptionally(t);
                                    }

                                    @Override
                                    public void onCompleted() {}
                                });
        parts.forEach(call::onNext);
        call.onCompleted();
        return answer.get(60, TimeUnit.SECONDS);
    }

    private static AnalyzeRequest.Builder part(int id, float... entropies) {
        AnalyzedResponse.Builder response = AnalyzedResponse.newBuilder();
        for (float h : entropies) {
            response.addTokenIds(id).addEntropies(h);
        }
        return AnalyzeRequest.newBuilder().addResponses(response);
    }

    @Test
    void partsOfAStreamAreOneAnalysis() throws Exception {
        AnalyzeResponse r =
                analyze(
                        List.of(
                                part(4, 0, 0.001f, 3)
                                        .setSettings(
                                                AnalysisSettings.newBuilder()
                                                        .setKeepFraction(0.25)
                                                        .setMinimumCount(1)
                                                        .setTableSize(1))
                                        .build(),
                                part(5, 1).build()));
        assertThat(r.getTokens()).isEqualTo(4);
        assertThat(r.getResponses()).isEqualTo(2);
        assertThat(r.getShareBelowHundredth()).isEqualTo(0.5);
        assertThat(r.getThreshold()).isEqualTo(3);
        assertThat(r.getTopEntropyShare()).isBetween(0.7, 0.75);
        assertThat(r.getHighest(0).getTokenId()).isEqualTo(4);
        assertThat(r.getLowestCount()).isEqualTo(1);
        assertThat(r.hasBase()).isFalse();
        assertThat(r.hasGradient()).isFalse();
    }

    @Test
    void badInputIsNamed() {
        assertThatThrownBy(() -> analyze(List.of())).hasMessageContaining("no token");
        assertThatThrownBy(
                        () ->
                                analyze(
                                        List.of(
                                                part(1, 1)
                                                        .setSettings(
                                                                AnalysisSettings.newBuilder()
                                                                        .setKeepFraction(2))
                                                        .build())))
                .hasMessageContaining("keep_fraction: 2.0");
        assertThatThrownBy(() -> analyze(List.of(part(1, Float.NaN).build())))
                .hasMessageContaining("entropies[0]: NaN");
    }
}
