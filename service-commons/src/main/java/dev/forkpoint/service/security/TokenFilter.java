package dev.forkpoint.service.security;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Lets in who shows a token of {@code forkpoint.security.token-file}: every gRPC call and every
 * page alike, since both come over the one HTTP server; only health is told to everyone. A browser
 * may show the token as the password of any user name.
 */
@ApplicationScoped
public class TokenFilter {

    private static final int BEFORE_ALL_ROUTES = 1000;

    private final @Nullable TokenFile tokens;

    TokenFilter(@ConfigProperty(name = "forkpoint.security.token-file") Optional<Path> file) {
        tokens = file.map(f -> new TokenFile("forkpoint.security.token-file", f)).orElse(null);
    }

    void register(@Observes Filters filters) {
        if (tokens != null) {
            filters.register(this::check, BEFORE_ALL_ROUTES);
        }
    }

    private void check(RoutingContext context) {
        HttpServerRequest request = context.request();
        if (isOpen(context.normalizedPath()) || isKnown(request.getHeader("authorization"))) {
            context.next();
            return;
        }
        HttpServerResponse response = request.response();
        String type = request.getHeader("content-type");
        if (type != null && type.startsWith("application/grpc")) {
            response.putHeader("content-type", "application/grpc")
                    .putHeader("grpc-status", "16")
                    .putHeader(
                            "grpc-message",
                            "no token that this service knows; see forkpoint.peers.token-file")
                    .end();
        } else {
            response.setStatusCode(401)
                    .putHeader("www-authenticate", "Basic realm=\"forkpoint\"")
                    .end("no token that this service knows\n");
        }
    }

    private static boolean isOpen(String path) {
        return path.equals("/q/health")
                || path.startsWith("/q/health/")
                || path.startsWith("/grpc.health.v1.Health/");
    }

    private boolean isKnown(@Nullable String header) {
        TokenFile known = tokens;
        if (header == null || known == null) {
            return false;
        }
        if (header.regionMatches(true, 0, "Bearer ", 0, 7)) {
            return known.accepts(header.substring(7).strip());
        }
        if (header.regionMatches(true, 0, "Basic ", 0, 6)) {
            try {
                String pair =
                        new String(
                                Base64.getDecoder().decode(header.substring(6).strip()),
                                StandardCharsets.UTF_8);
                return known.accepts(pair.substring(pair.indexOf(':') + 1));
            } catch (IllegalArgumentException e) {
                return false;
            }
        }
        return false;
    }
}
