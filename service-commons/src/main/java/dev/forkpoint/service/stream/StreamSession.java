package dev.forkpoint.service.stream;

import com.google.rpc.Code;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jboss.logging.MDC;
import org.jspecify.annotations.Nullable;

/**
 * One bidirectional stream whose requests carry ids and are answered in any order.
 *
 * <p>Back-pressure: at most {@code window} requests are unanswered or unsent at a time; further
 * ones stay with the caller through HTTP/2 flow control, so a slow reader costs the service no more
 * memory than its window. Answers may come from any thread. Cancelling the call, or its connection
 * going away, cancels what runs; half-closing lets it finish.
 *
 * @param <Q> request message
 * @param <A> answer message
 */
public final class StreamSession<Q, A> implements StreamObserver<Q> {

    /** Running work that can be given up. */
    public interface Work {
        void cancel();
    }

    /** What a service does with the messages of a stream. */
    public interface Handler<Q, A> {
        /** Id that the message asks to cancel, or null when it asks for something. */
        @Nullable String cancelledId(Q message);

        /** Id of what the message asks for. */
        String requestId(Q message);

        /**
         * Starts the work. Failures that it throws answer the request.
         *
         * @param answers where its answers go
         */
        Work start(Q message, Answers<A> answers);

        /** The answer that tells of a failure. */
        A failure(String requestId, ServiceException e);
    }

    /**
     * Where the answers to one request go. Thread-safe; calls after the last answer are ignored.
     */
    public interface Answers<A> {
        /** One more answer, not the last. */
        void partial(A answer);

        /** The last answer. */
        void last(A answer);

        /** The request failed: the last answer. */
        void failed(Throwable cause);

        /** Ends without an answer (cancelled). */
        void dropped();
    }

    private final ServerCallStreamObserver<A> out;
    private final Handler<Q, A> handler;
    private final @Nullable Context context;
    private final Map<String, Entry> running = new HashMap<>();
    private final ArrayDeque<Outgoing<A>> outgoing = new ArrayDeque<>();
    private boolean halfClosed;
    private boolean closed;
    private boolean drainScheduled;
    private int owed;

    /** Held while writing, so that answers from several threads never interleave. */
    private final Object writing = new Object();

    private record Outgoing<A>(A message, boolean frees) {}

    private StreamSession(ServerCallStreamObserver<A> out, Handler<Q, A> handler, int window) {
        this.out = out;
        this.handler = handler;
        context = Vertx.currentContext();
        out.disableAutoRequest();
        out.setOnReadyHandler(this::drain);
        out.setOnCancelHandler(this::abort);
        out.request(window);
    }

    /** Opens the server side of a stream. {@code window} is at least 1. */
    public static <Q, A> StreamObserver<Q> open(
            StreamObserver<A> out, int window, Handler<Q, A> handler) {
        return new StreamSession<>((ServerCallStreamObserver<A>) out, handler, window);
    }

    @Override
    public void onNext(Q message) {
        String cancelled = handler.cancelledId(message);
        if (cancelled != null) {
            Entry entry;
            synchronized (this) {
                entry = running.get(cancelled);
            }
            if (entry != null) {
                entry.cancel();
            }
            out.request(1);
            return;
        }
        String id = handler.requestId(message);
        ServiceException problem = null;
        Entry entry = new Entry(id);
        if (id.isEmpty() || id.length() > 128) {
            problem =
                    ServiceException.invalidField(
                            "request_id", "length " + id.length(), "1 to 128 characters");
        } else {
            synchronized (this) {
                if (closed) {
                    return;
                }
                if (running.putIfAbsent(id, entry) != null) {
                    problem =
                            new ServiceException(
                                    Code.ALREADY_EXISTS,
                                    "DUPLICATE_REQUEST_ID",
                                    "request_id: " + id + " is running on this stream");
                }
            }
        }
        if (problem != null) {
            send(handler.failure(id, problem), true);
            return;
        }
        MDC.put("requestId", id);
        try {
            entry.started(handler.start(message, entry));
        } catch (RuntimeException | StackOverflowError e) {
            entry.failed(e);
        } finally {
            MDC.remove("requestId");
        }
    }

    @Override
    public void onCompleted() {
        synchronized (this) {
            halfClosed = true;
        }
        schedule();
    }

    @Override
    public void onError(Throwable t) {
        abort();
    }

    private void abort() {
        List<Entry> left;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            left = new ArrayList<>(running.values());
            running.clear();
            outgoing.clear();
        }
        for (Entry entry : left) {
            entry.cancel();
        }
    }

    private void send(A message, boolean frees) {
        synchronized (this) {
            if (closed) {
                return;
            }
            outgoing.add(new Outgoing<>(message, frees));
        }
        schedule();
    }

    /** Answers are written on the stream's own event loop, many in one turn. */
    private void schedule() {
        synchronized (this) {
            if (drainScheduled) {
                return;
            }
            drainScheduled = true;
        }
        if (context == null) {
            drain();
        } else {
            context.runOnContext(ignored -> drain());
        }
    }

    private void drain() {
        synchronized (writing) {
            synchronized (this) {
                drainScheduled = false; // what comes from here on may need one turn more, not many
            }
            while (drainOne()) {
                // one answer a turn
            }
        }
    }

    private boolean drainOne() {
        Outgoing<A> next;
        boolean complete = false;
        int request = 0;
        synchronized (this) {
            if (closed) {
                return false;
            }
            next = out.isReady() ? outgoing.poll() : null;
            if (next == null) {
                request = owed;
                owed = 0;
                complete = halfClosed && running.isEmpty() && outgoing.isEmpty();
                closed = complete;
            } else if (next.frees()) {
                owed++;
            }
        }
        if (next != null) {
            out.onNext(next.message());
            return true;
        }
        if (complete) {
            out.onCompleted();
        } else if (request > 0) {
            out.request(request);
        }
        return false;
    }

    /** One request that has not been answered finally. */
    private final class Entry implements Answers<A> {
        private final String id;
        private @Nullable Work work;
        private boolean cancelled;
        private boolean ended;

        Entry(String id) {
            this.id = id;
        }

        void started(Work started) {
            boolean late;
            synchronized (this) {
                work = started;
                late = cancelled;
            }
            if (late) {
                started.cancel();
            }
        }

        void cancel() {
            Work toCancel;
            synchronized (this) {
                cancelled = true;
                toCancel = work;
            }
            if (toCancel != null) {
                toCancel.cancel();
            }
        }

        /**
         * In one go with queueing the answer: between the two, a half-closed stream would count as
         * finished and lose its last answer.
         */
        private void end(@Nullable A answer) {
            synchronized (this) {
                if (ended) {
                    return;
                }
                ended = true;
            }
            synchronized (StreamSession.this) {
                if (closed || !running.remove(id, this)) {
                    return;
                }
                if (answer == null) {
                    owed++;
                } else {
                    outgoing.add(new Outgoing<>(answer, true));
                }
            }
            schedule();
        }

        @Override
        public void partial(A answer) {
            synchronized (this) {
                if (ended) {
                    return;
                }
            }
            send(answer, false);
        }

        @Override
        public void last(A answer) {
            end(answer);
        }

        @Override
        public void failed(Throwable cause) {
            end(handler.failure(id, ErrorMapping.toServiceException(cause)));
        }

        @Override
        public void dropped() {
            end(null);
        }
    }
}
