package dev.forkpoint.triton.kserve;

import dev.forkpoint.proto.kserve.v2.InferParameter;
import dev.forkpoint.proto.kserve.v2.ModelInferRequest;
import dev.forkpoint.proto.kserve.v2.ModelInferResponse;
import dev.forkpoint.proto.kserve.v2.ModelStreamInferResponse;
import dev.forkpoint.triton.RolloutHandle;
import dev.forkpoint.triton.Tensor;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonServer;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One ModelStreamInfer call. The engine's thread puts responses into a queue and goes on; sending
 * threads empty it as fast as the client reads. A client that reads too slowly for too long loses
 * its stream: the queue has a limit in bytes.
 */
final class StreamCall implements StreamObserver<ModelInferRequest> {

    private static final String FINAL = "triton_final_response";
    private static final String EMPTY_FINAL = "triton_enable_empty_final_response";

    /** What a queued response weighs beside its tensors' data, roughly, bytes. */
    private static final int OVERHEAD = 1024;

    private final TritonServer triton;
    private final KserveServer.Options options;
    private final Executor senders;
    private final AtomicLong bufferedByAll;
    private final ServerCallStreamObserver<ModelStreamInferResponse> out;
    private final Set<Running> running = ConcurrentHashMap.newKeySet();

    /** Held while the call's observer is used; taken before this object's own lock, never after. */
    private final Object sending = new Object();

    // guarded by this
    private final Queue<Waiting> waiting = new ArrayDeque<>();
    private long waitingBytes;
    private int unfinished;
    private boolean halfClosed;
    private boolean closed;
    private boolean draining;

    /** A response on its way out; an error has no outputs, the bare end has neither. */
    private record Waiting(
            ModelInferRequest request,
            @Nullable List<Tensor> outputs,
            @Nullable TritonException error,
            boolean last,
            long bytes) {}

    StreamCall(
            TritonServer triton,
            KserveServer.Options options,
            Executor senders,
            AtomicLong bufferedByAll,
            ServerCallStreamObserver<ModelStreamInferResponse> out) {
        this.triton = triton;
        this.options = options;
        this.senders = senders;
        this.bufferedByAll = bufferedByAll;
        this.out = out;
        out.setOnReadyHandler(this::drain);
        out.setOnCancelHandler(() -> end(null));
    }

    /** The request's timeout, microseconds; 0: none. */
    static long timeoutMicros(ModelInferRequest request) {
        InferParameter timeout =
                request.getParametersOrDefault("timeout", InferParameter.getDefaultInstance());
        return timeout.hasUint64Param() ? timeout.getUint64Param() : timeout.getInt64Param();
    }

    @Override
    public void onNext(ModelInferRequest request) {
        synchronized (this) {
            if (closed) {
                return;
            }
            unfinished++;
        }
        Running listener = new Running(request);
        running.add(listener);
        try {
            listener.started(
                    triton.infer(
                            request.getModelName(),
                            request.getId(),
                            Messages.inputs(request),
                            timeoutMicros(request),
                            listener));
        } catch (TritonException e) {
            listener.onError(e);
            listener.onEnd();
        }
        if (isClosed()) {
            listener.cancel(); // the call ended while the request was on its way
        }
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    @Override
    public void onError(Throwable t) {
        end(null);
    }

    @Override
    public void onCompleted() {
        synchronized (this) {
            halfClosed = true;
        }
        drain();
    }

    private final class Running implements TritonServer.Listener {
        private final ModelInferRequest request;
        private @Nullable RolloutHandle handle;
        private boolean cancelled;
        private boolean lastSent;

        Running(ModelInferRequest request) {
            this.request = request;
        }

        synchronized void started(RolloutHandle started) {
            handle = started;
            if (cancelled) {
                started.cancel();
            }
        }

        synchronized void cancel() {
            cancelled = true;
            if (handle != null) {
                handle.cancel();
            }
        }

        @Override
        public void onResponse(List<Tensor> outputs, boolean last) {
            lastSent |= last;
            long bytes = OVERHEAD;
            for (Tensor output : outputs) {
                bytes += output.data().limit();
            }
            enqueue(new Waiting(request, outputs, null, last, bytes), false);
        }

        @Override
        public void onError(TritonException error) {
            lastSent = true;
            enqueue(new Waiting(request, null, error, true, OVERHEAD), false);
        }

        @Override
        public void onEnd() {
            running.remove(this);
            boolean bare =
                    !lastSent
                            && request.getParametersOrDefault(
                                            EMPTY_FINAL, InferParameter.getDefaultInstance())
                                    .getBoolParam();
            enqueue(bare ? new Waiting(request, null, null, true, OVERHEAD) : null, true);
        }
    }

    private void enqueue(@Nullable Waiting response, boolean ends) {
        boolean slow = false;
        boolean schedule = false;
        synchronized (this) {
            if (closed) {
                return;
            }
            if (ends) {
                unfinished--;
            }
            if (response != null) {
                waiting.add(response);
                waitingBytes += response.bytes();
                long all = bufferedByAll.addAndGet(response.bytes());
                slow = waitingBytes > options.maxStreamBytes() || all > options.maxBufferedBytes();
            }
            if (!slow && !draining) {
                draining = true;
                schedule = true;
            }
        }
        if (slow) {
            end(
                    new TritonException(
                            Code.RESOURCE_EXHAUSTED,
                            "the client reads too slowly: "
                                    + waitingBytes
                                    + " bytes wait for it (allowed: "
                                    + options.maxStreamBytes()
                                    + ", and "
                                    + options.maxBufferedBytes()
                                    + " for all clients)"));
        } else if (schedule) {
            senders.execute(this::drain);
        }
    }

    /**
     * Sends while the client reads. The queue's lock is not held while a message is written: the
     * engine may want it.
     */
    private void drain() {
        synchronized (sending) {
            while (true) {
                Waiting next;
                synchronized (this) {
                    draining = false;
                    if (closed || !out.isReady()) {
                        return;
                    }
                    next = waiting.poll();
                    if (next == null) {
                        if (!halfClosed || unfinished > 0) {
                            return;
                        }
                        closed = true;
                    } else {
                        waitingBytes -= next.bytes();
                        bufferedByAll.addAndGet(-next.bytes());
                    }
                }
                if (next == null) {
                    out.onCompleted();
                    return;
                }
                out.onNext(message(next));
            }
        }
    }

    private static ModelStreamInferResponse message(Waiting response) {
        ModelInferRequest request = response.request();
        ModelInferResponse.Builder body = ModelInferResponse.newBuilder().setId(request.getId());
        ModelStreamInferResponse.Builder message = ModelStreamInferResponse.newBuilder();
        if (response.error() != null) {
            message.setErrorMessage(response.error().wireText());
        } else {
            body.setModelName(request.getModelName())
                    .putParameters(
                            FINAL,
                            InferParameter.newBuilder().setBoolParam(response.last()).build());
            if (response.outputs() != null) {
                Messages.addOutputs(body, request, response.outputs());
            }
        }
        return message.setInferResponse(body).build();
    }

    /**
     * Ends the call from this side with an error, or after the client has left (null), and all its
     * requests.
     */
    private void end(@Nullable TritonException error) {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            bufferedByAll.addAndGet(-waitingBytes);
            waiting.clear();
            waitingBytes = 0;
        }
        if (error != null) {
            senders.execute(
                    () -> {
                        synchronized (sending) {
                            out.onError(Statuses.toGrpc(error));
                        }
                    });
        }
        for (Running request : new ArrayList<>(running)) {
            request.cancel();
        }
    }
}
