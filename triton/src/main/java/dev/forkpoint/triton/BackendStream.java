package dev.forkpoint.triton;

import static dev.forkpoint.triton.Native.at;
import static dev.forkpoint.triton.Native.check;
import static dev.forkpoint.triton.Native.scratch;
import static org.bytedeco.tritonserver.global.tritonserver.*;

import dev.forkpoint.triton.TritonException.Code;
import java.util.Arrays;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.bytedeco.tritonserver.tritonserver.TRITONBACKEND_ModelInstance;
import org.bytedeco.tritonserver.tritonserver.TRITONBACKEND_Request;
import org.bytedeco.tritonserver.tritonserver.TRITONBACKEND_Response;
import org.bytedeco.tritonserver.tritonserver.TRITONBACKEND_ResponseFactory;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_Error;
import org.jspecify.annotations.Nullable;

/**
 * One request inside the backend: gathers the engine's tokens and sends them as the request's chunk
 * policy says. The request stays with the backend until its last response, so that Triton's
 * statistics cover the sampling and not the mere hand-over.
 *
 * <p>The engine's thread, the watch thread and whoever submits may all end it; the first does.
 */
final class BackendStream implements RolloutSink {

    private static final int FIRST_CAPACITY = 64;

    private final TRITONBACKEND_ModelInstance instance;
    private final TRITONBACKEND_Request request;
    private final TRITONBACKEND_ResponseFactory factory;
    private final long startedNanos = System.nanoTime();

    private RolloutRequest.Chunks chunks = RolloutRequest.Chunks.WHOLE;
    private boolean open = true;
    private @Nullable RolloutHandle handle;
    private @Nullable ScheduledFuture<?> deadline;

    // Tokens not sent yet, [count] of each array.
    private int count;
    private int[] ids = new int[FIRST_CAPACITY];
    private float[] logProbs = new float[FIRST_CAPACITY];
    private float @Nullable [] entropies = new float[FIRST_CAPACITY];
    private float @Nullable [] collisionProbabilities = new float[FIRST_CAPACITY];
    private long[] policyVersions = new long[FIRST_CAPACITY];
    private long lastSentNanos;
    private boolean sent;

    private BackendStream(long instance, TRITONBACKEND_Request request, long factory) {
        this.instance = new TRITONBACKEND_ModelInstance(at(instance));
        this.request = request;
        this.factory = new TRITONBACKEND_ResponseFactory(at(factory));
    }

    static BackendStream open(long instance, TRITONBACKEND_Request request) {
        Native.Scratch s = scratch();
        check(TRITONBACKEND_ResponseFactoryNew(s.pa, request));
        return new BackendStream(instance, request, s.a.get());
    }

    RolloutRequest read() {
        NativeMessage message;
        try {
            message = NativeMessage.unpack(JvmBackend.readRequest(request.address()));
        } catch (IllegalStateException e) {
            throw new TritonException(Code.INVALID_ARGUMENT, "inputs: " + e.getMessage(), e);
        }
        RolloutRequest rollout =
                TensorContract.decode(message.id(), message.tensors(), message.timeoutMicros());
        chunks = rollout.chunks();
        return rollout;
    }

    /** Hands the rollout to the engine. */
    void start(TokenEngine engine, RolloutRequest rollout) {
        if (rollout.timeoutMicros() > 0) {
            synchronized (this) {
                deadline =
                        JvmBackend.watchExecutor()
                                .schedule(
                                        () -> end(late(rollout.timeoutMicros())),
                                        rollout.timeoutMicros(),
                                        TimeUnit.MICROSECONDS);
            }
        }
        RolloutHandle started = engine.submit(rollout, this);
        boolean ended;
        synchronized (this) {
            handle = started;
            ended = !open;
        }
        if (ended) {
            started.cancel(); // it was cancelled or late while it was being submitted
        } else {
            endIfCancelled();
        }
    }

    private static TritonException late(long timeoutMicros) {
        return new TritonException(
                Code.DEADLINE_EXCEEDED,
                "the rollout did not end within its timeout of " + timeoutMicros + " µs");
    }

    /** From the outside: tells the client and has the engine stop. */
    private void end(TritonException why) {
        RolloutHandle running;
        synchronized (this) {
            running = handle;
            onFailed(why);
        }
        if (running != null) {
            running.cancel();
        }
    }

    /** Sends what there is and has the engine stop, if the client has cancelled. */
    void endIfCancelled() {
        RolloutHandle running;
        synchronized (this) {
            if (!open || !cancelled()) {
                return;
            }
            running = handle;
            onFinished(FinishReason.CANCELLED, Stats.UNKNOWN);
        }
        if (running != null) {
            running.cancel();
        }
    }

    private boolean cancelled() {
        boolean[] flag = scratch().flag;
        check(TRITONBACKEND_ResponseFactoryIsCancelled(factory, flag));
        return flag[0];
    }

    @Override
    public void onTokens(RolloutChunk chunk) {
        RolloutHandle stop = null;
        synchronized (this) {
            if (!open) {
                return;
            }
            try {
                append(chunk);
                if (cancelled()) {
                    stop = handle;
                    onFinished(FinishReason.CANCELLED, Stats.UNKNOWN);
                } else if (!chunks.whole() && due()) {
                    send(FinishReason.NONE, Stats.UNKNOWN);
                }
            } catch (TritonException e) {
                stop = handle;
                onFailed(e);
            }
        }
        if (stop != null) {
            stop.cancel();
        }
    }

    private boolean due() {
        return count > 0
                && (!sent
                        || (chunks.tokens() > 0 && count >= chunks.tokens())
                        || (chunks.millis() > 0
                                && System.nanoTime() - lastSentNanos
                                        >= TimeUnit.MILLISECONDS.toNanos(chunks.millis())));
    }

    private void append(RolloutChunk chunk) {
        int n = chunk.size();
        if (count + n > ids.length) {
            int capacity = Math.max(count + n, 2 * ids.length);
            ids = Arrays.copyOf(ids, capacity);
            logProbs = Arrays.copyOf(logProbs, capacity);
            entropies = entropies == null ? null : Arrays.copyOf(entropies, capacity);
            collisionProbabilities =
                    collisionProbabilities == null
                            ? null
                            : Arrays.copyOf(collisionProbabilities, capacity);
            policyVersions = Arrays.copyOf(policyVersions, capacity);
        }
        System.arraycopy(chunk.tokenIds(), 0, ids, count, n);
        System.arraycopy(chunk.logProbs(), 0, logProbs, count, n);
        entropies = appended(entropies, chunk.entropies(), n);
        collisionProbabilities =
                appended(collisionProbabilities, chunk.collisionProbabilities(), n);
        System.arraycopy(chunk.policyVersions(), 0, policyVersions, count, n);
        count += n;
    }

    /** Values that some tokens of a message lack are absent from all of it. */
    private float @Nullable [] appended(float @Nullable [] all, float @Nullable [] more, int n) {
        if (all == null || (more == null && n > 0)) {
            return null;
        }
        if (more != null) {
            System.arraycopy(more, 0, all, count, n);
        }
        return all;
    }

    private void send(FinishReason reason, Stats stats) {
        String failed =
                JvmBackend.sendTokens(
                        factory.address(),
                        ids,
                        logProbs,
                        entropies,
                        collisionProbabilities,
                        policyVersions,
                        count,
                        reason.number(),
                        stats.queueMicros(),
                        stats.batchSize());
        if (failed != null) {
            throw new TritonException(Code.INTERNAL, "a response was not sent: " + failed);
        }
        count = 0;
        entropies = entropies == null ? new float[ids.length] : entropies;
        collisionProbabilities =
                collisionProbabilities == null ? new float[ids.length] : collisionProbabilities;
        sent = true;
        lastSentNanos = System.nanoTime();
    }

    @Override
    public synchronized void onLastTokens(RolloutChunk chunk, FinishReason reason, Stats stats) {
        if (open) {
            append(chunk);
            onFinished(reason, stats);
        }
    }

    @Override
    public synchronized void onFinished(FinishReason reason, Stats stats) {
        if (!open) {
            return;
        }
        if (reason == FinishReason.NONE) {
            throw new IllegalArgumentException("reason: NONE (allowed: why the response ended)");
        }
        try {
            send(reason, stats);
            close(true);
        } catch (TritonException e) {
            onFailed(e);
        }
    }

    @Override
    public synchronized void onFailed(TritonException error) {
        if (!open) {
            return;
        }
        Native.Scratch s = scratch();
        TRITONSERVER_Error native_ =
                TRITONSERVER_ErrorNew(
                        error.code().number(),
                        TritonException.of(error.code().number(), null).code() == error.code()
                                ? String.valueOf(error.getMessage())
                                : error.wireText());
        try {
            check(TRITONBACKEND_ResponseNewFromFactory(s.pa, factory));
            // ResponseSend copies the error
            check(
                    TRITONBACKEND_ResponseSend(
                            new TRITONBACKEND_Response(at(s.a.get())),
                            TRITONSERVER_RESPONSE_COMPLETE_FINAL,
                            native_));
        } finally {
            TRITONSERVER_ErrorDelete(native_);
            close(false);
        }
    }

    /**
     * The client may delete its request from inside the release: nothing of it is touched
     * afterwards.
     */
    private void close(boolean success) {
        open = false;
        JvmBackend.closed(this);
        if (deadline != null) {
            deadline.cancel(false);
        }
        TRITONBACKEND_ResponseFactoryDelete(factory);
        long now = System.nanoTime();
        TRITONBACKEND_ModelInstanceReportStatistics(
                instance, request, success, startedNanos, startedNanos, now, now);
        TRITONBACKEND_ModelInstanceReportBatchStatistics(
                instance, 1, startedNanos, startedNanos, now, now);
        TRITONBACKEND_RequestRelease(request, TRITONSERVER_REQUEST_RELEASE_ALL);
    }
}
