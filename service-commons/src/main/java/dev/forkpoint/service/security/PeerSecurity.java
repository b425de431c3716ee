package dev.forkpoint.service.security;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/** How this service calls its peers: whom it trusts, and what token it shows. */
@ApplicationScoped
public class PeerSecurity {

    private static final String TRUST = "forkpoint.peers.trust";
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final @Nullable Path trust;
    private final @Nullable TokenFile tokens;

    /**
     * @param trust PEM certificates of the authorities of the peers; absent: plain text
     * @param tokenFile token to show; needs {@code trust}, since a token in plain text is none
     */
    @Inject
    public PeerSecurity(
            @ConfigProperty(name = "forkpoint.peers.trust") Optional<Path> trust,
            @ConfigProperty(name = "forkpoint.peers.token-file") Optional<Path> tokenFile) {
        if (tokenFile.isPresent() && trust.isEmpty()) {
            throw new IllegalArgumentException(
                    "forkpoint.peers.token-file: a token in plain text would be anybody's"
                            + " (expected: forkpoint.peers.trust as well)");
        }
        this.trust = trust.orElse(null);
        tokens = tokenFile.map(f -> new TokenFile("forkpoint.peers.token-file", f)).orElse(null);
    }

    /** Plain text, no token. */
    public static PeerSecurity none() {
        return new PeerSecurity(Optional.empty(), Optional.empty());
    }

    /**
     * Makes a channel's connections as configured.
     *
     * @param host name that the certificate must carry
     */
    public NettyChannelBuilder secure(NettyChannelBuilder channel, String host) {
        Path authorities = trust;
        if (authorities == null) {
            return channel.usePlaintext();
        }
        try {
            channel.sslContext(
                            GrpcSslContexts.forClient().trustManager(authorities.toFile()).build())
                    .overrideAuthority(host);
        } catch (IOException | IllegalArgumentException e) {
            throw unreadable(authorities, e);
        }
        return tokens == null ? channel : channel.intercept(new ShowToken(tokens));
    }

    private static final class ShowToken implements ClientInterceptor {
        private final TokenFile tokens;

        ShowToken(TokenFile tokens) {
            this.tokens = tokens;
        }

        @Override
        public <Q, A> ClientCall<Q, A> interceptCall(
                MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
                @Override
                public void start(Listener<A> listener, Metadata headers) {
                    headers.put(AUTHORIZATION, "Bearer " + tokens.current());
                    super.start(listener, headers);
                }
            };
        }
    }

    /** Value of the header {@code authorization}; absent: no token is shown. */
    public Optional<String> authorization() {
        return tokens == null ? Optional.empty() : Optional.of("Bearer " + tokens.current());
    }

    /** For HTTP clients that call peers; absent: the platform's own. */
    public Optional<SSLContext> sslContext() {
        Path authorities = trust;
        if (authorities == null) {
            return Optional.empty();
        }
        try {
            JdkSslContext tls =
                    (JdkSslContext)
                            SslContextBuilder.forClient()
                                    .sslProvider(SslProvider.JDK)
                                    .trustManager(authorities.toFile())
                                    .build();
            return Optional.of(tls.context());
        } catch (IOException | IllegalArgumentException e) {
            throw unreadable(authorities, e);
        }
    }

    private static IllegalArgumentException unreadable(Path file, Exception e) {
        return new IllegalArgumentException(
                TRUST + ": " + file + " (expected: certificates in PEM form): " + e, e);
    }
}
