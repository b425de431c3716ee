package dev.forkpoint.triton.kserve;

import io.grpc.ChannelCredentials;
import io.grpc.ServerCredentials;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * PEM files of a TLS connection in which both sides show a certificate.
 *
 * @param certificates ours, leaf first; a client that shows none leaves it and the key null
 * @param key its private key, PKCS #8
 * @param trusted of the authorities the other side's certificate must come from
 */
public record Tls(@Nullable Path certificates, @Nullable Path key, Path trusted) {

    public Tls {
        if ((certificates == null) != (key == null)) {
            throw new IllegalArgumentException(
                    "certificates, key: one without the other (allowed: both or neither)");
        }
    }

    ChannelCredentials channel() throws IOException {
        TlsChannelCredentials.Builder builder =
                TlsChannelCredentials.newBuilder().trustManager(trusted.toFile());
        if (certificates != null && key != null) {
            builder.keyManager(certificates.toFile(), key.toFile());
        }
        return builder.build();
    }

    ServerCredentials server() throws IOException {
        if (certificates == null || key == null) {
            throw new IllegalArgumentException("certificates: none (needed: a server's)");
        }
        return TlsServerCredentials.newBuilder()
                .keyManager(certificates.toFile(), key.toFile())
                .trustManager(trusted.toFile())
                .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
                .build();
    }
}
