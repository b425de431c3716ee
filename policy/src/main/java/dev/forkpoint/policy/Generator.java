package dev.forkpoint.policy;

import ai.djl.pytorch.jni.IValue;
import dev.forkpoint.policy.tensor.Script;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Samples responses of one policy by continuous batching: sequences join and leave the running
 * batch, equal prompts share one prefill, and key/value caches stay within a budget. A response is
 * a function of policy and request alone: bit-equal alone or among others, with one thread or
 * several. Thread-safe. Takes over the policy's weights as they are when it is made.
 */
public final class Generator implements AutoCloseable {

    private static final long MOST_LINGER_NANOS = 20_000_000;

    /** A longer silence than this means that no more requests come for now. */
    private static final long SILENCE_MILLIS = 2;

    /** The same while fewer have come than did the last time. */
    private static final long SILENCE_BEFORE_THE_REST_MILLIS = 6;

    private final Policy policy;
    private final GeneratorOptions options;
    private final IntSupplier arriving;
    private final IValue weights;
    private final int lanes;
    private final long laneBudgetBytes;
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicLong submissions = new AtomicLong();
    private final AtomicInteger unended = new AtomicInteger(); // whose listener awaits the end

    // guarded by this
    private final TreeSet<Response> queue = new TreeSet<>(Response::compare);
    private final int[] activeOf;
    private int running; // lanes alive
    private int idle; // lanes that wait for work
    private int burst; // requests since there was none
    private int burstBefore;
    private boolean draining;
    private @Nullable Throwable ended; // why no lane may go on

    public Generator(Policy policy, GeneratorOptions options) {
        this(policy, options, () -> 0);
    }

    /**
     * @param arriving how many requests are known to be on their way here: a batch that begins
     *     waits a moment for them
     */
    public Generator(Policy policy, GeneratorOptions options, IntSupplier arriving) {
        this.policy = policy;
        this.options = options;
        this.arriving = arriving;
        lanes = Math.min(policy.threads(options.threads()), options.maxRows());
        laneBudgetBytes = options.kvBudgetBytes() / lanes;
        activeOf = new int[lanes];
        Script.prepareThread();
        weights = policy.script().call("pack", policy.flat(), policy.dims());
        running = lanes;
        for (int i = 0; i < lanes; i++) {
            int number = i;
            Thread thread = new Thread(() -> work(number), "forkpoint-generator-" + i);
            thread.setDaemon(true);
            threads.add(thread);
        }
        threads.forEach(Thread::start);
    }

    /**
     * Queues one request; the listener hears of it on the generator's threads.
     *
     * @throws IllegalArgumentException if an id lies outside the vocabulary, the prompt leaves no
     *     room in the context, or the response alone would exceed the cache's budget; names the
     *     field
     * @throws GeneratorClosedException if closed or draining
     */
    public GenerationHandle submit(GenerationRequest request, GenerationListener listener) {
        Response response = accepted(request, listener);
        synchronized (this) {
            if (draining || ended != null) {
                throw new GeneratorClosedException("the generator takes no more requests");
            }
            if (unended.getAndIncrement() == 0) {
                burstBefore = burst;
                burst = 0;
            }
            burst++;
            queue.add(response);
            if (idle > 0 || burst == burstBefore) {
                notifyAll();
            }
        }
        return () -> {
            synchronized (this) {
                response.cancelled = true;
                notifyAll();
            }
        };
    }

    private Response accepted(GenerationRequest request, GenerationListener listener) {
        ModelConfig c = policy.config();
        int[] prompt = request.promptIds();
        policy.checkIds("promptIds", prompt);
        policy.checkIds("stopIds", request.sampling().stopIds());
        if (prompt.length >= c.maxPositions()) {
            throw new IllegalArgumentException(
                    "promptIds: "
                            + prompt.length
                            + " tokens (expected: at most "
                            + (c.maxPositions() - 1)
                            + ", which leaves one of the model's "
                            + c.maxPositions()
                            + " positions)");
        }
        int limit = Math.min(request.sampling().maxTokens(), c.maxPositions() - prompt.length);
        int slots = Lane.slots(prompt.length, limit, c);
        long bytes = Lane.cacheBytes(1, slots, c);
        if (bytes > laneBudgetBytes) {
            throw new IllegalArgumentException(
                    "maxTokens: "
                            + limit
                            + " after "
                            + prompt.length
                            + " prompt tokens needs "
                            + bytes
                            + " bytes of cache (expected: at most "
                            + laneBudgetBytes
                            + ", kvBudgetBytes shared by "
                            + lanes
                            + " threads)");
        }
        return new Response(
                request,
                listener,
                limit,
                slots,
                c.eosIds(),
                submissions.incrementAndGet(),
                unended);
    }

    /** Responses being sampled. */
    public synchronized int active() {
        int sum = 0;
        for (int n : activeOf) {
            sum += n;
        }
        return sum;
    }

    /** Requests waiting for a place. */
    public synchronized int queued() {
        return queue.size();
    }

    private void work(int number) {
        Script.prepareThread();
        try (Lane lane = new Lane(policy, weights, options.stepsPerCall())) {
            try {
                while (turn(number, lane)) {
                    lane.decode();
                }
            } catch (Throwable t) {
                stop(t);
            }
            lane.failAll(reason());
        } finally {
            synchronized (this) {
                activeOf[number] = 0;
                running--;
                notifyAll();
            }
        }
    }

    /**
     * Waits for something to do, then takes in what this lane has room for. Says whether to go on.
     */
    private boolean turn(int number, Lane lane) throws InterruptedException {
        List<Response> cancelled = new ArrayList<>();
        List<Response> late = new ArrayList<>();
        List<Response> arrivals = new ArrayList<>();
        lane.dropUnwanted();
        synchronized (this) {
            activeOf[number] = lane.active();
            notifyAll();
            if (lane.active() == 0) {
                awaitWork();
            }
            if (ended != null || draining && lane.active() == 0 && queue.isEmpty()) {
                return false;
            }
            for (Iterator<Response> i = queue.iterator(); i.hasNext(); ) {
                Response r = i.next();
                if (r.cancelled) {
                    i.remove();
                    cancelled.add(r);
                } else if (r.late()) {
                    i.remove();
                    late.add(r);
                }
            }
            admit(lane, arrivals);
            activeOf[number] = lane.active() + arrivals.size();
        }
        cancelled.forEach(r -> r.tellFinished(FinishReason.CANCELLED));
        late.forEach(Response::tellLate);
        try {
            lane.admit(arrivals);
        } catch (RuntimeException | Error e) {
            arrivals.forEach(r -> r.tellFailed(e));
            throw e;
        }
        return true;
    }

    /**
     * Waits for a request and a place for it, then a moment for its companions: a batch that begins
     * full needs fewer decode calls. One that comes alone, as the last one did, has none; and as
     * many as came the last time are taken for all.
     */
    private void awaitWork() throws InterruptedException {
        idle++;
        while (ended == null && (queue.isEmpty() ? !draining : active() >= options.maxRows())) {
            wait();
        }
        idle--;
        long end = System.nanoTime() + MOST_LINGER_NANOS;
        int seen = Math.max(burst, burstBefore) > 1 ? 0 : queue.size();
        while (System.nanoTime() < end && (moreThan(seen) || arriving.getAsInt() > 0)) {
            seen = queue.size();
            wait(burst < burstBefore ? SILENCE_BEFORE_THE_REST_MILLIS : SILENCE_MILLIS);
        }
    }

    private boolean moreThan(int seen) {
        boolean complete = burstBefore > 1 && burst >= burstBefore;
        return seen < queue.size() && !complete;
    }

    /**
     * By priority, then in order of arrival, as far as rows and budget allow; no lane takes more
     * than its even share. Requests of the same prompt and priority come along with the first of
     * them, since a lane computes a prompt once; the first in the queue is always the next, so none
     * waits for ever but for more urgent ones.
     */
    private void admit(Lane lane, List<Response> arrivals) {
        int share = (active() + queue.size() + lanes - 1) / lanes;
        int most = Math.min(share, (options.maxRows() + lanes - 1) / lanes);
        int room = Math.min(most - lane.active(), options.maxRows() - active());
        while (!queue.isEmpty() && arrivals.size() < room) {
            Response first = queue.first();
            int looks = options.maxRows(); // a long queue is not searched to its end
            Iterator<Response> i = queue.iterator();
            while (i.hasNext() && arrivals.size() < room && looks-- > 0) {
                Response next = i.next();
                if (next.request.priority() != first.request.priority()) {
                    break;
                }
                if (!next.samePrompt(first)) {
                    continue;
                }
                if (lane.bytesWith(arrivals, next) > laneBudgetBytes) {
                    return;
                }
                i.remove();
                arrivals.add(next);
            }
        }
    }

    private synchronized Throwable reason() {
        return ended != null ? ended : new GeneratorClosedException("the generator was closed");
    }

    private void stop(Throwable cause) {
        List<Response> left;
        synchronized (this) {
            if (ended == null) {
                ended = cause;
            }
            left = new ArrayList<>(queue);
            queue.clear();
            notifyAll();
        }
        left.forEach(r -> r.tellFailed(cause));
    }

    /**
     * Takes no more requests and waits for those it has.
     *
     * @return whether all were finished in time
     */
    public boolean drain(Duration timeout) throws InterruptedException {
        long end = System.nanoTime() + timeout.toNanos();
        synchronized (this) {
            draining = true;
            notifyAll();
            while (running > 0) {
                long left = (end - System.nanoTime() + 999_999) / 1_000_000;
                if (left <= 0) {
                    return false;
                }
                wait(left);
            }
            return true;
        }
    }

    /** Fails what is left with {@link GeneratorClosedException} and frees everything. */
    @Override
    public void close() {
        stop(new GeneratorClosedException("the generator was closed"));
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (true) { // lanes hold native memory: wait for them whatever comes
                try {
                    thread.join();
                    break;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        weights.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
