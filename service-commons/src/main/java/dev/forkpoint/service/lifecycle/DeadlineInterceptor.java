package dev.forkpoint.service.lifecycle;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.quarkus.grpc.GlobalInterceptor;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Makes the caller's deadline that of the call's {@link Context}, which Vert.x' server does not:
 * calls and downloads that the service makes on its behalf end with it. An answered or cancelled
 * call ends its context at once, which would otherwise stay in memory until the deadline.
 */
@ApplicationScoped
@GlobalInterceptor
public class DeadlineInterceptor implements ServerInterceptor {

    private static final Metadata.Key<String> TIMEOUT =
            Metadata.Key.of("grpc-timeout", Metadata.ASCII_STRING_MARSHALLER);

    private final ScheduledThreadPoolExecutor timer =
            new ScheduledThreadPoolExecutor(
                    1,
                    task -> {
                        Thread t = new Thread(task, "deadlines");
                        t.setDaemon(true);
                        return t;
                    });

    DeadlineInterceptor() {
        // or the queue would keep what was cancelled until its time comes
        timer.setRemoveOnCancelPolicy(true);
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        String timeout = headers.get(TIMEOUT);
        if (timeout == null || !timeout.matches("[0-9]{1,8}[HMSmun]")) {
            return next.startCall(call, headers);
        }
        Context.CancellableContext context =
                Context.current().withDeadlineAfter(nanos(timeout), TimeUnit.NANOSECONDS, timer);
        return CallEnd.then(
                Contexts.interceptCall(context, call, headers, next), () -> context.cancel(null));
    }

    /** Up to eight digits and a unit, as gRPC's protocol has it. */
    static long nanos(String timeout) {
        long amount = Long.parseLong(timeout.substring(0, timeout.length() - 1));
        TimeUnit unit =
                switch (timeout.charAt(timeout.length() - 1)) {
                    case 'H' -> TimeUnit.HOURS;
                    case 'M' -> TimeUnit.MINUTES;
                    case 'S' -> TimeUnit.SECONDS;
                    case 'm' -> TimeUnit.MILLISECONDS;
                    case 'u' -> TimeUnit.MICROSECONDS;
                    default -> TimeUnit.NANOSECONDS;
                };
        return unit.toNanos(amount);
    }

    /** Calls whose deadline is watched. */
    int watched() {
        return timer.getQueue().size();
    }

    @PreDestroy
    void close() {
        timer.shutdownNow();
    }
}
