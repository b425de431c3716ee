package dev.forkpoint.triton;

import static dev.forkpoint.triton.Native.at;
import static dev.forkpoint.triton.Native.check;
import static dev.forkpoint.triton.Native.scratch;
import static org.bytedeco.tritonserver.global.tritonserver.*;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.triton.TritonException.Code;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.tritonserver.tritonserver.TRITONBACKEND_Model;
import org.bytedeco.tritonserver.tritonserver.TRITONBACKEND_ModelInstance;
import org.bytedeco.tritonserver.tritonserver.TRITONBACKEND_Request;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The Java half of libtriton_forkpoint.so: Triton's backend callbacks, with {@link TokenEngine}s
 * behind them. State is static because the C entry points know no object; models and instances are
 * found by their Triton handles.
 */
final class JvmBackend {

    /** As Triton's model configuration names it. */
    static final String NAME = "forkpoint";

    static final String ENGINE_PARAMETER = "engine";
    static final String VERSION_PARAMETER = "policy_version";
    static final String DIRECTORY_PARAMETER = "policy_directory";
    static final String ADAPTER_PARAMETER = "adapter_directory";

    /**
     * Makes every configuration unlike the last: Triton takes a load under an equal one for no
     * load.
     */
    static final String LOAD_PARAMETER = "load_id";

    private static final Logger LOG = Logger.getLogger(JvmBackend.class);

    private static final int MODEL_INIT = 2;
    private static final int MODEL_FINI = 3;
    private static final int INSTANCE_INIT = 4;
    private static final int INSTANCE_FINI = 5;

    /** By the server's address, then by name. */
    private static final Map<Long, Map<String, TokenEngine.Factory>> FACTORIES =
            new ConcurrentHashMap<>();

    private static final Map<String, TokenEngine> PREPARED = new ConcurrentHashMap<>();
    private static final AtomicLong LOADS = new AtomicLong();

    /** Keyed by the addresses of TRITONBACKEND_Model and TRITONBACKEND_ModelInstance. */
    private static final Map<Long, TokenEngine> MODELS = new ConcurrentHashMap<>();

    private static final Map<Long, TokenEngine> INSTANCES = new ConcurrentHashMap<>();

    private static final Set<BackendStream> OPEN = ConcurrentHashMap.newKeySet();
    private static final AtomicBoolean SWEEPING = new AtomicBoolean();

    /** Ends streams that were cancelled or are late; nothing else runs on it. */
    private static final ScheduledThreadPoolExecutor WATCH = watch();

    /** Models that Triton holds, for the tests and the wait of a closing server. */
    static final AtomicInteger LOADED = new AtomicInteger();

    private JvmBackend() {}

    private static ScheduledThreadPoolExecutor watch() {
        ScheduledThreadPoolExecutor executor =
                new ScheduledThreadPoolExecutor(
                        1,
                        task -> {
                            Thread thread = new Thread(task, "triton-watch");
                            thread.setDaemon(true);
                            return thread;
                        });
        executor.setRemoveOnCancelPolicy(true);
        return executor;
    }

    static ScheduledThreadPoolExecutor watchExecutor() {
        return WATCH;
    }

    /**
     * The engines of a server by name: a model's parameter "engine" names the one that serves it.
     */
    static Map<String, TokenEngine.Factory> engines(long server) {
        return FACTORIES.computeIfAbsent(server, address -> new ConcurrentHashMap<>());
    }

    static void forget(long server) {
        FACTORIES.remove(server);
    }

    static native void bind();

    static native @Nullable String sendTokens(
            long factory,
            int[] ids,
            float[] logProbs,
            float @Nullable [] entropies,
            float @Nullable [] collisionProbabilities,
            long[] policyVersions,
            int count,
            int finishReason,
            long queueMicros,
            int batchSize);

    /**
     * A response, for {@link NativeMessage#unpack}.
     *
     * @throws IllegalStateException for what Triton refuses, and tensors in GPU memory
     */
    static native byte[] readResponse(long response);

    /** A request that the backend was given; as {@link #readResponse}. */
    static native byte[] readRequest(long request);

    /**
     * Gives a new request id, timeout and inputs: what {@link NativeMessage#pack} wrote.
     *
     * @param block where Triton finds the inputs until the release; as long as the message
     * @return the address of a TRITONSERVER_Error; 0: none
     */
    static native long fillRequest(long request, byte[] message, long block);

    static native long allocatorFn(int which);

    /**
     * A configuration ready to be loaded, and its open policy; closing it frees what Triton did not
     * take.
     */
    record Prepared(String configJson, String loadId, PolicySpec policy) implements AutoCloseable {
        @Override
        public void close() {
            TokenEngine engine = PREPARED.remove(loadId);
            if (engine != null) {
                engine.close();
            }
        }
    }

    /**
     * Opens the policy that a configuration of this backend names, before Triton hears of it: a
     * load that fails inside Triton leaves it with a model in the background which makes every
     * later shutdown take the whole exit timeout.
     */
    static Prepared prepare(long server, ObjectNode config) {
        String loadId = nextLoadId();
        TensorContract.parameter(config.withObject("/parameters"), LOAD_PARAMETER, loadId);
        TensorContract.check(config.toString());
        PolicySpec policy = policy(config);
        TokenEngine engine = open(server, config, policy);
        PREPARED.put(loadId, engine);
        ObjectNode parameters = config.withObject("/parameters");
        TensorContract.parameter(
                parameters,
                TensorContract.ENTROPY_PARAMETER,
                engine.reportsEntropy() ? "exact" : "absent");
        TensorContract.parameter(
                parameters,
                TensorContract.DETERMINISTIC_PARAMETER,
                Boolean.toString(engine.deterministic()));
        return new Prepared(config.toString(), loadId, policy);
    }

    static String nextLoadId() {
        return ProcessHandle.current().pid() + "-" + LOADS.incrementAndGet();
    }

    private static PolicySpec policy(JsonNode config) {
        String directory = parameter(config, DIRECTORY_PARAMETER);
        String version = parameter(config, VERSION_PARAMETER);
        if (directory == null || version == null || !version.matches("\\d{1,18}")) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT,
                    "model '%s': parameters %s: %s, %s: %s (needed: a directory and a number)"
                            .formatted(
                                    config.path("name").asText(),
                                    DIRECTORY_PARAMETER,
                                    directory,
                                    VERSION_PARAMETER,
                                    version));
        }
        String adapter = parameter(config, ADAPTER_PARAMETER);
        return new PolicySpec(
                Long.parseLong(version),
                Path.of(directory),
                adapter == null ? null : Path.of(adapter));
    }

    private static TokenEngine open(long server, JsonNode config, PolicySpec policy) {
        String model = config.path("name").asText();
        String name = parameter(config, ENGINE_PARAMETER);
        Map<String, TokenEngine.Factory> engines = engines(server);
        TokenEngine.Factory factory = name == null ? null : engines.get(name);
        if (factory == null) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT,
                    "model '%s': parameter engine: %s (registered: %s)"
                            .formatted(model, name, engines.keySet()));
        }
        try {
            return factory.open(policy);
        } catch (TritonException e) {
            throw e;
        } catch (Exception e) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT,
                    "model '%s': policy version %d in %s: %s"
                            .formatted(model, policy.version(), policy.directory(), e.getMessage()),
                    e);
        }
    }

    private static @Nullable String parameter(JsonNode config, String key) {
        return config.path("parameters").path(key).path("string_value").textValue();
    }

    // ---- called from C; null is success, anything else becomes a TRITONSERVER_Error. Nothing may
    // be thrown: it would run
    // ---- through Triton's C++ frames.

    @SuppressWarnings("unused") // called from C
    private static @Nullable String onEvent(int event, long handle) {
        try {
            switch (event) {
                case MODEL_INIT -> {
                    MODELS.put(handle, engineOf(new TRITONBACKEND_Model(at(handle))));
                    LOADED.incrementAndGet();
                }
                case MODEL_FINI -> {
                    TokenEngine engine = MODELS.remove(handle);
                    if (engine != null) {
                        LOADED.decrementAndGet();
                        engine.close();
                    }
                }
                case INSTANCE_INIT -> {
                    Native.Scratch s = scratch();
                    check(
                            TRITONBACKEND_ModelInstanceModel(
                                    new TRITONBACKEND_ModelInstance(at(handle)), s.pa));
                    INSTANCES.put(handle, MODELS.get(s.a.get()));
                }
                case INSTANCE_FINI -> INSTANCES.remove(handle);
                default -> {}
            }
            return null;
        } catch (Throwable t) {
            LOG.errorf(t, "Triton's model event %d failed", event);
            return t instanceof TritonException e ? e.wireText() : String.valueOf(t);
        }
    }

    private static TokenEngine engineOf(TRITONBACKEND_Model model) {
        Native.Scratch s = scratch();
        check(TRITONBACKEND_ModelConfig(model, 1, s.pa));
        JsonNode config = TensorContract.parse(Native.takeJson(s.a.get()));
        String loadId = parameter(config, LOAD_PARAMETER);
        TokenEngine prepared = loadId == null ? null : PREPARED.remove(loadId);
        if (prepared != null) {
            return prepared;
        }
        TensorContract.check(config.toString());
        check(TRITONBACKEND_ModelServer(model, s.pa));
        return open(s.a.get(), config, policy(config));
    }

    @SuppressWarnings("unused") // called from C
    private static @Nullable String onExecute(long instance, long requests, int count) {
        try {
            // Returning a text leaves all requests with Triton, so from the first one taken on, all
            // are.
            TokenEngine engine = INSTANCES.get(instance);
            if (engine == null) {
                return "unknown model instance";
            }
            LongPointer handles = new LongPointer(at(requests));
            for (int i = 0; i < count; i++) {
                execute(engine, instance, new TRITONBACKEND_Request(at(handles.get(i))));
            }
            return null;
        } catch (Throwable t) {
            LOG.error("Triton's execute failed", t);
            return String.valueOf(t);
        }
    }

    private static void execute(TokenEngine engine, long instance, TRITONBACKEND_Request request) {
        BackendStream stream = BackendStream.open(instance, request);
        try {
            RolloutRequest rollout = stream.read();
            engine.limits().check(rollout);
            OPEN.add(stream);
            stream.start(engine, rollout);
        } catch (TritonException e) {
            stream.onFailed(e);
        } catch (Throwable t) {
            LOG.error("the engine threw", t);
            stream.onFailed(new TritonException(Code.INTERNAL, "the engine threw: " + t, t));
        }
    }

    static void closed(BackendStream stream) {
        OPEN.remove(stream);
    }

    static int openStreams() {
        return OPEN.size();
    }

    /**
     * Has the streams whose request was cancelled end soon, without waiting for their next token.
     */
    static void sweepCancelled() {
        if (SWEEPING.compareAndSet(false, true)) {
            WATCH.execute(
                    () -> {
                        SWEEPING.set(false);
                        OPEN.forEach(BackendStream::endIfCancelled);
                    });
        }
    }
}
