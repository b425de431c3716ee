package dev.forkpoint.learner.record;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * Curves for TensorBoard: an event file is a sequence of records (length, masked CRC-32C of it,
 * bytes, masked CRC-32C of them; little-endian), each a message Event: wall_time = 1, step = 2,
 * file_version = 3, summary = 5 of values with tag = 1 and simple_value = 2.
 */
public final class TensorBoardEvents {
    private static final int MASK_DELTA = 0xa282ead8;

    private final Path file;

    private TensorBoardEvents(Path file) {
        this.file = file;
    }

    /**
     * Begins the event file of a run, in place of what stands there: a resumed run writes its
     * metrics so far again, since events of steps that were lost cannot be taken back.
     *
     * @param folder of the run
     */
    public static TensorBoardEvents begin(Path folder, double wallTimeSeconds) throws IOException {
        // The name's number orders the files of a folder; there is only this one.
        Path file = folder.resolve("events.out.tfevents.0000000000.forkpoint");
        Files.createDirectories(folder);
        Files.write(file, new byte[0]);
        TensorBoardEvents events = new TensorBoardEvents(file);
        events.append(
                event(
                        out -> {
                            out.writeDouble(1, wallTimeSeconds);
                            out.writeString(3, "brain.Event:2");
                        }));
        return events;
    }

    /** The file. */
    public Path file() {
        return file;
    }

    /**
     * Adds a step's metrics.
     *
     * @param values by name; ones that are not finite are left out
     * @param wallTimeSeconds since 1970
     */
    public void step(long step, Map<String, Double> values, double wallTimeSeconds)
            throws IOException {
        byte[] summary =
                event(
                        out -> {
                            for (Map.Entry<String, Double> value :
                                    new TreeMap<>(values).entrySet()) {
                                if (Double.isFinite(value.getValue())) {
                                    out.writeByteArray(1, value(value.getKey(), value.getValue()));
                                }
                            }
                        });
        append(
                event(
                        out -> {
                            out.writeDouble(1, wallTimeSeconds);
                            out.writeInt64(2, step);
                            out.writeByteArray(5, summary);
                        }));
    }

    private static byte[] value(String tag, double value) {
        return event(
                out -> {
                    out.writeString(1, tag);
                    out.writeFloat(2, (float) value);
                });
    }

    private interface Fields {
        void write(CodedOutputStream out) throws IOException;
    }

    private static byte[] event(Fields fields) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        try {
            fields.write(out);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private void append(byte[] record) throws IOException {
        ByteBuffer framed = ByteBuffer.allocate(16 + record.length).order(ByteOrder.LITTLE_ENDIAN);
        framed.putLong(record.length);
        framed.putInt(maskedCrc(framed.array(), 8));
        framed.put(record);
        framed.putInt(maskedCrc(record, record.length));
        framed.flip();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.APPEND)) {
            while (framed.hasRemaining()) {
                channel.write(framed);
            }
        }
    }

    /** Rotated and shifted, so that a CRC of bytes that hold a CRC stays a good check. */
    static int maskedCrc(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        int value = (int) crc.getValue();
        return Integer.rotateRight(value, 15) + MASK_DELTA;
    }
}
