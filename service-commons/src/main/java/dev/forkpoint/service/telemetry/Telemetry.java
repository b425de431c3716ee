package dev.forkpoint.service.telemetry;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/**
 * Traces by OpenTelemetry's SDK, sent as OTLP over HTTP to {@code forkpoint.trace.endpoint};
 * without an endpoint nothing is recorded. Spans name runs, steps and calls, never texts or tokens.
 */
@ApplicationScoped
public class Telemetry {

    static final AttributeKey<String> RUN_ID = AttributeKey.stringKey("forkpoint.run_id");
    static final AttributeKey<Long> STEP = AttributeKey.longKey("forkpoint.step");

    private final @Nullable SdkTracerProvider provider;
    private final Tracer tracer;

    /**
     * @param endpoint base of the collector, such as {@code http://collector:4318}
     * @param service {@code service.name} of the spans
     */
    @Inject
    public Telemetry(
            @ConfigProperty(name = "forkpoint.trace.endpoint") Optional<String> endpoint,
            @ConfigProperty(name = "quarkus.application.name") String service) {
        provider = endpoint.map(at -> provider(at, service)).orElse(null);
        tracer =
                (provider == null ? OpenTelemetry.noop().getTracerProvider() : provider)
                        .get("dev.forkpoint");
    }

    /** Records nothing. */
    public static Telemetry none() {
        return new Telemetry(Optional.empty(), "none");
    }

    private static SdkTracerProvider provider(String endpoint, String service) {
        URI uri = URI.create(endpoint);
        if (uri.getHost() == null || !String.valueOf(uri.getScheme()).matches("https?")) {
            throw new IllegalArgumentException(
                    "forkpoint.trace.endpoint: "
                            + endpoint
                            + " (expected: http://host:port of an OTLP collector)");
        }
        OtlpHttpSpanExporter exporter =
                OtlpHttpSpanExporter.builder()
                        .setEndpoint(endpoint.replaceAll("/+$", "") + "/v1/traces")
                        .setTimeout(Duration.ofSeconds(5))
                        .build();
        return SdkTracerProvider.builder()
                .setResource(Resource.getDefault().toBuilder().put("service.name", service).build())
                .addSpanProcessor(
                        BatchSpanProcessor.builder(exporter)
                                .setScheduleDelay(Duration.ofSeconds(1))
                                .build())
                .build();
    }

    Tracer tracer() {
        return tracer;
    }

    TextMapPropagator propagator() {
        return W3CTraceContextPropagator.getInstance();
    }

    boolean enabled() {
        return provider != null;
    }

    /** Sends what is left. */
    @PreDestroy
    public void close() {
        if (provider != null) {
            var unused = provider.shutdown().join(5, TimeUnit.SECONDS);
        }
    }
}
