package dev.forkpoint.service.client;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.telemetry.CallTags;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.core.IntervalFunction;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Requests with ids over one bidirectional stream a replica. A request goes to the replica with the
 * fewest in flight whose breaker is closed; what a lost, sick or overloaded replica has not
 * answered goes elsewhere after a pause, and only that, within the set's {@link RetryBudget}. One
 * that sheds load rests for as long as it asks; one that lost its preparation (the wanted policy)
 * is prepared again. A failure that says nothing for another attempt (UNKNOWN, UNAUTHENTICATED) is
 * tried three times. A request ends with its last answer, or with a failure at its deadline at the
 * latest, which is that of the calling {@link Context} when it comes first; what is given up is
 * cancelled. Requests must be idempotent. Thread-safe.
 *
 * @param <Q> request message
 * @param <A> answer message
 */
public final class Dispatcher<Q, A> implements AutoCloseable {

    private static final Logger LOG = Logger.getLogger(Dispatcher.class);

    /** What the dispatcher must know of a stream's messages. */
    public interface Protocol<Q, A> {
        StreamObserver<Q> open(Channel channel, StreamObserver<A> answers);

        String answeredId(A answer);

        /** Whether no more answers follow for its id. */
        boolean isLast(A answer);

        /** The failure that the answer tells of. */
        Optional<Status> failure(A answer);

        /** Tells the replica that nobody waits for the request any more. */
        Q cancel(String id);

        /** The request with a time limit, where it has a field for one. */
        default Q limited(Q request, long millis) {
            return request;
        }
    }

    /** How often a request may meet a replica that lost its preparation before it fails. */
    private static final int PREPARATIONS = 3;

    /** How often what gives no reason to try again is tried. */
    private static final int BLIND_ATTEMPTS = 3;

    /** Failures of a stream or of its preparation that another attempt may not meet. */
    private static final Set<io.grpc.Status.Code> PASSING =
            Set.of(
                    io.grpc.Status.Code.UNAVAILABLE,
                    io.grpc.Status.Code.RESOURCE_EXHAUSTED,
                    io.grpc.Status.Code.DEADLINE_EXCEEDED,
                    io.grpc.Status.Code.CANCELLED,
                    io.grpc.Status.Code.ABORTED);

    private final ReplicaSet set;
    private final Protocol<Q, A> protocol;
    private final Consumer<Replica> prepare;
    private final IntervalFunction backoff;
    private final ScheduledExecutorService timer;
    private final ExecutorService opener;
    private final Map<String, Pending> pending = new LinkedHashMap<>();
    private final ArrayDeque<Pending> waiting = new ArrayDeque<>();
    private final List<Lane> lanes = new ArrayList<>();
    private CallTags firstCaller = CallTags.capture();
    private boolean called;
    private boolean closed;

    /**
     * @param prepare brings a replica into the state that requests need (the wanted policy loaded);
     *     called, off the stream's threads, before a stream to it is opened; may block and fail
     */
    public Dispatcher(ReplicaSet set, Protocol<Q, A> protocol, Consumer<Replica> prepare) {
        this.set = set;
        this.protocol = protocol;
        this.prepare = prepare;
        backoff = set.backoff();
        ThreadFactory threads =
                task -> {
                    Thread t = new Thread(task, "dispatch-" + set.service());
                    t.setDaemon(true);
                    return t;
                };
        timer = Executors.newScheduledThreadPool(2, threads);
        opener = Executors.newCachedThreadPool(threads);
        followReplicas();
        timer.scheduleWithFixedDelay(this::sweep, 100, 100, TimeUnit.MILLISECONDS);
    }

    /**
     * Sends the request; the future ends with the last answer, or with a ServiceException. A
     * request id in use is an IllegalArgumentException.
     */
    public CompletableFuture<A> submit(String id, Q request) {
        long limit = set.options().requestTimeout().toNanos();
        Deadline callers = Context.current().getDeadline();
        if (callers != null) {
            limit = Math.min(limit, callers.timeRemaining(TimeUnit.NANOSECONDS));
        }
        Pending p = new Pending(id, request, limit);
        synchronized (this) {
            if (!called) {
                called = true;
                firstCaller = CallTags.capture();
            }
            if (closed) {
                throw new IllegalStateException("dispatcher of " + set.service() + " is closed");
            }
            if (pending.putIfAbsent(id, p) != null) {
                throw new IllegalArgumentException("request id in use: " + id);
            }
            waiting.add(p);
        }
        pump();
        return p.future;
    }

    /** A lane for each replica there is; one that is gone ends when its last request has. */
    private void followReplicas() {
        List<Replica> now = set.replicas();
        List<Lane> done = new ArrayList<>();
        synchronized (this) {
            for (Lane lane : lanes) {
                lane.retired = !now.contains(lane.replica);
                if (lane.retired && lane.inFlight.isEmpty() && !lane.opening) {
                    done.add(lane);
                }
            }
            lanes.removeAll(done);
            for (Replica r : now) {
                if (lanes.stream().noneMatch(lane -> lane.replica == r)) {
                    lanes.add(new Lane(r));
                }
            }
            if (lanes.isEmpty()) {
                for (Pending p : waiting) {
                    p.lastFailure = "no replica is known";
                }
            }
        }
        done.forEach(lane -> lane.close(true));
    }

    /** Gives every waiting request to a replica that takes it. */
    private void pump() {
        List<Runnable> sends = new ArrayList<>();
        synchronized (this) {
            while (!waiting.isEmpty() && !closed) {
                Optional<Lane> lane =
                        lanes.stream()
                                .filter(Lane::accepts)
                                .min(Comparator.comparingInt(l -> l.inFlight.size()));
                if (lane.isEmpty()) {
                    break;
                }
                Pending p = waiting.poll();
                if (!p.future.isDone()) {
                    sends.add(lane.get().assign(p));
                }
            }
        }
        sends.forEach(Runnable::run);
    }

    private static long now() {
        return System.nanoTime();
    }

    /** Deadlines, and lanes that wait to be opened again. */
    private void sweep() {
        try {
            followReplicas();
            checkTimes();
        } catch (RuntimeException e) { // else the timer would never sweep again
            LOG.error("sweep failed", e);
        }
    }

    private void checkTimes() {
        List<Pending> late = new ArrayList<>();
        List<Lane> stuck = new ArrayList<>();
        synchronized (this) {
            for (Pending p : pending.values()) {
                if (now() > p.deadline) {
                    late.add(p);
                }
            }
            for (Lane lane : lanes) {
                long oldest =
                        lane.inFlight.values().stream()
                                .mapToLong(p -> p.sentAt)
                                .min()
                                .orElse(Long.MAX_VALUE);
                if (oldest != Long.MAX_VALUE
                        && now() - Math.max(oldest, lane.heardAt)
                                > set.options().attemptTimeout().toNanos()) {
                    stuck.add(lane);
                }
            }
        }
        for (Lane lane : stuck) {
            lane.lost(
                    io.grpc.Status.DEADLINE_EXCEEDED.withDescription(
                            "no answer for " + set.options().attemptTimeout().toSeconds() + " s"));
        }
        for (Pending p : late) {
            fail(
                    p,
                    new ServiceException(
                            Code.DEADLINE_EXCEEDED,
                            "DEADLINE_EXCEEDED",
                            set.service()
                                    + "-service did not answer request "
                                    + p.id
                                    + " within "
                                    + TimeUnit.NANOSECONDS.toMillis(p.limit)
                                    + " ms"
                                    + (p.lastFailure == null
                                            ? ""
                                            : "; last failure: " + p.lastFailure)));
        }
        pump();
    }

    private void fail(Pending p, ServiceException e) {
        List<Runnable> cancels = new ArrayList<>();
        synchronized (this) {
            pending.remove(p.id, p);
            waiting.remove(p);
            for (Lane lane : lanes) {
                if (lane.release(p.id) != null) {
                    cancels.add(lane.send(protocol.cancel(p.id)));
                }
            }
        }
        cancels.forEach(Runnable::run);
        p.future.completeExceptionally(e);
    }

    /**
     * Another attempt after a pause, or failure when there have been enough.
     *
     * @param code what ended this one
     */
    private void again(Pending p, io.grpc.Status.Code code, String failure) {
        p.lastFailure = failure;
        p.attempts++;
        if (!PASSING.contains(code) && code != io.grpc.Status.Code.FAILED_PRECONDITION) {
            p.blindAttempts++;
        }
        if (p.attempts >= set.options().maxAttempts() || p.blindAttempts >= BLIND_ATTEMPTS) {
            fail(
                    p,
                    new ServiceException(
                            Code.UNAVAILABLE,
                            "PEER_FAILED",
                            set.service()
                                    + "-service failed request "
                                    + p.id
                                    + " "
                                    + p.attempts
                                    + " times; last: "
                                    + failure));
            return;
        }
        // one that sheds load has said itself when to come again
        queueAfterPause(p, code != io.grpc.Status.Code.RESOURCE_EXHAUSTED);
    }

    private synchronized void queueAfterPause(Pending p, boolean budgeted) {
        if (closed) {
            return;
        }
        timer.schedule(
                () -> {
                    synchronized (this) {
                        if (closed || pending.get(p.id) != p) {
                            return;
                        }
                        if (budgeted && !set.budget().tryTake()) {
                            queueAfterPause(p, true);
                            return;
                        }
                        waiting.add(p);
                    }
                    pump();
                },
                backoff.apply(p.attempts),
                TimeUnit.MILLISECONDS);
    }

    /** Gives up what runs: open requests fail with CANCELLED, streams are cancelled. */
    @Override
    public void close() {
        List<Pending> open;
        synchronized (this) {
            closed = true;
            open = new ArrayList<>(pending.values());
            pending.clear();
            waiting.clear();
            timer.shutdownNow();
            opener.shutdownNow();
        }
        for (Lane lane : lanes) {
            lane.close(open.isEmpty());
        }
        for (Pending p : open) {
            p.future.completeExceptionally(
                    new ServiceException(
                            Code.CANCELLED, "CANCELLED", "request " + p.id + " was given up"));
        }
    }

    private final class Pending {
        private final String id;
        private final Q request;
        private final long limit;
        private final long deadline;
        private final CompletableFuture<A> future = new CompletableFuture<>();
        private volatile long sentAt;
        private volatile int attempts;
        private volatile int blindAttempts;
        private volatile @Nullable String lastFailure;

        Pending(String id, Q request, long limit) {
            this.id = id;
            this.request = request;
            this.limit = limit;
            deadline = now() + limit;
        }
    }

    /** The stream to one replica; opened when first needed, and again after it was lost. */
    private final class Lane {
        private final Replica replica;
        private final Map<String, Pending> inFlight = new HashMap<>();
        private @Nullable StreamObserver<Q> requests;
        private io.grpc.@Nullable Status lostWhileOpening;
        private boolean opening;
        private boolean retired;
        private int generation;
        private int failedOpenings;
        private int hopelessOpenings;
        private long restUntil = now();
        private volatile long heardAt = now();

        Lane(Replica replica) {
            this.replica = replica;
        }

        /**
         * Whether it takes one more request, opening the stream first; guarded by the dispatcher.
         * The breaker is only looked at: {@link #prepare} makes calls of its own under it. Half
         * open, one request tells whether the replica is well again.
         */
        boolean accepts() {
            CircuitBreaker.State state = replica.breaker().getState();
            if (retired
                    || now() < restUntil
                    || state == CircuitBreaker.State.OPEN
                    || (state == CircuitBreaker.State.HALF_OPEN && !inFlight.isEmpty())) {
                return false;
            }
            if (requests != null) {
                return inFlight.size() < set.options().maxInFlight();
            }
            if (!opening) {
                opening = true;
                lostWhileOpening = null;
                int mine = ++generation;
                CallTags tags = firstCaller;
                // the stream outlives the call that happened to need it first, and its deadline
                opener.execute(Context.ROOT.wrap(() -> tags.run(() -> open(mine))));
            }
            return false;
        }

        private void open(int mine) {
            long began = now();
            try {
                prepare.accept(replica);
                StreamObserver<Q> opened = protocol.open(replica.channel(), new AnswersOf(mine));
                boolean usable;
                io.grpc.Status lost;
                synchronized (Dispatcher.this) {
                    opening = false;
                    lost = lostWhileOpening;
                    usable = !closed && lost == null && mine == generation;
                    if (usable) {
                        requests = opened;
                        heardAt = now();
                        failedOpenings = 0;
                        hopelessOpenings = 0;
                    }
                }
                if (lost != null) {
                    throw lost.asRuntimeException();
                }
                if (!usable) {
                    opened.onError(io.grpc.Status.CANCELLED.asRuntimeException());
                    return;
                }
                pump();
            } catch (RuntimeException e) {
                replica.breaker().onError(now() - began, TimeUnit.NANOSECONDS, unwrap(e));
                LOG.warnf(
                        "cannot use replica=%s@%s: %s",
                        set.service(), replica.address(), e.getMessage());
                List<Pending> hopeless = new ArrayList<>();
                synchronized (Dispatcher.this) {
                    opening = false;
                    failedOpenings++;
                    hopelessOpenings = PASSING.contains(codeOf(e)) ? 0 : hopelessOpenings + 1;
                    restUntil =
                            now()
                                    + TimeUnit.MILLISECONDS.toNanos(
                                            backoff.apply(Math.min(failedOpenings, 16)));
                    if (lanes.stream().allMatch(l -> l.requests == null)) {
                        for (Pending p : waiting) {
                            p.lastFailure = String.valueOf(e.getMessage());
                        }
                        if (lanes.stream().allMatch(l -> l.hopelessOpenings >= BLIND_ATTEMPTS)) {
                            hopeless.addAll(waiting);
                        }
                    }
                }
                for (Pending p : hopeless) {
                    fail(p, ErrorMapping.toServiceException(e));
                }
            }
        }

        private io.grpc.Status.Code codeOf(RuntimeException e) {
            return e instanceof ServiceException s
                    ? io.grpc.Status.fromCodeValue(s.code().getNumber()).getCode()
                    : io.grpc.Status.fromThrowable(e).getCode();
        }

        private Throwable unwrap(RuntimeException e) {
            // the breaker counts transport failures alone
            return e instanceof ServiceException s
                            && ReplicaSet.isRetryable(
                                    io.grpc.Status.fromCodeValue(s.code().getNumber()).getCode())
                    ? io.grpc.Status.UNAVAILABLE.asRuntimeException()
                    : e;
        }

        Runnable assign(Pending p) {
            replica.bulkhead().tryAcquirePermission();
            p.sentAt = now();
            inFlight.put(p.id, p);
            return send(
                    protocol.limited(
                            p.request,
                            Math.max(1, TimeUnit.NANOSECONDS.toMillis(p.deadline - p.sentAt))));
        }

        /** What sends the message on the stream of this moment; made under the dispatcher. */
        Runnable send(Q message) {
            StreamObserver<Q> to = requests;
            int mine = generation;
            return () -> {
                try {
                    synchronized (this) {
                        if (to != null) {
                            to.onNext(message);
                        }
                    }
                } catch (RuntimeException e) {
                    lost(mine, io.grpc.Status.UNAVAILABLE.withDescription(e.getMessage()));
                }
            };
        }

        /** Guarded by the dispatcher. */
        @Nullable Pending release(String id) {
            Pending p = inFlight.remove(id);
            if (p != null) {
                replica.bulkhead().onComplete();
            }
            return p;
        }

        void lost(io.grpc.Status why) {
            int mine;
            synchronized (Dispatcher.this) {
                mine = generation;
            }
            lost(mine, why);
        }

        void lost(int of, io.grpc.Status why) {
            List<Pending> orphans;
            StreamObserver<Q> old;
            synchronized (Dispatcher.this) {
                if (of != generation) {
                    return;
                }
                if (requests == null) {
                    lostWhileOpening = why;
                    return;
                }
                old = requests;
                requests = null;
                generation++;
                orphans = new ArrayList<>(inFlight.values());
                for (Pending p : orphans) {
                    release(p.id);
                }
            }
            replica.breaker().onError(0, TimeUnit.NANOSECONDS, why.asRuntimeException());
            LOG.warnf(
                    "lost stream to replica=%s@%s with %d requests in flight: %s",
                    set.service(), replica.address(), orphans.size(), why);
            try {
                synchronized (this) {
                    old.onError(io.grpc.Status.CANCELLED.asRuntimeException());
                }
            } catch (RuntimeException e) {
                LOG.debug("stream was gone already", e);
            }
            for (Pending p : orphans) {
                again(
                        p,
                        why.getCode(),
                        replica.address() + ": " + why.getCode() + " " + why.getDescription());
            }
        }

        void close(boolean gracefully) {
            StreamObserver<Q> old;
            synchronized (Dispatcher.this) {
                old = requests;
                requests = null;
                generation++;
                for (String id : List.copyOf(inFlight.keySet())) {
                    release(id);
                }
            }
            if (old == null) {
                return;
            }
            synchronized (this) {
                if (gracefully) {
                    old.onCompleted();
                } else {
                    old.onError(io.grpc.Status.CANCELLED.asRuntimeException());
                }
            }
        }

        private final class AnswersOf implements StreamObserver<A> {
            private final int mine;

            AnswersOf(int mine) {
                this.mine = mine;
            }

            @Override
            public void onNext(A answer) {
                heardAt = now();
                if (!protocol.isLast(answer)) {
                    return;
                }
                String id = protocol.answeredId(answer);
                Optional<Status> failure = protocol.failure(answer);
                Pending p;
                synchronized (Dispatcher.this) {
                    if (mine != generation) {
                        return;
                    }
                    p = release(id);
                }
                if (p == null) {
                    return;
                }
                if (failure.isPresent() && isElsewheres(failure.get(), p)) {
                    pump();
                    return;
                }
                replica.breaker().onSuccess(0, TimeUnit.NANOSECONDS);
                set.budget().answered();
                synchronized (Dispatcher.this) {
                    pending.remove(id, p);
                }
                p.future.complete(answer);
                pump();
            }

            /** Sends the request again, there or elsewhere, where the failure allows it. */
            private boolean isElsewheres(Status failure, Pending p) {
                io.grpc.Status.Code code =
                        io.grpc.Status.fromCodeValue(failure.getCode()).getCode();
                String text = replica.address() + ": " + failure.getMessage();
                if (p.attempts < PREPARATIONS && Failures.isUnprepared(failure)) {
                    lost(mine, io.grpc.Status.fromCode(code).withDescription(failure.getMessage()));
                } else if (code == io.grpc.Status.Code.RESOURCE_EXHAUSTED) {
                    synchronized (Dispatcher.this) {
                        restUntil = now() + Failures.retryDelay(failure).toNanos();
                    }
                } else if (ReplicaSet.isRetryable(code)) {
                    replica.breaker()
                            .onError(
                                    0,
                                    TimeUnit.NANOSECONDS,
                                    io.grpc.Status.fromCode(code).asRuntimeException());
                } else {
                    return false;
                }
                again(p, code, text);
                return true;
            }

            @Override
            public void onError(Throwable t) {
                lost(mine, io.grpc.Status.fromThrowable(t));
            }

            @Override
            public void onCompleted() {
                lost(mine, io.grpc.Status.UNAVAILABLE.withDescription("the stream was closed"));
            }
        }
    }
}
