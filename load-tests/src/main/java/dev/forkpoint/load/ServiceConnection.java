package dev.forkpoint.load;

import io.grpc.Metadata;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * How clients reach services: in plain text, or with TLS and a token where the keys {@code
 * forkpoint.peers.trust} and {@code forkpoint.peers.token-file} (system properties, or {@code
 * FORKPOINT_PEERS_TRUST} and {@code FORKPOINT_PEERS_TOKEN_FILE}) say so.
 */
public final class ServiceConnection {

    private static final Duration LIMIT = Duration.ofSeconds(5);

    private final @Nullable Path trust;
    private final @Nullable String token;

    private ServiceConnection(@Nullable Path trust, @Nullable String token) {
        this.trust = trust;
        this.token = token;
    }

    /** In plain text, as to services on this machine. */
    public static ServiceConnection plain() {
        return new ServiceConnection(null, null);
    }

    /**
     * As the keys say.
     *
     * @throws IllegalArgumentException if a file that they name cannot be used
     */
    public static ServiceConnection configured() {
        String trust = setting("forkpoint.peers.trust");
        String tokenFile = setting("forkpoint.peers.token-file");
        if (trust == null && tokenFile != null) {
            throw new IllegalArgumentException(
                    "forkpoint.peers.token-file: a token in plain text would be anybody's"
                            + " (expected: forkpoint.peers.trust as well)");
        }
        String token = null;
        if (tokenFile != null) {
            try (var lines = Files.lines(Path.of(tokenFile))) {
                token = lines.map(String::strip).filter(l -> !l.isEmpty()).findFirst().orElse(null);
            } catch (IOException e) {
                throw unusable("forkpoint.peers.token-file", tokenFile, e);
            }
        }
        return new ServiceConnection(trust == null ? null : Path.of(trust), token);
    }

    private static @Nullable String setting(String key) {
        String value = System.getProperty(key);
        return value != null
                ? value
                : System.getenv(key.toUpperCase(Locale.ROOT).replaceAll("[.-]", "_"));
    }

    /** A channel to {@code host:port}, not built yet. */
    public NettyChannelBuilder channel(String address) {
        NettyChannelBuilder channel = NettyChannelBuilder.forTarget("dns:///" + address);
        Path authorities = trust;
        if (authorities == null) {
            return channel.usePlaintext();
        }
        try {
            channel.sslContext(
                    GrpcSslContexts.forClient().trustManager(authorities.toFile()).build());
        } catch (IOException | IllegalArgumentException e) {
            throw unusable("forkpoint.peers.trust", authorities, e);
        }
        if (token != null) {
            Metadata shown = new Metadata();
            shown.put(
                    Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER),
                    "Bearer " + token);
            channel.intercept(MetadataUtils.newAttachHeadersInterceptor(shown));
        }
        return channel;
    }

    /** For the pages of a service. */
    public HttpClient http() {
        HttpClient.Builder client =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(LIMIT);
        if (trust != null) {
            client.sslContext(sslContext(trust));
        }
        return client.build();
    }

    /** Asks for a page of the service at {@code host:port}. */
    public HttpRequest get(String address, String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(
                                URI.create(
                                        (trust == null ? "http://" : "https://") + address + path))
                        .timeout(LIMIT);
        if (token != null) {
            request.header("authorization", "Bearer " + token);
        }
        return request.build();
    }

    private static SSLContext sslContext(Path authorities) {
        try {
            JdkSslContext tls =
                    (JdkSslContext)
                            SslContextBuilder.forClient()
                                    .sslProvider(SslProvider.JDK)
                                    .trustManager(authorities.toFile())
                                    .build();
            return tls.context();
        } catch (IOException | IllegalArgumentException e) {
            throw unusable("forkpoint.peers.trust", authorities, e);
        }
    }

    private static IllegalArgumentException unusable(String key, Object file, Exception e) {
        return new IllegalArgumentException(key + ": " + file + " cannot be used: " + e, e);
    }
}
