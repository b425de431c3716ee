package dev.forkpoint.policy.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * The float types of weights on disk. Converted here, since DJL's native interface knows no 16-bit
 * floats.
 */
public enum FloatFormat {
    FLOAT32("F32", "float32", 4),
    BFLOAT16("BF16", "bfloat16", 2),
    FLOAT16("F16", "float16", 2);

    private final String safetensorsName;
    private final String torchName;
    private final int bytes;

    FloatFormat(String safetensorsName, String torchName, int bytes) {
        this.safetensorsName = safetensorsName;
        this.torchName = torchName;
        this.bytes = bytes;
    }

    /** Name in a safetensors header. */
    public String safetensorsName() {
        return safetensorsName;
    }

    /** Bytes of one value. */
    public int bytes() {
        return bytes;
    }

    /**
     * By name in config.json.
     *
     * @throws IllegalArgumentException if it is none
     */
    public static FloatFormat ofTorch(String name) {
        for (FloatFormat f : values()) {
            if (f.torchName.equals(name)) {
                return f;
            }
        }
        throw new IllegalArgumentException(
                "dtype: " + name + " (expected: float32, bfloat16 or float16)");
    }

    /** Whether a safetensors dtype is one of these. */
    public static boolean knows(String safetensorsName) {
        for (FloatFormat f : values()) {
            if (f.safetensorsName.equals(safetensorsName)) {
                return true;
            }
        }
        return false;
    }

    /** By name in a safetensors header. */
    public static FloatFormat ofSafetensors(String name) {
        for (FloatFormat f : values()) {
            if (f.safetensorsName.equals(name)) {
                return f;
            }
        }
        throw new IllegalArgumentException("dtype: " + name + " (expected: F32, BF16 or F16)");
    }

    /** All values that remain in little-endian bytes. */
    public float[] toFloats(ByteBuffer in) {
        float[] out = new float[in.remaining() / bytes];
        ByteBuffer from = in.slice().order(ByteOrder.LITTLE_ENDIAN);
        switch (this) {
            case FLOAT32 -> from.asFloatBuffer().get(out);
            case BFLOAT16 -> {
                for (int i = 0; i < out.length; i++) {
                    out[i] = Float.intBitsToFloat(from.getShort(2 * i) << 16);
                }
            }
            case FLOAT16 -> {
                for (int i = 0; i < out.length; i++) {
                    out[i] = halfToFloat(from.getShort(2 * i));
                }
            }
        }
        return out;
    }

    /** Values rounded to nearest, ties to even, as little-endian bytes. */
    public ByteBuffer fromFloats(FloatBuffer values) {
        int n = values.remaining();
        ByteBuffer out = ByteBuffer.allocate(n * bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < n; i++) {
            float value = values.get(values.position() + i);
            switch (this) {
                case FLOAT32 -> out.putFloat(value);
                case BFLOAT16 -> out.putShort(bfloat(value));
                case FLOAT16 -> out.putShort(floatToHalf(value));
            }
        }
        return out.flip();
    }

    private static short bfloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    static float halfToFloat(short half) {
        int exponent = half >> 10 & 0x1f;
        int fraction = half & 0x3ff;
        int sign = (half & 0x8000) << 16;
        if (exponent == 0) {
            float magnitude = fraction * 0x1p-24f;
            return sign == 0 ? magnitude : -magnitude;
        }
        int widened = exponent == 31 ? 255 : exponent - 15 + 127;
        return Float.intBitsToFloat(sign | widened << 23 | fraction << 13);
    }

    static short floatToHalf(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        float magnitude = Math.abs(value);
        if (Float.isNaN(value)) {
            return (short) (sign | 0x7e00);
        }
        if (magnitude >= 65520) { // half-way to the number after the greatest: rounds to infinity
            return (short) (sign | 0x7c00);
        }
        if (magnitude < 0x1p-14f) { // subnormal: rint rounds ties to even
            return (short) (sign | (int) Math.rint(magnitude * 0x1p24));
        }
        int rounded = (bits & 0x7fffffff) + 0xfff + (bits >>> 13 & 1);
        return (short) (sign | (rounded - (112 << 23)) >>> 13);
    }
}
