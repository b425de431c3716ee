package dev.forkpoint.cli.command;

import com.google.rpc.Status;
import dev.forkpoint.cli.FailureException;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests over bidirectional streams, one to a replica, and hands the answers over in the
 * order of the requests, although they come in any.
 *
 * @param <Q> message of the request stream
 * @param <A> message of the answer stream
 */
final class Exchange<Q, A> {

    /** What an exchange must know of its messages. */
    interface Protocol<Q, A> {

        /** Opens a stream on the channel of one replica. */
        StreamObserver<Q> open(io.grpc.Channel channel, StreamObserver<A> answers);

        /** The request that an answer belongs to. */
        String requestId(A answer);

        /** Whether more answers to the same request follow. */
        default boolean isPartial(A answer) {
            return false;
        }

        /** The error that the answer is, if it is one. */
        Optional<Status> error(A answer);
    }

    /** Hears of answers; called on the caller's thread. */
    interface Answers<A> {

        /** A part of an answer, as soon as it comes. */
        default void partial(long index, A answer) {}

        /** The whole answer to a request; in the order of requests. */
        void complete(long index, A answer);

        /** The request failed for good; in the order of requests. */
        void failed(long index, Status status);
    }

    /** Called when nothing came for a while; throws to end the exchange. */
    @FunctionalInterface
    interface Liveness {
        void check(boolean afterFailure) throws InterruptedException;
    }

    private static final int MOST_ATTEMPTS = 50;
    private static final Duration POLL = Duration.ofMillis(200);

    private record Event<A>(int stream, @Nullable A answer, @Nullable Throwable failure) {}

    /** A request that has no answer yet, on the stream it was sent to last. */
    private record Waiting<Q>(long index, Q request, int attempts, long dueNanos, int stream) {}

    private final Protocol<Q, A> protocol;
    private final int window;
    private final Liveness liveness;
    private final BlockingQueue<Event<A>> events = new LinkedBlockingQueue<>();
    private final List<StreamObserver<Q>> streams = new ArrayList<>();
    private final Map<Long, Waiting<Q>> unanswered = new HashMap<>();
    private final PriorityQueue<Waiting<Q>> again =
            new PriorityQueue<>((a, b) -> Long.compare(a.dueNanos, b.dueNanos));
    private final TreeMap<Long, A> finished = new TreeMap<>();
    private final int[] load;
    private long delivered;

    private Exchange(
            Protocol<Q, A> protocol,
            List<? extends io.grpc.Channel> replicas,
            int window,
            Liveness liveness) {
        this.protocol = protocol;
        this.window = window;
        this.liveness = liveness;
        this.load = new int[replicas.size()];
        for (int i = 0; i < replicas.size(); i++) {
            streams.add(protocol.open(replicas.get(i), new Receiver(i)));
        }
    }

    /**
     * Runs an exchange to its end.
     *
     * @param replicas channels to the replicas of a service; each request goes to the one with the
     *     fewest unanswered
     * @param requests messages whose request id is their index, in decimal, from 0
     * @param window most unanswered requests
     */
    static <Q, A> void run(
            Protocol<Q, A> protocol,
            List<? extends io.grpc.Channel> replicas,
            Iterator<Q> requests,
            int window,
            Liveness liveness,
            Answers<A> answers)
            throws InterruptedException {
        Exchange<Q, A> exchange = new Exchange<>(protocol, replicas, window, liveness);
        boolean whole = false;
        try {
            exchange.loop(requests, answers);
            whole = true;
        } finally {
            exchange.end(whole);
        }
    }

    private void loop(Iterator<Q> requests, Answers<A> answers) throws InterruptedException {
        long next = 0;
        while (true) {
            while (!again.isEmpty() && again.peek().dueNanos <= System.nanoTime()) {
                send(again.remove());
            }
            while (unanswered.size() + again.size() < window && requests.hasNext()) {
                send(new Waiting<>(next++, requests.next(), 1, 0, -1));
            }
            if (unanswered.isEmpty() && again.isEmpty()) {
                return;
            }
            Event<A> event = events.poll(POLL.toMillis(), TimeUnit.MILLISECONDS);
            if (event == null) {
                liveness.check(false);
            } else if (event.failure != null) {
                liveness.check(true);
                throw event.failure instanceof StatusRuntimeException status
                        ? status
                        : new FailureException("call failed: " + event.failure, event.failure);
            } else if (event.answer == null) {
                liveness.check(true);
                throw new FailureException(
                        "the service closed the stream with %d requests unanswered"
                                .formatted(unanswered.size()));
            } else {
                handle(event.answer, answers);
            }
        }
    }

    private void send(Waiting<Q> waiting) {
        int least = 0;
        for (int i = 1; i < load.length; i++) {
            if (load[i] < load[least]) {
                least = i;
            }
        }
        load[least]++;
        unanswered.put(
                waiting.index,
                new Waiting<>(
                        waiting.index, waiting.request, waiting.attempts, waiting.dueNanos, least));
        streams.get(least).onNext(waiting.request);
    }

    private void handle(A answer, Answers<A> answers) {
        long index = Long.parseLong(protocol.requestId(answer));
        Waiting<Q> request = unanswered.get(index);
        if (request == null) {
            return;
        }
        if (protocol.isPartial(answer)) {
            answers.partial(index, answer);
            return;
        }
        unanswered.remove(index);
        load[request.stream]--;
        Optional<Duration> delay = protocol.error(answer).flatMap(Failures::retryDelay);
        if (delay.isPresent() && request.attempts < MOST_ATTEMPTS) {
            again.add(
                    new Waiting<>(
                            index,
                            request.request,
                            request.attempts + 1,
                            System.nanoTime() + delay.get().toNanos(),
                            -1));
            return;
        }
        finished.put(index, answer);
        BiConsumer<Long, A> deliver =
                (i, a) ->
                        protocol.error(a)
                                .ifPresentOrElse(
                                        status -> answers.failed(i, status),
                                        () -> answers.complete(i, a));
        while (!finished.isEmpty() && finished.firstKey() == delivered) {
            deliver.accept(delivered++, finished.pollFirstEntry().getValue());
        }
    }

    private void end(boolean whole) {
        for (StreamObserver<Q> stream : streams) {
            if (whole) {
                stream.onCompleted();
            } else {
                ((ClientCallStreamObserver<Q>) stream).cancel("the command ended", null);
            }
        }
    }

    private final class Receiver implements ClientResponseObserver<Q, A> {

        private final int stream;

        Receiver(int stream) {
            this.stream = stream;
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<Q> requestStream) {}

        @Override
        public void onNext(A answer) {
            events.add(new Event<>(stream, answer, null));
        }

        @Override
        public void onError(Throwable failure) {
            events.add(new Event<>(stream, null, failure));
        }

        @Override
        public void onCompleted() {
            events.add(new Event<>(stream, null, null));
        }
    }
}
