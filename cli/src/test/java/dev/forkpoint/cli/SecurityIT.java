package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.cli.local.Service;
import dev.forkpoint.load.ServiceConnection;
import dev.forkpoint.proto.reward.v1.ListTasksRequest;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** TLS, tokens and settings that are refused, with a packaged service over real sockets. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class SecurityIT {

    private static final String TOKEN = "a-token-of-this-test-only";

    @TempDir Path folder;

    @AfterEach
    void forget() {
        System.clearProperty("forkpoint.peers.trust");
        System.clearProperty("forkpoint.peers.token-file");
    }

    private static Status.Code ask(ManagedChannel channel) {
        try {
            var unused =
                    RewardServiceGrpc.newBlockingStub(channel)
                            .withDeadlineAfter(20, TimeUnit.SECONDS)
                            .listTasks(ListTasksRequest.getDefaultInstance());
            return Status.Code.OK;
        } catch (StatusRuntimeException e) {
            return e.getStatus().getCode();
        } finally {
            channel.shutdownNow();
        }
    }

    private static int page(ServiceConnection connection, String address, String path)
            throws Exception {
        return connection
                .http()
                .send(connection.get(address, path), HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }

    @ParameterizedTest
    @CsvSource({
        "quarkus.http.host,0.0.0.0,forkpoint.insecure=true",
        "forkpoint.rolout.engine,direct,forkpoint.rolout.engine: no such key (nearest:",
        "forkpoint.reward.queue-capcity,5,forkpoint.reward.queue-capcity",
        "forkpoint.security.token-file,/no/such/file,forkpoint.security.token-file: cannot read"
    })
    void refusesToStartWithWhatCannotBeMeant(String key, String value, String said)
            throws Exception {
        try (RealService service =
                RealService.start(folder, "reward", Service.REWARD, Map.of(key, value))) {
            assertThat(service.exitCode()).as(service.log()).isNotZero();
            assertThat(service.log()).contains(said);
        }
    }

    @Test
    void withTlsAndTokensOnlyWhoShowsOneIsServed() throws Exception {
        Certificates certificates = Certificates.in(folder);
        Path token = Files.writeString(folder.resolve("token"), TOKEN + "\n");
        Path wrong = Files.writeString(folder.resolve("wrong"), "another-token-altogether\n");
        try (RealService service =
                RealService.start(
                        folder,
                        "reward",
                        Service.REWARD,
                        Map.of(
                                "quarkus.profile", "tls",
                                "quarkus.http.host", "0.0.0.0",
                                "quarkus.tls.server.key-store.pem.0.cert",
                                        certificates.certificate().toString(),
                                "quarkus.tls.server.key-store.pem.0.key",
                                        certificates.key().toString(),
                                "forkpoint.security.token-file", token.toString(),
                                "forkpoint.peers.trust", certificates.certificate().toString(),
                                "forkpoint.peers.token-file", token.toString()))) {
            String port = service.address().substring(service.address().lastIndexOf(':'));
            String address = "localhost" + port;
            System.setProperty("forkpoint.peers.trust", certificates.certificate().toString());

            ServiceConnection nothing = ServiceConnection.configured();
            assertThat(ask(nothing.channel(address).build()))
                    .isEqualTo(Status.Code.UNAUTHENTICATED);
            assertThat(page(nothing, address, "/q/metrics")).isEqualTo(401);
            assertThat(page(nothing, address, "/q/health/ready")).isEqualTo(200);

            System.setProperty("forkpoint.peers.token-file", wrong.toString());
            assertThat(ask(ServiceConnection.configured().channel(address).build()))
                    .isEqualTo(Status.Code.UNAUTHENTICATED);

            System.setProperty("forkpoint.peers.token-file", token.toString());
            ServiceConnection right = ServiceConnection.configured();
            assertThat(ask(right.channel(address).build())).isEqualTo(Status.Code.OK);
            assertThat(page(right, address, "/q/metrics")).isEqualTo(200);
            HttpClient browser = nothing.http();
            HttpRequest request =
                    HttpRequest.newBuilder(nothing.get(address, "/q/metrics").uri())
                            .header(
                                    "authorization",
                                    "Basic "
                                            + Base64.getEncoder()
                                                    .encodeToString(("me:" + TOKEN).getBytes()))
                            .build();
            assertThat(browser.send(request, HttpResponse.BodyHandlers.discarding()).statusCode())
                    .isEqualTo(200);

            Cli.Result doctor = Cli.run("doctor", "--address", "reward=" + address);
            assertThat(doctor.code()).as(doctor.out() + doctor.err()).isZero();
            Cli.Result mistaken = Cli.run("doctor", "--address", "learner=" + address);
            assertThat(mistaken.code()).isEqualTo(1);
            assertThat(mistaken.out()).contains("does not serve forkpoint.learner.v1");

            assertThat(ask(ManagedChannelBuilder.forTarget(address).usePlaintext().build()))
                    .as("plain text")
                    .isEqualTo(Status.Code.UNAVAILABLE);
        }
    }

    @Test
    void peersThatAreNoneEndCommandsWithAClearError() throws Exception {
        Path input =
                Files.writeString(
                        folder.resolve("in.jsonl"),
                        "{\"verifier\": \"math\", \"gold\": \"1\", \"prediction\": \"1\"}\n");
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            String address = "reward=127.0.0.1:" + silent.getLocalPort();
            Cli.Result doctor = Cli.run("doctor", "--address", address);
            assertThat(doctor.code()).isEqualTo(1);
            assertThat(doctor.out()).contains("no answer in time");
            Cli.Result verify =
                    Cli.run(
                            "verify",
                            "--verifier",
                            "math",
                            "--address",
                            address,
                            "--input",
                            input.toString());
            assertThat(verify.code()).as(verify.err()).isNotZero();
            assertThat(verify.err()).contains("did not answer in time").doesNotContain("\tat ");
        }
        int free;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            free = socket.getLocalPort();
        }
        Cli.Result nobody =
                Cli.run(
                        "verify",
                        "--verifier",
                        "math",
                        "--address",
                        "reward=127.0.0.1:" + free,
                        "--input",
                        input.toString());
        assertThat(nobody.code()).as(nobody.err()).isNotZero();
        assertThat(nobody.err()).contains("127.0.0.1").doesNotContain("\tat ");
    }
}
