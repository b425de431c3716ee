package dev.forkpoint.triton;

import dev.forkpoint.triton.TritonException.Code;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A policy with the shape of a real one: continuous batching in one thread, and tokens that are a
 * pure function of (policy weights, prompt, seed, position). Its directory holds a file {@code
 * toy.properties}:
 *
 * <ul>
 *   <li>{@code weights}: goes into every token
 *   <li>{@code step_micros}: how long a decode step takes
 *   <li>{@code entropies}: false reports none
 * </ul>
 */
@SuppressWarnings("NullAway") // absent entropies are null arrays
public final class ToyEngine implements TokenEngine {

    public static final int VOCABULARY = 1000;
    public static final int CONTEXT = 100_000;
    public static final int END_OF_SEQUENCE = 999;

    /** Rollouts that hold a slot in any toy engine. */
    public static final AtomicInteger SLOTS = new AtomicInteger();

    public static final AtomicInteger ENGINES = new AtomicInteger();

    private final LinkedBlockingQueue<Sequence> queue = new LinkedBlockingQueue<>();
    private final Thread thread;
    private final long version;
    private final long weights;
    private final long stepNanos;
    private final boolean entropies;
    private volatile boolean closed;

    private static final class Sequence implements RolloutHandle {
        final RolloutRequest request;
        final RolloutSink sink;
        final long submittedNanos = System.nanoTime();
        long startedNanos;
        int position;
        volatile boolean cancelled;

        Sequence(RolloutRequest request, RolloutSink sink) {
            this.request = request;
            this.sink = sink;
        }

        @Override
        public void cancel() {
            cancelled = true;
        }
    }

    public static ToyEngine open(PolicySpec policy) throws IOException {
        return new ToyEngine(policy);
    }

    private ToyEngine(PolicySpec policy) throws IOException {
        Properties settings = new Properties();
        settings.load(
                new StringReader(Files.readString(policy.directory().resolve("toy.properties"))));
        version = policy.version();
        weights = Long.parseLong(settings.getProperty("weights", "0"));
        stepNanos = 1000 * Long.parseLong(settings.getProperty("step_micros", "0"));
        entropies = Boolean.parseBoolean(settings.getProperty("entropies", "true"));
        thread = new Thread(this::run, "toy-engine-" + version);
        thread.setDaemon(true);
        thread.start();
        ENGINES.incrementAndGet();
    }

    /** Writes a policy directory. */
    public static Path write(Path directory, String settings) {
        try {
            Files.createDirectories(directory);
            Files.writeString(directory.resolve("toy.properties"), settings);
            return directory;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The token at a position of a response: what any way of serving the policy must give. */
    public static int token(long weights, RolloutRequest request, int position) {
        long h = weights * 31 + request.seed();
        for (int id : request.promptIds()) {
            h = h * 31 + id;
        }
        h = (h + position) * 0x9E3779B97F4A7C15L;
        h ^= h >>> 32;
        return (int) Math.floorMod(h, (long) VOCABULARY);
    }

    @Override
    public Limits limits() {
        return new Limits(VOCABULARY, CONTEXT);
    }

    @Override
    public boolean reportsEntropy() {
        return entropies;
    }

    @Override
    public RolloutHandle submit(RolloutRequest request, RolloutSink sink) {
        if (request.promptIds()[0] == 666) {
            throw new TritonException(Code.RESOURCE_EXHAUSTED, "the engine is full");
        }
        if (request.promptIds()[0] == 667) {
            throw new IllegalStateException("a defect");
        }
        Sequence sequence = new Sequence(request, sink);
        queue.add(sequence);
        return sequence;
    }

    private void run() {
        List<Sequence> running = new ArrayList<>();
        List<Sequence> fresh = new ArrayList<>();
        while (!closed) {
            try {
                if (running.isEmpty()) {
                    fresh.add(queue.take());
                }
            } catch (InterruptedException e) {
                break;
            }
            queue.drainTo(fresh);
            for (Sequence s : fresh) {
                s.startedNanos = System.nanoTime();
                SLOTS.incrementAndGet();
            }
            running.addAll(fresh);
            fresh.clear();
            if (stepNanos > 0) {
                LockSupport.parkNanos(stepNanos);
            }
            for (Iterator<Sequence> i = running.iterator(); i.hasNext(); ) {
                if (step(i.next(), running.size())) {
                    i.remove();
                    SLOTS.decrementAndGet();
                }
            }
        }
        TritonException gone = new TritonException(Code.UNAVAILABLE, "the policy was unloaded");
        SLOTS.addAndGet(-running.size());
        running.forEach(s -> s.sink.onFailed(gone));
        queue.forEach(s -> s.sink.onFailed(gone));
    }

    /** True when the sequence has ended. */
    private boolean step(Sequence s, int batch) {
        if (s.cancelled) {
            s.sink.onFinished(FinishReason.CANCELLED, RolloutSink.Stats.UNKNOWN);
            return true;
        }
        int token = token(weights, s.request, s.position++);
        float[] values = {1f / (2 + token)};
        RolloutChunk chunk =
                new RolloutChunk(
                        new int[] {token},
                        new float[] {-(float) Math.log(2 + token)},
                        entropies ? values : null,
                        entropies ? new float[] {values[0] / 2} : null,
                        new long[] {version});
        FinishReason reason = reason(s, token);
        if (reason == FinishReason.NONE) {
            s.sink.onTokens(chunk);
            return false;
        }
        s.sink.onLastTokens(
                chunk,
                reason,
                new RolloutSink.Stats((s.startedNanos - s.submittedNanos) / 1000, batch));
        return true;
    }

    private static FinishReason reason(Sequence s, int token) {
        for (int stop : s.request.stopIds()) {
            if (stop == token) {
                return FinishReason.STOP;
            }
        }
        if (token == END_OF_SEQUENCE && !s.request.ignoreEos()) {
            return FinishReason.STOP;
        }
        if (s.position == s.request.maxTokens()) {
            return FinishReason.LENGTH;
        }
        return s.request.promptIds().length + s.position == CONTEXT
                ? FinishReason.LENGTH
                : FinishReason.NONE;
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        try {
            if (thread != Thread.currentThread()) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        ENGINES.decrementAndGet();
    }
}
