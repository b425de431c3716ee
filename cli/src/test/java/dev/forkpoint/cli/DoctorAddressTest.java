package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What doctor says of addresses where no service of ours is. */
@Timeout(60)
class DoctorAddressTest {

    private static String doctor(int port) {
        Cli.Result result = Cli.run("doctor", "--address", "reward=127.0.0.1:" + port);
        assertThat(result.code()).as(result.out() + result.err()).isEqualTo(1);
        assertThat(result.out()).startsWith("problem").contains("reward", "127.0.0.1:" + port);
        assertThat(result.out()).as("words, no class names").doesNotContain("java.", "Exception");
        return result.out();
    }

    private static ServerSocket listen() throws Exception {
        return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }

    @Test
    void nothingListens() throws Exception {
        int free;
        try (ServerSocket socket = listen()) {
            free = socket.getLocalPort();
        }
        assertThat(doctor(free)).contains("nothing listens there");
    }

    @Test
    void anotherProtocolAnswers() throws Exception {
        try (ServerSocket other = listen()) {
            Thread server =
                    new Thread(
                            () -> {
                                try (Socket socket = other.accept()) {
                                    socket.getOutputStream()
                                            .write(
                                                    "SSH-2.0-OpenSSH_9.2\r\n"
                                                            .getBytes(StandardCharsets.US_ASCII));
                                    var unused = socket.getInputStream().read(new byte[1000]);
                                } catch (java.io.IOException e) {
                                    throw new java.io.UncheckedIOException(e);
                                }
                            });
            server.start();
            assertThat(doctor(other.getLocalPort())).contains("speaks no HTTP", "SSH-2.0");
            server.join();
        }
    }

    @Test
    void aWebServerIsNoService() throws Exception {
        assertThat(doctor(web("<p>hello"))).contains("HTTP 200 without a health status");
    }

    @Test
    void healthWithoutGrpcIsNoService() throws Exception {
        assertThat(doctor(web("{\"status\": \"UP\", \"checks\": []}"))).contains("no gRPC");
    }

    /** Answers every page with the text; ends with the process. */
    private static int web(String text) throws Exception {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/",
                exchange -> {
                    byte[] body = text.getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(200, body.length);
                    exchange.getResponseBody().write(body);
                    exchange.close();
                });
        server.start();
        return server.getAddress().getPort();
    }
}
