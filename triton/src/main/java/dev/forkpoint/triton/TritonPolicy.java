package dev.forkpoint.triton;

import dev.forkpoint.triton.TritonException.Code;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A policy served by a {@link TritonServer} under the {@link TensorContract}: the typed way to its
 * model. Thread-safe.
 */
public final class TritonPolicy {

    /** The name under which a process registers the engine that serves its policies. */
    public static final String ENGINE = "policy";

    private final TritonServer server;
    private final String model;
    private final String engine;
    private final Object loads = new Object();
    private final TritonServer.Slot slot;

    /**
     * @param model name of the Triton model
     * @param engine name under which the engine was {@linkplain TritonServer#register registered}
     */
    public TritonPolicy(TritonServer server, String model, String engine) {
        this.server = server;
        this.model = TritonServer.requireName(model);
        this.engine = engine;
        this.slot = server.slot(model);
    }

    /** What serves new requests, whoever had it loaded; null before the first load. */
    public @Nullable PolicySpec serving() {
        return slot.serving;
    }

    public String model() {
        return model;
    }

    /**
     * Loads a policy version; the one that serves goes on until the new one is ready, and rollouts
     * that run on it end on it. Loading what already serves is a no-op. If this throws, nothing has
     * changed.
     */
    public void load(PolicySpec policy) {
        synchronized (loads) {
            if (!policy.equals(slot.serving)) {
                server.load(model, modelConfig(model, engine, policy), Map.of());
            }
        }
    }

    /**
     * The configuration by which a server of this project serves a policy with an engine of its
     * process.
     */
    public static String modelConfig(String model, String engine, PolicySpec policy) {
        Map<String, String> parameters = new LinkedHashMap<>();
        parameters.put(JvmBackend.ENGINE_PARAMETER, engine);
        parameters.put(JvmBackend.VERSION_PARAMETER, Long.toString(policy.version()));
        parameters.put(
                JvmBackend.DIRECTORY_PARAMETER, policy.directory().toAbsolutePath().toString());
        if (policy.adapter() != null) {
            parameters.put(
                    JvmBackend.ADAPTER_PARAMETER, policy.adapter().toAbsolutePath().toString());
        }
        return TensorContract.modelConfig(model, JvmBackend.NAME, "KIND_CPU", parameters);
    }

    public void unload() {
        synchronized (loads) {
            server.unload(model);
        }
    }

    /** A rollout that Triton has taken, and the policy that serves it to its end. */
    public record Started(RolloutHandle handle, PolicySpec policy) {}

    /**
     * Samples a rollout.
     *
     * @throws TritonException for what is refused at once; the rest ends the sink
     */
    public Started generate(RolloutRequest request, RolloutSink sink) {
        // Triton binds a request to the model that serves when it is made, so no swap may come in
        // between
        slot.swap.readLock().lock();
        try {
            PolicySpec policy = slot.serving;
            if (policy == null) {
                throw new TritonException(
                        Code.NOT_FOUND, "model '" + model + "': no policy is loaded");
            }
            return new Started(
                    server.infer(
                            model,
                            request.id(),
                            TensorContract.encode(request),
                            request.timeoutMicros(),
                            new SinkListener(sink)),
                    policy);
        } finally {
            slot.swap.readLock().unlock();
        }
    }

    /** Responses as calls of a sink; used in-process and over KServe v2 alike. */
    public static final class SinkListener implements TritonServer.Listener {

        private final RolloutSink sink;
        private final AtomicBoolean ended = new AtomicBoolean();

        public SinkListener(RolloutSink sink) {
            this.sink = sink;
        }

        @Override
        public void onResponse(List<Tensor> outputs, boolean last) {
            if (ended.get()) {
                return;
            }
            TensorContract.Response response;
            try {
                response = TensorContract.decodeResponse(outputs);
            } catch (TritonException e) {
                onError(e);
                return;
            }
            if (response.chunk().size() > 0) {
                sink.onTokens(response.chunk());
            }
            if (response.reason() != FinishReason.NONE && ended.compareAndSet(false, true)) {
                sink.onFinished(response.reason(), response.stats());
            }
        }

        @Override
        public void onError(TritonException error) {
            if (ended.compareAndSet(false, true)) {
                if (error.code() == Code.CANCELLED) {
                    sink.onFinished(FinishReason.CANCELLED, RolloutSink.Stats.UNKNOWN);
                } else {
                    sink.onFailed(error);
                }
            }
        }

        @Override
        public void onEnd() {
            if (!ended.get()) { // an exception costs more than a chunk
                onError(
                        new TritonException(
                                Code.INTERNAL, "the stream ended without a finish reason"));
            }
        }
    }
}
