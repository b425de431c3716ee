package dev.forkpoint.triton;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A request, or a response, which has neither id nor timeout, as it crosses between Java and
 * forkpoint_backend.c: in one call instead of several for each tensor.
 */
record NativeMessage(String id, long timeoutMicros, List<Tensor> tensors) {

    /**
     * Timeout, length of the id, id; count of tensors; of each the length of its name, its type,
     * dimensions and bytes, then shape, name and data. Texts close with a 0. Each takes eight bytes
     * or a multiple, so that data begin where their type may.
     */
    byte[] pack() {
        byte[] idBytes = id.getBytes(StandardCharsets.UTF_8);
        byte[][] names = new byte[tensors.size()][];
        int size = 3 * Long.BYTES + eights(idBytes.length + 1);
        for (int i = 0; i < names.length; i++) {
            Tensor t = tensors.get(i);
            names[i] = t.name().getBytes(StandardCharsets.UTF_8);
            int fixed = (4 + t.shape().length) * Long.BYTES + eights(names[i].length + 1);
            size = Math.addExact(size, Math.addExact(fixed, eights(t.data().limit())));
        }
        ByteBuffer out = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(timeoutMicros).putLong(idBytes.length + 1);
        put(out, idBytes);
        out.putLong(names.length);
        for (int i = 0; i < names.length; i++) {
            Tensor t = tensors.get(i);
            ByteBuffer data = t.data().duplicate().rewind();
            out.putLong(names[i].length + 1).putLong(t.type().number());
            out.putLong(t.shape().length).putLong(data.limit());
            for (long n : t.shape()) {
                out.putLong(n);
            }
            put(out, names[i]);
            int end = out.position() + eights(data.limit());
            out.put(data).position(end);
        }
        return out.array();
    }

    private static void put(ByteBuffer out, byte[] text) {
        int end = out.position() + eights(text.length + 1);
        out.put(text).position(end);
    }

    private static int eights(int bytes) {
        return Math.addExact(bytes, 7) / 8 * 8;
    }

    /** The inverse of {@link #pack}; data are not copied again. */
    static NativeMessage unpack(byte[] packed) {
        ByteBuffer in = ByteBuffer.wrap(packed).order(ByteOrder.LITTLE_ENDIAN);
        long timeoutMicros = in.getLong();
        String id = text(in, packed, (int) in.getLong());
        int count = (int) in.getLong();
        List<Tensor> tensors = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int nameLength = (int) in.getLong();
            Tensor.Type type = Tensor.Type.of((int) in.getLong());
            long[] shape = new long[(int) in.getLong()];
            int bytes = (int) in.getLong();
            for (int d = 0; d < shape.length; d++) {
                shape[d] = in.getLong();
            }
            String name = text(in, packed, nameLength);
            int data = in.position();
            tensors.add(
                    new Tensor(
                            name,
                            type,
                            shape,
                            in.slice(data, bytes).order(ByteOrder.LITTLE_ENDIAN)));
            in.position(data + eights(bytes));
        }
        return new NativeMessage(id, timeoutMicros, tensors);
    }

    private static String text(ByteBuffer in, byte[] packed, int length) {
        int begin = in.position();
        in.position(begin + eights(length));
        return new String(packed, begin, length - 1, StandardCharsets.UTF_8);
    }
}
