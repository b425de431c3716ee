package dev.forkpoint.load;

import io.grpc.Channel;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests by a schedule and records when they are answered.
 *
 * <p>Closed loop: a fixed number outstanding, each answer lets the next request go; stalls of the
 * service hold back requests that would have seen them, so the histogram is corrected by the mean
 * interval (Tene's coordinated omission). Open loop: requests are due at a fixed rate whatever the
 * service does, and time counts from when a request was due, which needs no correction.
 */
public final class Driver {

    private static final long HIGHEST_NANOS = TimeUnit.MINUTES.toNanos(10);
    private static final int MOST_HELD_HERE = 200_000;

    private final Workload workload;
    private final List<? extends Channel> channels;
    private final long graceNanos;
    private final AtomicLong numbers = new AtomicLong();

    /**
     * @param channels one session is opened on each
     * @param graceSeconds how long after a phase answers are waited for
     */
    public Driver(Workload workload, List<? extends Channel> channels, int graceSeconds) {
        this.workload = workload;
        this.channels = List.copyOf(channels);
        graceNanos = TimeUnit.SECONDS.toNanos(graceSeconds);
    }

    /** Keeps {@code concurrency} requests outstanding. */
    public Measurement closed(String name, int concurrency, double seconds)
            throws InterruptedException {
        Phase phase = new Phase();
        long began = System.nanoTime();
        long end = began + (long) (seconds * 1e9);
        while (System.nanoTime() < end && !phase.isBroken()) {
            if (phase.outstanding() < concurrency) {
                phase.send(System.nanoTime(), Workload.Size.USUAL);
            } else {
                phase.awaitAnswer(end);
            }
        }
        phase.finish();
        double took = phase.seconds(began);
        long answered = phase.served.getTotalCount();
        long interval = answered == 0 ? 0 : (long) (took * 1e9 * concurrency / answered);
        return phase.measurement(
                name,
                concurrency,
                0,
                took,
                interval == 0
                        ? phase.served
                        : phase.served.copyCorrectedForCoordinatedOmission(interval));
    }

    /** Sends at a rate, whatever the answers do. */
    public Measurement open(String name, double perSecond, double seconds)
            throws InterruptedException {
        Phase phase = new Phase();
        phase.awaitConnections();
        long began = System.nanoTime();
        long total = Math.max(1, Math.round(perSecond * seconds));
        for (long i = 0; i < total && !phase.isBroken(); i++) {
            long due = began + (long) (i / perSecond * 1e9);
            long wait;
            while ((wait = due - System.nanoTime()) > 0) {
                LockSupport.parkNanos(wait);
            }
            if (phase.outstanding() < MOST_HELD_HERE && phase.takes()) {
                phase.send(due, Workload.Size.USUAL);
            } else {
                phase.held++;
            }
        }
        phase.finish();
        double took = phase.seconds(began);
        return phase.measurement(name, 0, perSecond, took, phase.served);
    }

    /**
     * Sends {@code count} requests of a size one after another, each after the last one's answer.
     */
    public Measurement oneByOne(String name, Workload.Size size, int count)
            throws InterruptedException {
        Phase phase = new Phase();
        long began = System.nanoTime();
        for (int i = 0; i < count && !phase.isBroken(); i++) {
            phase.send(System.nanoTime(), size);
            long end = System.nanoTime() + graceNanos;
            while (phase.outstanding() > 0 && !phase.isBroken() && System.nanoTime() < end) {
                phase.awaitAnswer(end);
            }
        }
        phase.finish();
        double took = phase.seconds(began);
        return phase.measurement(name, 1, 0, took, phase.served);
    }

    /** Sends without reading any answer for a while, then reads all. */
    public Measurement slowReader(String name, int count, double pauseSeconds)
            throws InterruptedException {
        Phase phase = new Phase(true);
        phase.awaitConnections();
        long began = System.nanoTime();
        long end = began + (long) (pauseSeconds * 1e9);
        int sent = 0;
        while (sent < count && !phase.isBroken() && System.nanoTime() < end) {
            if (phase.takes()) {
                phase.send(System.nanoTime(), Workload.Size.USUAL);
                sent++;
            } else {
                LockSupport.parkNanos(1_000_000);
            }
        }
        phase.held = count - sent;
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(Math.max(1, end - System.nanoTime()));
        }
        phase.readAll();
        phase.finish();
        double took = phase.seconds(began);
        return phase.measurement(name, 0, 0, took, phase.served);
    }

    /** Sends, and cancels every request at once, some by id and at last all by breaking off. */
    public Measurement cancels(String name, int count) throws InterruptedException {
        Phase phase = new Phase();
        long began = System.nanoTime();
        for (int i = 0; i < count && !phase.isBroken(); i++) {
            phase.sendAndCancel();
        }
        for (int i = 0; i < count && !phase.isBroken(); i++) {
            phase.send(System.nanoTime(), Workload.Size.USUAL);
        }
        phase.abort();
        phase.finish();
        double took = phase.seconds(began);
        return phase.measurement(name, 0, 0, took, phase.served);
    }

    /** One phase: sessions on every channel, and what became of each request. */
    private final class Phase implements Workload.Listener {
        private final List<Workload.Session> sessions = new ArrayList<>();
        private final Map<String, Long> due = new ConcurrentHashMap<>();
        private final ConcurrentHistogram served = histogram();
        private final ConcurrentHistogram shed = histogram();
        private final Map<String, AtomicLong> failures = new ConcurrentHashMap<>();
        private final AtomicLong open;
        private volatile @Nullable Thread waiting;
        private volatile boolean broken;
        private volatile boolean aborted;
        private volatile boolean finished;
        private volatile long lastAnswer;
        private long sent;
        private long cancelled;
        private long held;
        private int turn;

        Phase() {
            this(false);
        }

        Phase(boolean unread) {
            open = new AtomicLong(channels.size());
            for (Channel channel : channels) {
                sessions.add(workload.open(channel, this, unread));
            }
        }

        private static ConcurrentHistogram histogram() {
            return new ConcurrentHistogram(1000, HIGHEST_NANOS, 3);
        }

        int outstanding() {
            return due.size();
        }

        boolean isBroken() {
            return broken;
        }

        /** A session takes nothing before its connection stands. */
        void awaitConnections() {
            long end = System.nanoTime() + graceNanos;
            for (Workload.Session session : sessions) {
                while (!session.isReady() && !broken && System.nanoTime() < end) {
                    LockSupport.parkNanos(1_000_000);
                }
            }
        }

        /** Whether a session takes a request; its turn is next. */
        boolean takes() {
            for (int i = 0; i < sessions.size(); i++) {
                if (sessions.get(turn).isReady()) {
                    return true;
                }
                turn = (turn + 1) % sessions.size();
            }
            return false;
        }

        String send(long dueAt, Workload.Size size) {
            long number = numbers.getAndIncrement();
            String id = Long.toString(number);
            due.put(id, dueAt);
            sessions.get(turn).send(id, number, size);
            turn = (turn + 1) % sessions.size();
            sent++;
            return id;
        }

        void sendAndCancel() {
            Workload.Session session = sessions.get(turn);
            String id = send(System.nanoTime(), Workload.Size.USUAL);
            session.cancel(id);
            cancelled++;
        }

        void readAll() {
            sessions.forEach(session -> session.read(Integer.MAX_VALUE));
        }

        void abort() {
            aborted = true;
            sessions.forEach(Workload.Session::abort);
        }

        void awaitAnswer(long untilNanos) {
            waiting = Thread.currentThread();
            LockSupport.parkNanos(Math.max(1, Math.min(1_000_000, untilNanos - System.nanoTime())));
            waiting = null;
        }

        @Override
        public void answered(String id, Optional<Status> failure) {
            Long dueAt = due.remove(id);
            if (dueAt == null) {
                count("ANSWERED_TWICE");
                return;
            }
            long now = System.nanoTime();
            lastAnswer = now;
            long nanos = Math.min(HIGHEST_NANOS, Math.max(0, now - dueAt));
            if (failure.isEmpty()) {
                served.recordValue(nanos);
            } else if (failure.get().getCode() == Status.Code.RESOURCE_EXHAUSTED
                    || failure.get().getCode() == Status.Code.UNAVAILABLE) {
                shed.recordValue(nanos);
            } else {
                count(failure.get().getCode().name());
            }
            LockSupport.unpark(waiting);
        }

        private void count(String what) {
            failures.computeIfAbsent(what, key -> new AtomicLong()).incrementAndGet();
        }

        @Override
        public void broken(Status status) {
            open.decrementAndGet();
            if (!status.isOk() && !aborted && !finished) {
                count("STREAM_" + status.getCode().name());
                broken = true;
            }
            LockSupport.unpark(waiting);
        }

        /** Lets what is outstanding be answered. */
        void finish() {
            if (!aborted) {
                sessions.forEach(Workload.Session::halfClose);
            }
            long end = System.nanoTime() + graceNanos;
            while (System.nanoTime() < end && !broken && !due.isEmpty() && open.get() > 0) {
                awaitAnswer(end);
            }
            finished = true;
            sessions.forEach(Workload.Session::abort);
        }

        /**
         * From {@code began} until the last answer, so that what is answered after the schedule's
         * end does not count as if it had been answered before.
         */
        double seconds(long began) {
            return ((lastAnswer == 0 ? System.nanoTime() : lastAnswer) - began) * 1e-9;
        }

        Measurement measurement(
                String name, int concurrency, double offered, double seconds, Histogram latency) {
            Map<String, Long> counts = new TreeMap<>();
            failures.forEach((code, n) -> counts.put(code, n.get()));
            return new Measurement(
                    name,
                    concurrency,
                    offered,
                    seconds,
                    sent,
                    served.getTotalCount(),
                    shed.getTotalCount(),
                    counts,
                    aborted ? 0 : Math.max(0, due.size() - cancelled),
                    held,
                    percentiles(latency),
                    percentiles(shed));
        }
    }

    private static Map<String, Double> percentiles(Histogram h) {
        Map<String, Double> out = new LinkedHashMap<>();
        if (h.getTotalCount() > 0) {
            out.put("p50", h.getValueAtPercentile(50) * 1e-6);
            out.put("p90", h.getValueAtPercentile(90) * 1e-6);
            out.put("p99", h.getValueAtPercentile(99) * 1e-6);
            out.put("p99.9", h.getValueAtPercentile(99.9) * 1e-6);
            out.put("max", h.getMaxValue() * 1e-6);
        }
        return out;
    }
}
