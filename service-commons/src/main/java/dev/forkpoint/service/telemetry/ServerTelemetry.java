package dev.forkpoint.service.telemetry;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.quarkus.grpc.GlobalInterceptor;
import io.smallrye.common.vertx.VertxContext;
import jakarta.enterprise.context.ApplicationScoped;
import org.jboss.logging.Logger;
import org.jboss.logging.MDC;
import org.jspecify.annotations.Nullable;

/** Puts the caller's run and step into the log lines of a call, and makes a span of it. */
@ApplicationScoped
@GlobalInterceptor
public class ServerTelemetry implements ServerInterceptor {

    private static final Logger LOG = Logger.getLogger(ServerTelemetry.class);
    private static final int LONGEST = 128;

    private static final TextMapGetter<Metadata> GETTER =
            new TextMapGetter<>() {
                @Override
                public Iterable<String> keys(Metadata headers) {
                    return headers.keys();
                }

                @Override
                public @Nullable String get(@Nullable Metadata headers, String key) {
                    return headers == null ? null : headers.get(ClientTelemetry.key(key));
                }
            };

    private final Telemetry telemetry;

    ServerTelemetry(Telemetry telemetry) {
        this.telemetry = telemetry;
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        if (VertxContext.isOnDuplicatedContext()) { // the call's own, so nothing must be taken back
            put(StepTrace.RUN_ID, headers.get(ClientTelemetry.RUN_ID));
            put(StepTrace.STEP, headers.get(ClientTelemetry.STEP));
        }
        LOG.debugf("call=%s", call.getMethodDescriptor().getFullMethodName());
        if (!telemetry.enabled()) {
            return next.startCall(call, headers);
        }
        Span span =
                telemetry
                        .tracer()
                        .spanBuilder(call.getMethodDescriptor().getFullMethodName())
                        .setSpanKind(SpanKind.SERVER)
                        .setParent(telemetry.propagator().extract(Context.root(), headers, GETTER))
                        .startSpan();
        return next.startCall(
                new SimpleForwardingServerCall<>(call) {
                    @Override
                    public void close(Status status, Metadata trailers) {
                        ClientTelemetry.end(span, status);
                        super.close(status, trailers);
                    }
                },
                headers);
    }

    /** Of what a caller sends, only what is short and plain gets into the log. */
    private static void put(String key, @Nullable String value) {
        if (value != null && value.length() <= LONGEST && value.matches("[A-Za-z0-9._:/-]+")) {
            MDC.put(key, value);
        }
    }
}
