package dev.forkpoint.policy.tensor;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The functions of decoder.py on one device, called by name. Thread-safe. What {@link #call}
 * returns belongs to the caller, who closes it; lists of tensors (weights, caches, saved
 * activations) stay native from one call to the next.
 */
public final class Script {

    private static final int MOST_STAGING_BYTES = 8 << 20;

    private static final ThreadLocal<ByteBuffer> STAGING =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(1 << 16));

    private static volatile boolean plainProducts;

    private static final Map<String, Script> LOADED = new ConcurrentHashMap<>();

    private final PtNDManager manager;
    private final PtSymbolBlock module;
    private final PtNDArray empty;

    private Script(String device, String layers) {
        String archive = "decoder-" + layers + ".pt";
        Engine engine = engine();
        if (!device.equals("cpu") && index(device) >= engine.getGpuCount()) {
            throw new IllegalArgumentException(
                    "device: "
                            + device
                            + " (available: cpu and "
                            + engine.getGpuCount()
                            + " CUDA devices)");
        }
        manager =
                (PtNDManager)
                        engine.newBaseManager(
                                device.equals("cpu") ? Device.cpu() : Device.gpu(index(device)));
        prepareThread();
        if (layers.equals("native")) {
            Kernels.load();
        }
        try (InputStream in =
                Script.class.getResourceAsStream("/dev/forkpoint/policy/decoder/" + archive)) {
            if (in == null) {
                throw new IllegalStateException(archive + ": missing from the policy library");
            }
            module = JniUtils.loadModule(manager, in, !device.equals("cpu"), false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        empty = (PtNDArray) manager.create(new Shape(0), DataType.FLOAT32);
    }

    /**
     * The functions on a device, {@code cpu} or {@code cuda:N}; loaded once a process.
     *
     * @throws IllegalArgumentException if there is no such device
     */
    public static Script on(String device) {
        boolean ours = device.equals("cpu") && Kernels.supported() && !plainProducts;
        return of(device, ours ? "native" : "aten");
    }

    /**
     * The same functions with dense products of bfloat16 operands, which take tensors of {@link
     * #on}.
     *
     * @throws IllegalArgumentException if there is no such device
     */
    public static Script ofBfloat16(String device) {
        return of(device, "bfloat16");
    }

    private static Script of(String device, String layers) {
        return LOADED.computeIfAbsent(device + " " + layers, key -> new Script(device, layers));
    }

    /**
     * Until closed, policies load the archive of other devices, so that a test can compare it with
     * this one's.
     */
    public static AutoCloseable usePlainProducts() {
        plainProducts = true;
        return () -> plainProducts = false;
    }

    private static int index(String device) {
        return Integer.parseInt(device.substring(device.indexOf(':') + 1));
    }

    /**
     * DJL finds its engine through the thread's class loader, which in an application server may
     * not see it: lend it ours.
     */
    private static Engine engine() {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(Script.class.getClassLoader());
        try {
            NativeHeap.keepFreedMemory();
            System.setProperty("OPT_OUT_TRACKING", "true"); // else DJL reports home that it is used
            return Engine.getEngine("PyTorch");
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** Versions of libtorch and of DJL. */
    public static Map<String, String> versions() {
        return Map.of("libtorch", engine().getVersion(), "djl", Engine.getDjlVersion());
    }

    /** Both settings belong to the calling thread: every thread that calls a script needs them. */
    public static void prepareThread() {
        JniUtils.setNumThreads(1);
        JniUtils.setGraphExecutorOptimize(false);
    }

    /** An owner for arrays: closing it frees them. */
    public PtNDManager newScope() {
        return (PtNDManager) manager.newSubManager();
    }

    /** An array of no elements, where a function takes that as "none". */
    public PtNDArray none() {
        return empty;
    }

    public static PtNDArray array(PtNDManager scope, long[] values, long... shape) {
        ByteBuffer bytes = staging(Math.multiplyExact(values.length, Long.BYTES));
        bytes.asLongBuffer().put(values);
        return owned(scope, bytes, new Shape(shape), DataType.INT64);
    }

    public static PtNDArray array(PtNDManager scope, float[] values, long... shape) {
        ByteBuffer bytes = staging(Math.multiplyExact(values.length, Float.BYTES));
        bytes.asFloatBuffer().put(values);
        return owned(scope, bytes, new Shape(shape), DataType.FLOAT32);
    }

    /** The calling thread's buffer, cut to so many bytes. */
    private static ByteBuffer staging(int bytes) {
        ByteBuffer present = STAGING.get();
        if (present.capacity() < bytes) {
            present = ByteBuffer.allocateDirect(bytes);
            if (bytes <= MOST_STAGING_BYTES) {
                STAGING.set(present);
            }
        }
        return present.slice(0, bytes).order(ByteOrder.nativeOrder());
    }

    /**
     * An array of the values in native memory of its own. DJL's {@code create(Buffer)} alone leaves
     * them on the Java buffer, as does {@code set}: freed by the garbage collector, so late, and
     * only safe while the array stays reachable from Java.
     */
    private static PtNDArray owned(
            PtNDManager scope, ByteBuffer bytes, Shape shape, DataType type) {
        PtNDArray onBuffer = (PtNDArray) scope.create(bytes, shape, type);
        if (scope.getDevice().isGpu()) {
            return onBuffer; // copied to the device
        }
        PtNDArray copy = (PtNDArray) onBuffer.duplicate();
        onBuffer.close();
        return copy;
    }

    /**
     * Calls a function. An {@link IValue} among the arguments is lent; everything else is converted
     * for the call.
     *
     * @return owned by the caller
     */
    public IValue call(String function, Object... arguments) {
        IValue[] inputs = new IValue[arguments.length];
        try {
            for (int i = 0; i < inputs.length; i++) {
                inputs[i] = toIValue(arguments[i]);
            }
            return IValueUtils.runMethod(module, function, inputs);
        } finally {
            for (int i = 0; i < inputs.length; i++) {
                if (inputs[i] != null && inputs[i] != arguments[i]) {
                    inputs[i].close();
                }
            }
        }
    }

    /** Calls a function for what it does. */
    public void run(String function, Object... arguments) {
        call(function, arguments).close();
    }

    /** Calls a function that returns one tensor, owned by the scope. */
    public PtNDArray tensor(PtNDManager scope, String function, Object... arguments) {
        try (IValue value = call(function, arguments)) {
            return value.toTensor(scope);
        }
    }

    private static IValue toIValue(Object o) {
        if (o instanceof IValue v) {
            return v;
        } else if (o instanceof PtNDArray a) {
            return IValue.from(a);
        } else if (o instanceof PtNDArray[] a) {
            return IValue.listFrom(a);
        } else if (o instanceof long[] a) {
            return IValue.listFrom(a);
        } else if (o instanceof double[] a) {
            return IValue.listFrom(a);
        } else if (o instanceof Boolean b) {
            return IValue.from(b.booleanValue());
        } else if (o instanceof Double d) {
            return IValue.from(d.doubleValue());
        } else if (o instanceof Number n) {
            return IValue.from(n.longValue());
        }
        throw new IllegalArgumentException(
                "argument: " + o + " (expected: IValue, PtNDArray, array, boolean or number)");
    }
}
