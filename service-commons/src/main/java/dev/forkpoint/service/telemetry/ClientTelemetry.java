package dev.forkpoint.service.telemetry;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import org.jboss.logging.MDC;
import org.jspecify.annotations.Nullable;

/** Passes run, step and trace of the calling thread on, and makes a span of each call. */
public final class ClientTelemetry implements ClientInterceptor {

    static final Metadata.Key<String> RUN_ID =
            Metadata.Key.of("forkpoint-run-id", Metadata.ASCII_STRING_MARSHALLER);
    static final Metadata.Key<String> STEP =
            Metadata.Key.of("forkpoint-step", Metadata.ASCII_STRING_MARSHALLER);

    private final Telemetry telemetry;

    public ClientTelemetry(Telemetry telemetry) {
        this.telemetry = telemetry;
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
            MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
            @Override
            public void start(Listener<A> listener, Metadata headers) {
                put(headers, RUN_ID, MDC.get(StepTrace.RUN_ID));
                put(headers, STEP, MDC.get(StepTrace.STEP));
                if (!telemetry.enabled()) {
                    super.start(listener, headers);
                    return;
                }
                Span span =
                        telemetry
                                .tracer()
                                .spanBuilder(method.getFullMethodName())
                                .setSpanKind(SpanKind.CLIENT)
                                .startSpan();
                telemetry
                        .propagator()
                        .inject(
                                span.storeInContext(Context.current()),
                                headers,
                                (to, key, value) -> to.put(key(key), value));
                super.start(
                        new SimpleForwardingClientCallListener<>(listener) {
                            @Override
                            public void onClose(Status status, Metadata trailers) {
                                end(span, status);
                                super.onClose(status, trailers);
                            }
                        },
                        headers);
            }
        };
    }

    static void end(Span span, Status status) {
        span.setAttribute("rpc.grpc.status_code", status.getCode().value());
        if (!status.isOk()) {
            span.setStatus(StatusCode.ERROR, status.getCode().name());
        }
        span.end();
    }

    static Metadata.Key<String> key(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }

    private static void put(Metadata headers, Metadata.Key<String> key, @Nullable Object value) {
        if (value != null) {
            headers.put(key, value.toString());
        }
    }
}
