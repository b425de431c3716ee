package dev.forkpoint.triton;

import static dev.forkpoint.triton.Native.at;
import static dev.forkpoint.triton.Native.check;
import static dev.forkpoint.triton.Native.scratch;
import static org.bytedeco.tritonserver.global.tritonserver.*;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.triton.TritonException.Code;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_Error;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_InferenceRequest;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_InferenceRequestReleaseFn_t;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_InferenceResponse;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_InferenceResponseCompleteFn_t;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_Metrics;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_Parameter;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_ResponseAllocator;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_ResponseAllocatorAllocFn_t;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_ResponseAllocatorReleaseFn_t;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_ResponseAllocatorStartFn_t;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_Server;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_ServerOptions;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A Triton server in this process. Models of any backend run on it; what is sampled through {@link
 * TokenEngine}s is reached through {@link TritonPolicy}. Thread-safe.
 */
public final class TritonServer implements AutoCloseable {

    private static final Logger LOG = Logger.getLogger(TritonServer.class);

    private static final Pattern MODEL_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");

    /** Most that a close waits for the streams it has cancelled, and then for models to go. */
    private static final Duration CLOSE_WAIT = Duration.ofSeconds(10);

    /**
     * @param modelRepository directory of models; this process may write into it
     * @param backends what {@link TritonRuntime#load} returned, or /opt/tritonserver/backends
     * @param verbose 0: nothing on stderr, 1: errors to information, from 2 on Triton's verbose
     *     levels
     */
    public record Options(Path modelRepository, Path backends, int verbose) {}

    /** Called on whatever thread produced the response: hand over and return, never block. */
    public interface Listener {

        /** The tensors of one response, copied; {@code last}: no other follows. */
        void onResponse(List<Tensor> outputs, boolean last);

        void onError(TritonException error);

        /** After the last response or error, exactly once. */
        void onEnd();
    }

    private final TRITONSERVER_Server server;
    private final TRITONSERVER_ResponseAllocator allocator;
    private final LongPointer allocatorCells;
    private final Path repository;
    private final Map<Long, Call> calls = new ConcurrentHashMap<>();
    private final Map<String, Slot> slots = new ConcurrentHashMap<>();
    private final Set<String> loaded = ConcurrentHashMap.newKeySet();
    private final AtomicLong ids = new AtomicLong();
    // JavaCPP keeps one native trampoline for each callback object: they must stay reachable as
    // long as the server.
    private final OnResponse onResponse = new OnResponse();
    private final OnRelease onRelease = new OnRelease();
    private volatile boolean closing;
    private boolean closed;

    private TritonServer(TRITONSERVER_Server server, Path repository) {
        this.server = server;
        this.repository = repository;
        // A FunctionPointer's address is that of a struct whose first word is the C function.
        allocatorCells = new LongPointer(JvmBackend.allocatorFn(0), JvmBackend.allocatorFn(1));
        Native.Scratch s = scratch();
        check(
                TRITONSERVER_ResponseAllocatorNew(
                        s.pa,
                        new TRITONSERVER_ResponseAllocatorAllocFn_t(at(allocatorCells.address())),
                        new TRITONSERVER_ResponseAllocatorReleaseFn_t(
                                at(allocatorCells.address() + Long.BYTES)),
                        (TRITONSERVER_ResponseAllocatorStartFn_t) null));
        this.allocator = new TRITONSERVER_ResponseAllocator(at(s.a.get()));
    }

    /**
     * Names an engine of this server: a model's parameter "engine" names the one that serves it.
     */
    public void register(String engine, TokenEngine.Factory factory) {
        JvmBackend.engines(server.address()).put(engine, factory);
    }

    /**
     * Starts a server that holds no model yet. {@link TritonRuntime#load} must have been called.
     */
    public static TritonServer start(Options options) {
        Native.Scratch s = scratch();
        check(TRITONSERVER_ApiVersion(s.i1, s.i2));
        int major = s.i1.get();
        int minor = s.i2.get();
        if (major != TRITONSERVER_API_VERSION_MAJOR || minor < TRITONSERVER_API_VERSION_MINOR) {
            throw new TritonException(
                    Code.UNSUPPORTED,
                    "libtritonserver.so has API "
                            + major
                            + "."
                            + minor
                            + " (needed: "
                            + TRITONSERVER_API_VERSION_MAJOR
                            + "."
                            + TRITONSERVER_API_VERSION_MINOR
                            + " or later of the same major)");
        }
        try {
            Files.createDirectories(options.modelRepository);
        } catch (IOException e) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT,
                    "modelRepository: " + options.modelRepository + ": " + e,
                    e);
        }
        check(TRITONSERVER_ServerOptionsNew(s.pa));
        TRITONSERVER_ServerOptions o = new TRITONSERVER_ServerOptions(at(s.a.get()));
        try {
            check(
                    TRITONSERVER_ServerOptionsSetModelRepositoryPath(
                            o, options.modelRepository.toAbsolutePath().toString()));
            check(
                    TRITONSERVER_ServerOptionsSetBackendDirectory(
                            o, options.backends.toAbsolutePath().toString()));
            check(
                    TRITONSERVER_ServerOptionsSetModelControlMode(
                            o, TRITONSERVER_MODEL_CONTROL_EXPLICIT));
            check(TRITONSERVER_ServerOptionsSetStrictModelConfig(o, true));
            // After a reload that failed inside Triton, a shutdown takes all of it.
            check(TRITONSERVER_ServerOptionsSetExitTimeout(o, 1));
            // Triton leaves this one uninitialised: without the call a load that fails may be
            // retried for minutes.
            check(TRITONSERVER_ServerOptionsSetModelLoadRetryCount(o, 0));
            check(TRITONSERVER_ServerOptionsSetModelLoadThreadCount(o, 4));
            check(TRITONSERVER_ServerOptionsSetPinnedMemoryPoolByteSize(o, 0));
            check(TRITONSERVER_ServerOptionsSetMetrics(o, true));
            check(TRITONSERVER_ServerOptionsSetGpuMetrics(o, false));
            check(TRITONSERVER_ServerOptionsSetCpuMetrics(o, false));
            // What fails comes back as an error. What Triton logs besides at this level is harmless
            // ("CudaDriverHelper has
            // not been initialized", "Failed to set config modification time" at each load) and
            // frightens.
            check(TRITONSERVER_ServerOptionsSetLogError(o, options.verbose > 0));
            check(TRITONSERVER_ServerOptionsSetLogWarn(o, options.verbose > 0));
            check(TRITONSERVER_ServerOptionsSetLogInfo(o, options.verbose > 0));
            check(TRITONSERVER_ServerOptionsSetLogVerbose(o, Math.max(0, options.verbose - 1)));
            check(TRITONSERVER_ServerNew(s.pa, o));
            return new TritonServer(
                    new TRITONSERVER_Server(at(s.a.get())), options.modelRepository);
        } finally {
            TRITONSERVER_ServerOptionsDelete(o);
        }
    }

    public boolean live() {
        boolean[] b = new boolean[1];
        check(TRITONSERVER_ServerIsLive(open(), b));
        return b[0];
    }

    public boolean ready() {
        boolean[] b = new boolean[1];
        check(TRITONSERVER_ServerIsReady(open(), b));
        return b[0] && !closing;
    }

    /**
     * Knows models that came from disk and from memory; {@link #index} knows those on disk only.
     */
    public boolean modelReady(String model) {
        boolean[] b = new boolean[1];
        check(TRITONSERVER_ServerModelIsReady(open(), requireName(model), -1, b));
        return b[0];
    }

    /**
     * Loads a model of the repository as it is on disk; a no-op where nothing on disk has changed.
     */
    public void load(String model) {
        check(TRITONSERVER_ServerLoadModel(open(), requireName(model)));
        loaded.add(model);
    }

    /**
     * Loads a model, or replaces it with no gap in service: the old one serves until the new one is
     * ready, and streams that run on it end on it. If this throws, nothing has changed.
     *
     * @param configJson the model configuration in Triton's JSON
     * @param files the model's files by path ("1/model.bin"); empty: those on disk. A model of this
     *     module's backend takes none: its policy is a directory, named by a parameter
     */
    public void load(String model, String configJson, Map<String, byte[]> files) {
        requireName(model);
        ObjectNode config = TensorContract.parse(configJson);
        RolloutRequest.require(
                !config.has("name") || config.path("name").asText().equals(model),
                "config.name",
                config.path("name").asText(),
                model);
        config.put("name", model);
        if (config.path("backend").asText().equals(JvmBackend.NAME)) {
            RolloutRequest.require(
                    files.isEmpty(),
                    "files",
                    files.keySet(),
                    "none: name the policy by " + JvmBackend.DIRECTORY_PARAMETER);
            makeDirectory(model);
            try (JvmBackend.Prepared prepared = JvmBackend.prepare(server.address(), config)) {
                Slot slot = slot(model);
                slot.swap.writeLock().lock();
                try {
                    loadOverride(model, prepared.configJson(), Map.of());
                    slot.serving = prepared.policy();
                } finally {
                    slot.swap.writeLock().unlock();
                }
            }
        } else {
            TensorContract.parameter(
                    config.withObject("/parameters"),
                    JvmBackend.LOAD_PARAMETER,
                    JvmBackend.nextLoadId());
            loadOverride(model, config.toString(), files);
        }
    }

    /** Triton wants a version directory in its repository, even where the files lie elsewhere. */
    private void makeDirectory(String model) {
        try {
            Files.createDirectories(repository.resolve(model).resolve("1"));
        } catch (IOException e) {
            throw new TritonException(
                    Code.INTERNAL,
                    "the model repository " + repository + " cannot be written: " + e,
                    e);
        }
    }

    /** What serves a model of this module's backend. Its lock keeps swaps out of an infer. */
    static final class Slot {
        final ReadWriteLock swap = new ReentrantReadWriteLock();
        volatile @Nullable PolicySpec serving;
    }

    Slot slot(String model) {
        return slots.computeIfAbsent(model, name -> new Slot());
    }

    private void loadOverride(String model, String config, Map<String, byte[]> files) {
        List<TRITONSERVER_Parameter> parameters = new ArrayList<>();
        List<Pointer> keep = new ArrayList<>();
        try {
            BytePointer text = new BytePointer(config);
            keep.add(text);
            parameters.add(
                    TRITONSERVER_ParameterNew("config", TRITONSERVER_PARAMETER_STRING, text));
            files.forEach(
                    (name, data) -> {
                        BytePointer bytes = new BytePointer(data);
                        keep.add(bytes); // ParameterBytesNew does not copy
                        parameters.add(
                                TRITONSERVER_ParameterBytesNew("file:" + name, bytes, data.length));
                    });
            PointerPointer<TRITONSERVER_Parameter> array =
                    new PointerPointer<>(parameters.toArray(new TRITONSERVER_Parameter[0]));
            keep.add(array);
            check(
                    TRITONSERVER_ServerLoadModelWithParameters(
                            open(), model, array, parameters.size()));
            loaded.add(model);
        } finally {
            parameters.forEach(
                    org.bytedeco.tritonserver.global.tritonserver::TRITONSERVER_ParameterDelete);
            keep.forEach(Pointer::close);
        }
    }

    /** Takes no new request for the model from now on; running streams go on to their end. */
    public void unload(String model) {
        check(TRITONSERVER_ServerUnloadModel(open(), requireName(model)));
        loaded.remove(model);
        slot(model).serving = null;
    }

    /** Models of the repository, as JSON: an array of name, version, state, reason. */
    public String index() {
        Native.Scratch s = scratch();
        check(TRITONSERVER_ServerModelIndex(open(), 0, s.pa));
        return Native.takeJson(s.a.get());
    }

    /** Name, version and extensions of the server, as JSON. */
    public String serverMetadata() {
        Native.Scratch s = scratch();
        check(TRITONSERVER_ServerMetadata(open(), s.pa));
        return Native.takeJson(s.a.get());
    }

    /** Name, versions and tensors of a model, as JSON. */
    public String metadata(String model) {
        Native.Scratch s = scratch();
        check(TRITONSERVER_ServerModelMetadata(open(), requireName(model), -1, s.pa));
        return Native.takeJson(s.a.get());
    }

    /** A model's configuration, as JSON. */
    public String config(String model) {
        Native.Scratch s = scratch();
        check(TRITONSERVER_ServerModelConfig(open(), requireName(model), -1, 1, s.pa));
        return Native.takeJson(s.a.get());
    }

    /** Cumulative counts and durations of a model, as JSON. */
    public String statistics(String model) {
        Native.Scratch s = scratch();
        check(TRITONSERVER_ServerModelStatistics(open(), requireName(model), -1, s.pa));
        return Native.takeJson(s.a.get());
    }

    /** Triton's own metrics, in Prometheus text. */
    public String metrics() {
        Native.Scratch s = scratch();
        check(TRITONSERVER_ServerMetrics(open(), s.pa));
        TRITONSERVER_Metrics metrics = new TRITONSERVER_Metrics(at(s.a.get()));
        try {
            check(
                    TRITONSERVER_MetricsFormatted(
                            metrics, TRITONSERVER_METRIC_PROMETHEUS, s.pb, s.size));
            return new String(
                    Native.bytes(s.b.get(), s.size.get()), java.nio.charset.StandardCharsets.UTF_8);
        } finally {
            TRITONSERVER_MetricsDelete(metrics);
        }
    }

    /** Requests whose last response is not in. */
    public int running() {
        return calls.size();
    }

    /** Requests that wait in Triton and have not reached this module's backend yet; a hint. */
    public int arriving() {
        return Math.max(0, calls.size() - JvmBackend.openStreams());
    }

    /**
     * Sends a request.
     *
     * @param id comes back in Triton's logs; may be empty
     * @param timeoutMicros given to the backend; 0: none
     * @throws TritonException for what Triton refuses at once (unknown model, inputs that do not
     *     fit its configuration); the rest goes to the listener
     */
    public RolloutHandle infer(
            String model, String id, List<Tensor> inputs, long timeoutMicros, Listener listener) {
        if (closing) {
            throw new TritonException(Code.UNAVAILABLE, "the server is shutting down");
        }
        Native.Scratch s = scratch();
        check(TRITONSERVER_InferenceRequestNew(s.pa, open(), requireName(model), -1));
        Call call =
                new Call(
                        ids.incrementAndGet(),
                        new TRITONSERVER_InferenceRequest(at(s.a.get())),
                        listener);
        try {
            call.send(new NativeMessage(id, timeoutMicros, inputs));
        } catch (TritonException e) {
            call.discard(); // refused: the request is still ours
            throw e;
        }
        return call;
    }

    /**
     * Cancels what runs, takes the models down, then the server. Takes well under two seconds, also
     * after a failed load, unless an engine does not end what was cancelled.
     *
     * @throws TritonException UNAVAILABLE if streams did not end; the server then stays up, and
     *     close may be called again
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closing = true;
        calls.values().forEach(Call::cancel);
        boolean idle = await(calls::isEmpty);
        // Stop looks once a second: it finds nothing left to wait for if models have gone before it
        // is called.
        for (String model : loaded) {
            check(TRITONSERVER_ServerUnloadModel(server, model));
        }
        await(this::noModelLives);
        // Triton counts a model whose reload failed for ever, so after one Stop takes the whole
        // exit timeout and then
        // reports it: harmless if nothing runs.
        TRITONSERVER_Error stop = TRITONSERVER_ServerStop(server);
        TritonException late = stop == null ? null : Native.take(stop, true);
        if (late != null && !(idle && calls.isEmpty())) {
            throw new TritonException(
                    Code.UNAVAILABLE,
                    calls.size() + " streams did not end when cancelled: " + late.getMessage(),
                    late);
        }
        closed = true; // from here on no native call may be made
        JvmBackend.forget(server.address());
        check(TRITONSERVER_ServerDelete(server));
        check(TRITONSERVER_ResponseAllocatorDelete(allocator));
        onResponse.close();
        onRelease.close();
        allocatorCells.close();
    }

    private boolean noModelLives() {
        String index = index();
        return !index.contains("\"READY\"")
                && !index.contains("\"UNLOADING\"")
                && !index.contains("\"LOADING\"");
    }

    private static boolean await(BooleanSupplier done) {
        long end = System.nanoTime() + CLOSE_WAIT.toNanos();
        while (!done.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                return false;
            }
            LockSupport.parkNanos(1_000_000);
        }
        return true;
    }

    private TRITONSERVER_Server open() {
        if (closed) {
            throw new TritonException(Code.UNAVAILABLE, "the server is closed");
        }
        return server;
    }

    /** A name is a directory of the repository: it must not lead out of it. */
    static String requireName(String model) {
        if (!MODEL_NAME.matcher(model).matches()) {
            throw RolloutRequest.refused(
                    "model",
                    "'" + (model.length() > 128 ? model.substring(0, 128) + "…" : model) + "'",
                    "up to 128 letters, digits, '.', '_', '-', not beginning with '.' or '-'");
        }
        return model;
    }

    /**
     * A request in flight. It may be deleted only once Triton has released it and its last response
     * is in.
     */
    private final class Call implements RolloutHandle {

        private final long id;
        private final TRITONSERVER_InferenceRequest handle;
        private @Nullable Pointer inputs; // Triton keeps addresses in it until the release
        private final Listener listener;
        private boolean released;
        private boolean ended;

        private Call(long id, TRITONSERVER_InferenceRequest handle, Listener listener) {
            this.id = id;
            this.handle = handle;
            this.listener = listener;
        }

        private void send(NativeMessage message) {
            byte[] packed = message.pack();
            // Without an owner: of JavaCPP's owned pointers each reads /proc/self/statm
            inputs = Pointer.malloc(packed.length);
            long error = JvmBackend.fillRequest(handle.address(), packed, inputs.address());
            check(error == 0 ? null : new TRITONSERVER_Error(at(error)));
            Pointer userp = at(id);
            calls.put(id, this);
            check(TRITONSERVER_InferenceRequestSetReleaseCallback(handle, onRelease, userp));
            check(
                    TRITONSERVER_InferenceRequestSetResponseCallback(
                            handle, allocator, null, onResponse, userp));
            check(TRITONSERVER_ServerInferAsync(open(), handle, null));
        }

        private void discard() {
            calls.remove(id);
            TRITONSERVER_InferenceRequestDelete(handle);
            freeInputs();
        }

        private void freeInputs() {
            if (inputs != null) {
                Pointer.free(inputs);
                inputs = null;
            }
        }

        @Override
        public void cancel() {
            synchronized (this) {
                if (released && ended) {
                    return;
                }
                check(TRITONSERVER_InferenceRequestCancel(handle));
            }
            JvmBackend.sweepCancelled();
        }

        private void released() {
            freeInputs();
            synchronized (this) {
                released = true;
                deleteIfDone();
            }
        }

        private void ended() {
            synchronized (this) {
                ended = true;
                deleteIfDone();
            }
            listener.onEnd();
        }

        private void deleteIfDone() {
            if (released && ended) {
                TRITONSERVER_InferenceRequestDelete(handle);
                calls.remove(id);
            }
        }
    }

    // ---- callbacks: an exception that left one of them would run through Triton's C++ frames and
    // abort ----

    private final class OnRelease extends TRITONSERVER_InferenceRequestReleaseFn_t {
        @Override
        public void call(TRITONSERVER_InferenceRequest request, int flags, Pointer userp) {
            try {
                Call call = calls.get(userp.address());
                if (call != null && (flags & TRITONSERVER_REQUEST_RELEASE_ALL) != 0) {
                    call.released();
                }
            } catch (Throwable t) {
                LOG.error("a request's release failed", t);
            }
        }
    }

    private final class OnResponse extends TRITONSERVER_InferenceResponseCompleteFn_t {
        @Override
        public void call(
                @Nullable TRITONSERVER_InferenceResponse response, int flags, Pointer userp) {
            try {
                Call call = calls.get(userp.address());
                if (call == null) {
                    return;
                }
                boolean last = (flags & TRITONSERVER_RESPONSE_COMPLETE_FINAL) != 0;
                if (response != null) { // null: nothing but the flag
                    deliver(call, response, last);
                }
                if (last) {
                    call.ended();
                }
            } catch (Throwable t) {
                LOG.error("a response's listener threw", t);
            }
        }
    }

    private static void deliver(Call call, TRITONSERVER_InferenceResponse response, boolean last) {
        try {
            TRITONSERVER_Error error = TRITONSERVER_InferenceResponseError(response);
            if (error != null) {
                call.listener.onError(Native.take(error, false)); // owned by the response
            } else {
                call.listener.onResponse(
                        NativeMessage.unpack(JvmBackend.readResponse(response.address())).tensors(),
                        last);
            }
        } catch (Throwable t) {
            LOG.error("a response's listener threw", t); // the end must still reach it
        } finally {
            TRITONSERVER_InferenceResponseDelete(response);
        }
    }
}
