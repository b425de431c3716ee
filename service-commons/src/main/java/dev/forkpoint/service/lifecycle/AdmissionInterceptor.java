package dev.forkpoint.service.lifecycle;

import dev.forkpoint.service.error.ServiceException;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.quarkus.grpc.GlobalInterceptor;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Lets in so many calls of one request and one answer at a time, and refuses more at once with
 * RESOURCE_EXHAUSTED and a hint when to come again. Streams have limits of their own, and gRPC's
 * health and reflection are always answered.
 *
 * <p>A global interceptor runs on the event loop, before a blocking method's first of several turns
 * in the queue of the worker threads: what is refused never waits there.
 */
@ApplicationScoped
@GlobalInterceptor
public class AdmissionInterceptor implements ServerInterceptor {

    private final int most;
    private final AtomicInteger open = new AtomicInteger();
    private final Status refusal;
    private final Metadata hint;

    /**
     * @param most {@code forkpoint.max-open-calls}, at least 1
     */
    AdmissionInterceptor(
            @ConfigProperty(name = "forkpoint.max-open-calls", defaultValue = "256") int most) {
        if (most < 1) {
            throw new IllegalArgumentException(
                    "forkpoint.max-open-calls: " + most + " (expected: at least 1)");
        }
        this.most = most;
        // made once: a refusal must cost less than the call
        StatusRuntimeException overloaded =
                ServiceException.overloaded(most + " calls are open", Duration.ofSeconds(1))
                        .toGrpc();
        refusal = overloaded.getStatus();
        hint = overloaded.getTrailers() == null ? new Metadata() : overloaded.getTrailers();
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        MethodDescriptor<Q, A> method = call.getMethodDescriptor();
        if (method.getType() != MethodDescriptor.MethodType.UNARY
                || method.getFullMethodName().startsWith("grpc.")) {
            return next.startCall(call, headers);
        }
        if (open.incrementAndGet() > most) {
            open.decrementAndGet();
            Metadata trailers = new Metadata();
            trailers.merge(hint);
            call.close(refusal, trailers);
            return new ServerCall.Listener<>() {};
        }
        Permit permit = new Permit();
        ServerCall.Listener<Q> listener;
        try {
            listener =
                    next.startCall(
                            new SimpleForwardingServerCall<>(call) {
                                @Override
                                public void close(Status status, Metadata trailers) {
                                    permit.release();
                                    super.close(status, trailers);
                                }
                            },
                            headers);
        } catch (RuntimeException | Error e) {
            permit.release();
            throw e;
        }
        return CallEnd.then(listener, permit::release);
    }

    /** One call's place; a call may end in several ways at once. */
    private final class Permit {
        private final AtomicBoolean held = new AtomicBoolean(true);

        void release() {
            if (held.compareAndSet(true, false)) {
                open.decrementAndGet();
            }
        }
    }
}
