package dev.forkpoint.rollout.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.SamplingParameters;
import dev.forkpoint.policy.TinyModels;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import dev.forkpoint.triton.TritonRuntime;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import jakarta.inject.Inject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.junit.jupiter.api.Test;

/** The service as Quarkus starts it, on Triton: class loading, metrics, the KServe v2 endpoint. */
@QuarkusTest
@TestProfile(TritonServiceTest.OnTriton.class)
class TritonServiceTest {

    public static class OnTriton implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of("forkpoint.rollout.kserve.port", "0", "quarkus.http.test-port", "0");
        }
    }

    @Inject RolloutEngine engine;
    @Inject TritonEndpoint endpoint;

    @Inject
    @ConfigProperty(name = "test.url")
    URI url;

    @Test
    void servesByTritonWhereNoEngineIsNamed() throws Exception {
        assumeThat(TritonRuntime.whyUnsupported()).as("Triton runs here").isNull();
        assertThat(engine.name()).isEqualTo("triton");
        Path policy =
                TinyModels.write(
                        Files.createTempDirectory("policy").resolve("tiny"), 1, "a", "b", "c");
        engine.load(
                PolicySnapshot.newBuilder().setPolicyId("p").setVersion(1).build(),
                PolicyFiles.of(policy));
        GenerationRequest request =
                new GenerationRequest(
                        new int[] {3}, 1, SamplingParameters.defaults(7).ignoringEos());
        assertThat(Waiting.all(engine, List.of(request), false).get(0).tokenIds()).hasSize(7);
        try (RemoteEngine remote =
                new RemoteEngine(
                        List.of("127.0.0.1:" + endpoint.kservePort().orElseThrow()),
                        null,
                        100,
                        stats -> {})) {
            remote.load(
                    PolicySnapshot.newBuilder().setPolicyId("p").setVersion(1).build(),
                    PolicyFiles.of(policy));
            assertThat(Waiting.all(remote, List.of(request), false).get(0).tokenIds())
                    .isEqualTo(Waiting.all(engine, List.of(request), false).get(0).tokenIds());
        }
        HttpResponse<String> metrics =
                HttpClient.newHttpClient()
                        .send(
                                HttpRequest.newBuilder(url.resolve("/q/metrics")).build(),
                                HttpResponse.BodyHandlers.ofString());
        assertThat(metrics.body())
                // a request counts when Triton has let go of it, which may be after its answer
                .containsPattern("forkpoint_rollout_engine_batch_size_count [1-4]\\.0")
                .contains("nv_inference_request_success{model=\"policy\"")
                .contains("forkpoint_rollout_policy_version 1.0");
    }
}
