package dev.forkpoint.load;

import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Load over a bidirectional stream.
 *
 * @param <Q> request message
 * @param <A> answer message
 */
final class StreamWorkload<Q, A> implements Workload {

    /** Makes requests and reads answers. */
    interface Messages<Q, A> {
        Q request(String id, long number, Size size);

        Q cancel(String id);

        String id(A answer);

        boolean isLast(A answer);

        com.google.rpc.@Nullable Status failure(A answer);
    }

    private final String service;
    private final MethodDescriptor<Q, A> method;
    private final Messages<Q, A> messages;
    private final Consumer<Channel> prepare;
    private final List<Message> more;

    StreamWorkload(
            String service,
            MethodDescriptor<Q, A> method,
            Messages<Q, A> messages,
            Consumer<Channel> prepare,
            List<Message> more) {
        this.service = service;
        this.method = method;
        this.messages = messages;
        this.prepare = prepare;
        this.more = more;
    }

    static <A> com.google.rpc.@Nullable Status failureWhen(
            A answer, boolean has, Function<A, com.google.rpc.Status> get) {
        return has ? get.apply(answer) : null;
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
        out.add((Message) messages.request("a", 1, Size.USUAL));
        out.add((Message) messages.cancel("a"));
        return out;
    }

    @Override
    public Session open(Channel channel, Listener listener, boolean held) {
        ClientCall<Q, A> call = channel.newCall(method, CallOptions.DEFAULT);
        call.start(
                new ClientCall.Listener<A>() {
                    @Override
                    public void onMessage(A answer) {
                        if (!held) {
                            call.request(1);
                        }
                        if (messages.isLast(answer)) {
                            com.google.rpc.Status failure = messages.failure(answer);
                            listener.answered(
                                    messages.id(answer),
                                    failure == null
                                            ? Optional.empty()
                                            : Optional.of(
                                                    Status.fromCodeValue(failure.getCode())
                                                            .withDescription(
                                                                    failure.getMessage())));
                        }
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        listener.broken(status);
                    }
                },
                new Metadata());
        if (!held) {
            call.request(64);
        }
        return new Session() {
            @Override
            public void send(String id, long number, Size size) {
                call.sendMessage(messages.request(id, number, size));
            }

            @Override
            public void cancel(String id) {
                call.sendMessage(messages.cancel(id));
            }

            @Override
            public boolean isReady() {
                return call.isReady();
            }

            @Override
            public void read(int count) {
                call.request(count);
            }

            @Override
            public void halfClose() {
                call.halfClose();
            }

            @Override
            public void abort() {
                call.cancel("load test breaks off", null);
            }
        };
    }
}
