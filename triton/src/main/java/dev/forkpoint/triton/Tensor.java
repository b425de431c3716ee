package dev.forkpoint.triton;

import static org.bytedeco.tritonserver.global.tritonserver.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;

/**
 * One named tensor.
 *
 * @param shape outermost dimension first; may hold a 0
 * @param data elements in row-major order, little-endian, from position 0 to limit
 */
public record Tensor(String name, Type type, long[] shape, ByteBuffer data) {

    /** Element types, under the names of KServe v2, with Triton's numbers. */
    public enum Type {
        BOOL(TRITONSERVER_TYPE_BOOL, 1),
        UINT8(TRITONSERVER_TYPE_UINT8, 1),
        UINT16(TRITONSERVER_TYPE_UINT16, 2),
        UINT32(TRITONSERVER_TYPE_UINT32, 4),
        UINT64(TRITONSERVER_TYPE_UINT64, 8),
        INT8(TRITONSERVER_TYPE_INT8, 1),
        INT16(TRITONSERVER_TYPE_INT16, 2),
        INT32(TRITONSERVER_TYPE_INT32, 4),
        INT64(TRITONSERVER_TYPE_INT64, 8),
        FP16(TRITONSERVER_TYPE_FP16, 2),
        FP32(TRITONSERVER_TYPE_FP32, 4),
        FP64(TRITONSERVER_TYPE_FP64, 8),
        BYTES(TRITONSERVER_TYPE_BYTES, 0),
        BF16(TRITONSERVER_TYPE_BF16, 2);

        private final int number;
        private final int width;

        Type(int number, int width) {
            this.number = number;
            this.width = width;
        }

        int number() {
            return number;
        }

        /** Bytes of an element; 0 where they differ in length. */
        public int width() {
            return width;
        }

        private static final Type[] ALL = values();

        static Type of(int number) {
            for (Type type : ALL) {
                if (type.number == number) {
                    return type;
                }
            }
            throw new TritonException(
                    TritonException.Code.UNSUPPORTED, "Triton data type " + number);
        }
    }

    /** How many elements the shape has. */
    public long elements() {
        long n = 1;
        for (long d : shape) {
            n = Math.multiplyExact(n, d);
        }
        return n;
    }

    public static Tensor ints(String name, int... values) {
        ByteBuffer data = buffer(values.length, Integer.BYTES);
        data.asIntBuffer().put(values);
        return new Tensor(name, Type.INT32, new long[] {values.length}, data);
    }

    public static Tensor longs(String name, long... values) {
        ByteBuffer data = buffer(values.length, Long.BYTES);
        data.asLongBuffer().put(values);
        return new Tensor(name, Type.INT64, new long[] {values.length}, data);
    }

    public static Tensor floats(String name, float... values) {
        ByteBuffer data = buffer(values.length, Float.BYTES);
        data.asFloatBuffer().put(values);
        return new Tensor(name, Type.FP32, new long[] {values.length}, data);
    }

    public static Tensor doubles(String name, double... values) {
        ByteBuffer data = buffer(values.length, Double.BYTES);
        data.asDoubleBuffer().put(values);
        return new Tensor(name, Type.FP64, new long[] {values.length}, data);
    }

    public static Tensor bool(String name, boolean value) {
        ByteBuffer data = buffer(1, 1);
        data.put(0, (byte) (value ? 1 : 0));
        return new Tensor(name, Type.BOOL, new long[] {1}, data);
    }

    private static ByteBuffer buffer(int count, int width) {
        return ByteBuffer.allocate(Math.multiplyExact(count, width)).order(ByteOrder.LITTLE_ENDIAN);
    }

    int[] asInts() {
        IntBuffer view = view(Type.INT32).asIntBuffer();
        int[] values = new int[view.remaining()];
        view.get(values);
        return values;
    }

    long[] asLongs() {
        LongBuffer view = view(Type.INT64).asLongBuffer();
        long[] values = new long[view.remaining()];
        view.get(values);
        return values;
    }

    float[] asFloats() {
        FloatBuffer view = view(Type.FP32).asFloatBuffer();
        float[] values = new float[view.remaining()];
        view.get(values);
        return values;
    }

    double[] asDoubles() {
        DoubleBuffer view = view(Type.FP64).asDoubleBuffer();
        double[] values = new double[view.remaining()];
        view.get(values);
        return values;
    }

    private ByteBuffer view(Type expected) {
        if (type != expected) {
            throw RolloutRequest.refused(name, "type " + type, expected.name());
        }
        if (data.limit() != elements() * expected.width()) {
            throw RolloutRequest.refused(
                    name,
                    data.limit() + " bytes",
                    elements() * expected.width() + ", by its shape " + Arrays.toString(shape));
        }
        return data.duplicate().order(ByteOrder.LITTLE_ENDIAN).rewind();
    }
}
