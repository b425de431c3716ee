package dev.forkpoint.load;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientStreamTracer;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/**
 * Load by calls of one request and one answer each.
 *
 * @param <Q> request message
 * @param <A> answer message
 */
final class UnaryWorkload<Q, A> implements Workload {

    private static final long DEADLINE_SECONDS = 30;
    private static final int MOST_WAITING = 64;
    private static final int MOST_RUNNING = 10_000;

    private final String service;
    private final MethodDescriptor<Q, A> method;
    private final BiFunction<Long, Size, Q> request;
    private final Consumer<Channel> prepare;
    private final List<Message> more;

    UnaryWorkload(
            String service,
            MethodDescriptor<Q, A> method,
            BiFunction<Long, Size, Q> request,
            Consumer<Channel> prepare,
            List<Message> more) {
        this.service = service;
        this.method = method;
        this.request = request;
        this.prepare = prepare;
        this.more = more;
    }

    @Override
    public String service() {
        return service;
    }

    @Override
    public void prepare(Channel channel) {
        prepare.accept(channel);
    }

    @Override
    public List<Message> examples() {
        List<Message> out = new ArrayList<>(more);
        out.add((Message) request.apply(1L, Size.USUAL));
        return out;
    }

    /**
     * A connection takes so many calls at a time, by HTTP/2's settings, and the rest wait here: the
     * session is not ready while more than a few do.
     */
    @Override
    public Session open(Channel channel, Listener listener, boolean held) {
        Map<String, ClientCall<Q, A>> running = new ConcurrentHashMap<>();
        AtomicInteger waiting = new AtomicInteger();
        return new Session() {
            @Override
            public void send(String id, long number, Size size) {
                AtomicBoolean waits = new AtomicBoolean(true);
                waiting.incrementAndGet();
                Runnable out =
                        () -> {
                            if (waits.compareAndSet(true, false)) {
                                waiting.decrementAndGet();
                            }
                        };
                ClientCall<Q, A> call =
                        channel.newCall(
                                method,
                                CallOptions.DEFAULT
                                        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                                        .withStreamTracerFactory(whenSent(out)));
                running.put(id, call);
                call.start(
                        new ClientCall.Listener<A>() {
                            @Override
                            public void onClose(Status status, Metadata trailers) {
                                out.run();
                                running.remove(id);
                                listener.answered(
                                        id, status.isOk() ? Optional.empty() : Optional.of(status));
                            }
                        },
                        new Metadata());
                if (!held) {
                    call.request(2);
                }
                call.sendMessage(request.apply(number, size));
                call.halfClose();
            }

            @Override
            public void cancel(String id) {
                ClientCall<Q, A> call = running.get(id);
                if (call != null) {
                    call.cancel("cancelled by the load test", null);
                }
            }

            @Override
            public boolean isReady() {
                return waiting.get() < MOST_WAITING && running.size() < MOST_RUNNING;
            }

            @Override
            public void read(int count) {
                running.values().forEach(call -> call.request(2));
            }

            @Override
            public void halfClose() {
                if (running.isEmpty()) {
                    listener.broken(Status.OK);
                }
            }

            @Override
            public void abort() {
                running.values().forEach(call -> call.cancel("load test breaks off", null));
            }
        };
    }

    private static ClientStreamTracer.Factory whenSent(Runnable task) {
        return new ClientStreamTracer.Factory() {
            @Override
            public ClientStreamTracer newClientStreamTracer(
                    ClientStreamTracer.StreamInfo info, Metadata headers) {
                return new ClientStreamTracer() {
                    @Override
                    public void outboundHeaders() {
                        task.run();
                    }
                };
            }
        };
    }
}
