package dev.forkpoint.triton.kserve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonRuntime;
import dev.forkpoint.triton.TritonServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Both sides must show a certificate of the authority that the other trusts. Needs openssl. */
@Timeout(600)
class KserveTlsTest {

    @TempDir Path directory;

    @BeforeEach
    void needs() throws Exception {
        assumeThat(TritonRuntime.whyUnsupported()).as("Triton runs here").isNull();
        boolean openssl;
        try {
            openssl = new ProcessBuilder("openssl", "version").start().waitFor() == 0;
        } catch (IOException e) {
            openssl = false;
        }
        assumeThat(openssl).as("openssl").isTrue();
    }

    /** A certificate for localhost, its own authority, in NAME.crt and NAME.key. */
    private void certificate(String name) throws Exception {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "rsa:2048",
                                "-nodes",
                                "-days",
                                "2"));
        command.addAll(
                List.of("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"));
        command.addAll(List.of("-keyout", name + ".key", "-out", name + ".crt"));
        Process process =
                new ProcessBuilder(command)
                        .directory(directory.toFile())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
    }

    private Path file(String name) {
        return directory.resolve(name);
    }

    @Test
    void onlyAClientWithATrustedCertificateIsServed() throws Exception {
        certificate("server");
        certificate("client");
        certificate("stranger");
        KserveServer.Options usual = KserveServer.Options.local();
        Tls ours = new Tls(file("server.crt"), file("server.key"), file("client.crt"));
        try (TritonServer triton =
                        TritonServer.start(
                                new TritonServer.Options(
                                        directory.resolve("models"), TritonRuntime.load(), 0));
                KserveServer server =
                        KserveServer.start(
                                triton,
                                new KserveServer.Options(
                                        new InetSocketAddress("127.0.0.1", 0),
                                        ours,
                                        List.of(),
                                        usual.maxMessageBytes(),
                                        usual.maxStreamBytes(),
                                        usual.maxBufferedBytes()))) {
            assertThat(
                            live(
                                    server,
                                    new Tls(
                                            file("client.crt"),
                                            file("client.key"),
                                            file("server.crt"))))
                    .isTrue();
            for (Tls refused :
                    List.of(
                            new Tls(file("stranger.crt"), file("stranger.key"), file("server.crt")),
                            new Tls(null, null, file("server.crt")),
                            new Tls(
                                    file("client.crt"),
                                    file("client.key"),
                                    file("stranger.crt")))) {
                assertThatThrownBy(() -> live(server, refused))
                        .isInstanceOfSatisfying(
                                TritonException.class,
                                e -> assertThat(e.code()).isEqualTo(Code.UNAVAILABLE));
            }
            assertThatThrownBy(() -> live(server, null)).isInstanceOf(TritonException.class);
        }
    }

    private static boolean live(KserveServer server, @org.jspecify.annotations.Nullable Tls tls) {
        try (KserveClient client =
                new KserveClient("localhost:" + server.port(), tls, Duration.ofSeconds(60))) {
            return client.live();
        }
    }
}
