package dev.forkpoint.triton;

import java.nio.charset.StandardCharsets;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.tritonserver.global.tritonserver;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_Error;
import org.bytedeco.tritonserver.tritonserver.TRITONSERVER_Message;
import org.jspecify.annotations.Nullable;

/** Small helpers over the raw bindings: addresses, out-parameters, errors. */
final class Native {

    private Native() {}

    /**
     * A JavaCPP pointer at a raw address (or one that merely carries a number, as a callback's
     * userp does).
     */
    private static final class At extends Pointer {
        At(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }

    static Pointer at(long address) {
        return new At(address);
    }

    /**
     * Out-parameters, one set a thread. A JavaCPP pointer that owns memory costs an allocation, a
     * phantom reference and a place in a queue: more than the call it is for. Each slot is a
     * LongPointer (to read the raw value) seen through a PointerPointer (to pass it).
     */
    static final class Scratch {
        final LongPointer a = new LongPointer(1);
        final LongPointer b = new LongPointer(1);
        final LongPointer d = new LongPointer(1);
        final PointerPointer<Pointer> pa = new PointerPointer<>(a);
        final PointerPointer<Pointer> pb = new PointerPointer<>(b);
        final PointerPointer<Pointer> pd = new PointerPointer<>(d);
        final IntPointer i1 = new IntPointer(1);
        final IntPointer i2 = new IntPointer(1);
        final SizeTPointer size = new SizeTPointer(1);
        final boolean[] flag = new boolean[1];
    }

    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    static Scratch scratch() {
        return SCRATCH.get();
    }

    /** Throws (and frees) a Triton error; null is success. */
    static void check(@Nullable TRITONSERVER_Error error) {
        if (error != null) {
            throw take(error, true);
        }
    }

    static TritonException take(TRITONSERVER_Error error, boolean owned) {
        int code = tritonserver.TRITONSERVER_ErrorCode(error);
        String message = tritonserver.TRITONSERVER_ErrorMessage(error);
        if (owned) {
            tritonserver.TRITONSERVER_ErrorDelete(error);
        }
        return TritonException.of(code, message);
    }

    static String string(long address) {
        return address == 0 ? "" : new BytePointer(at(address)).getString(StandardCharsets.UTF_8);
    }

    /** The bytes at an address, copied. */
    static byte[] bytes(long address, long size) {
        byte[] copy = new byte[Math.toIntExact(size)];
        if (copy.length > 0) {
            new BytePointer(at(address)).get(copy);
        }
        return copy;
    }

    /** Serialises a message and deletes it. */
    static String takeJson(long message) {
        Scratch s = scratch();
        TRITONSERVER_Message handle = new TRITONSERVER_Message(at(message));
        try {
            check(tritonserver.TRITONSERVER_MessageSerializeToJson(handle, s.pd, s.size));
            return new String(bytes(s.d.get(), s.size.get()), StandardCharsets.UTF_8);
        } finally {
            tritonserver.TRITONSERVER_MessageDelete(handle);
        }
    }
}
