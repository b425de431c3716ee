package dev.forkpoint.triton.kserve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.forkpoint.triton.FinishReason;
import dev.forkpoint.triton.Gathered;
import dev.forkpoint.triton.PolicySpec;
import dev.forkpoint.triton.RolloutHandle;
import dev.forkpoint.triton.RolloutRequest;
import dev.forkpoint.triton.RolloutRequest.Chunks;
import dev.forkpoint.triton.ToyEngine;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonPolicy;
import dev.forkpoint.triton.TritonRuntime;
import dev.forkpoint.triton.TritonServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Several servers behind one client: two Tritons of this process, each over a socket of its own.
 */
@Timeout(600)
@SuppressWarnings("NullAway")
class RemoteTritonTest {

    @TempDir Path directory;
    final List<TritonServer> tritons = new ArrayList<>();
    final List<KserveServer> servers = new ArrayList<>();
    RemoteTriton remote;

    @BeforeEach
    void start() throws IOException {
        assumeThat(TritonRuntime.whyUnsupported()).as("Triton runs here").isNull();
        for (int i = 0; i < 2; i++) {
            TritonServer triton =
                    TritonServer.start(
                            new TritonServer.Options(
                                    directory.resolve("models" + i), TritonRuntime.load(), 0));
            triton.register(TritonPolicy.ENGINE, ToyEngine::open);
            tritons.add(triton);
            new TritonPolicy(triton, "policy", TritonPolicy.ENGINE)
                    .load(new PolicySpec(1, policy("v1", 1)));
            servers.add(
                    KserveServer.start(
                            triton, KserveServer.Options.local().withPolicyRoots(directory)));
        }
        remote =
                new RemoteTriton(
                        servers.stream().map(s -> "127.0.0.1:" + s.port()).toList(),
                        null,
                        new RemoteTriton.Options(
                                "policy", 3, Duration.ofMillis(100), Duration.ofSeconds(60)));
    }

    @AfterEach
    void stop() {
        if (remote != null) {
            remote.close();
        }
        servers.forEach(KserveServer::close);
        tritons.forEach(TritonServer::close);
    }

    private Path policy(String name, long weights) {
        return ToyEngine.write(
                directory.resolve(name), "weights=" + weights + "\nstep_micros=500\n");
    }

    private static RolloutRequest request(int maxTokens, int... prompt) {
        return new RolloutRequest(
                "r",
                prompt,
                42,
                RolloutRequest.Sampling.PLAIN,
                maxTokens,
                new int[0],
                true,
                new Chunks(4, 0),
                0,
                0);
    }

    private static List<Integer> expected(long weights, RolloutRequest request, int n) {
        return IntStream.range(0, n)
                .map(i -> ToyEngine.token(weights, request, i))
                .boxed()
                .toList();
    }

    private Gathered generate(RolloutRequest request) {
        Gathered got = new Gathered();
        remote.generate(request, got);
        return got;
    }

    @Test
    void spreadsRolloutsOverTheServers() {
        List<Gathered> all = new ArrayList<>();
        List<RolloutRequest> requests = new ArrayList<>();
        List<RolloutHandle> handles = new ArrayList<>();
        for (int i = 0; i < 32; i++) {
            requests.add(request(90_000, i));
            all.add(new Gathered());
            handles.add(remote.generate(requests.get(i), all.get(i)));
        }
        Awaitility.await().until(() -> tritons.stream().allMatch(t -> t.running() == 16));
        all.forEach(got -> got.awaitTokens(20));
        handles.forEach(RolloutHandle::cancel);
        for (int i = 0; i < 32; i++) {
            Gathered got = all.get(i).await();
            assertThat(got.ids).isEqualTo(expected(1, requests.get(i), got.size()));
        }
        assertThat(remote.running()).isZero();
    }

    @Test
    void aServerKilledMidStreamCostsNoTokenAndRepeatsNone() {
        List<Gathered> all = new ArrayList<>();
        List<RolloutRequest> requests = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            requests.add(request(300, i));
            all.add(generate(requests.get(i)));
        }
        all.forEach(got -> got.awaitTokens(10));
        servers.get(0).close();
        for (int i = 0; i < 16; i++) {
            Gathered got = all.get(i).await();
            assertThat(got.error).isNull();
            assertThat(got.ids).isEqualTo(expected(1, requests.get(i), 300));
        }
        assertThat(remote.states()).anyMatch(s -> s.contains(": ready"));
    }

    @Test
    void aModelUnloadedUnderItsStreamsIsAskedElsewhere() {
        tritons.get(0).unload("policy");
        for (int i = 0; i < 8; i++) {
            RolloutRequest request = request(10, i);
            assertThat(generate(request).await().ids).isEqualTo(expected(1, request, 10));
        }
    }

    @Test
    void failsWithATypedErrorWhenNoServerIsLeft() {
        servers.forEach(KserveServer::close);
        Gathered got = generate(request(10, 1)).await();
        assertThat(got.error.code()).isEqualTo(Code.UNAVAILABLE);
    }

    @Test
    void loadsAPolicyOnEveryServerAndGoesBackWhenOneRefuses() {
        remote.load(new PolicySpec(2, policy("v2", 2)));
        for (int i = 0; i < 4; i++) {
            RolloutRequest request = request(10, i);
            Gathered got = generate(request).await();
            assertThat(got.ids).isEqualTo(expected(2, request, 10));
            assertThat(got.versions).containsOnly(2L);
        }
        Path corrupt = ToyEngine.write(directory.resolve("corrupt"), "weights=none\n");
        assertThatThrownBy(() -> remote.load(new PolicySpec(3, corrupt)))
                .isInstanceOf(TritonException.class)
                .hasMessageContaining("none");
        assertThat(remote.serving().version()).isEqualTo(2);
        assertThat(remote.reportsEntropy()).isTrue();
        assertThat(remote.deterministic()).isTrue();
        RolloutRequest request = request(10, 1);
        assertThat(generate(request).await().ids).isEqualTo(expected(2, request, 10));
    }

    @Test
    void aServerThatComesLateLoadsTheWantedVersionBeforeItTakesPart() throws IOException {
        int port = servers.get(0).port();
        servers.get(0).close();
        remote.load(new PolicySpec(2, policy("v2", 2)));
        servers.set(
                0,
                KserveServer.start(
                        tritons.get(0),
                        new KserveServer.Options(
                                new java.net.InetSocketAddress("127.0.0.1", port),
                                null,
                                List.of(directory),
                                1 << 20,
                                1 << 20,
                                1 << 20)));
        Awaitility.await()
                .until(() -> remote.states().stream().allMatch(s -> s.contains(": ready")));
        for (int i = 0; i < 8; i++) {
            assertThat(generate(request(10, i)).await().versions).containsOnly(2L);
        }
    }

    @Test
    void theServersAskedShareTheRequestsTimeout() throws InterruptedException {
        long asked = System.nanoTime();
        Gathered got = generate(request(90_000, 1).withTimeoutMicros(2_000_000));
        got.awaitTokens(3);
        Thread.sleep(1_200);
        int asks = tritons.get(0).running() == 1 ? 0 : 1;
        servers.get(asks).close();
        assertThat(got.await().error.code()).isEqualTo(Code.DEADLINE_EXCEEDED);
        assertThat(Duration.ofNanos(System.nanoTime() - asked))
                .isBetween(Duration.ofMillis(1_900), Duration.ofMillis(3_100));
    }

    @Test
    void cancelEndsARollout() {
        Gathered got = new Gathered();
        RolloutHandle handle = remote.generate(request(90_000, 1), got);
        got.awaitTokens(3);
        handle.cancel();
        assertThat(got.await().reason).isEqualTo(FinishReason.CANCELLED);
        Awaitility.await().untilAsserted(() -> assertThat(ToyEngine.SLOTS).hasValue(0));
    }
}
