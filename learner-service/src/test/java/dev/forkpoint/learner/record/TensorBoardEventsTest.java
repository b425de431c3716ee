package dev.forkpoint.learner.record;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.CodedInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardEventsTest {
    @TempDir Path folder;

    private record Event(double wallTime, long step, String version, Map<String, Float> values) {}

    @Test
    void checksumIsTheMaskedCastagnoliOfTheFormat() {
        // CRC-32C's check value is 0xE3069283 for "123456789"; masked by TFRecord's definition,
        // done by hand:
        // ((0xE3069283 >>> 15) | (0xE3069283 << 17)) + 0xA282EAD8.
        byte[] check = "123456789".getBytes(StandardCharsets.US_ASCII);
        assertThat(TensorBoardEvents.maskedCrc(check, check.length))
                .isEqualTo(0x2507c60d + 0xa282ead8);
    }

    @Test
    void writesAVersionAndThenTheStepsInOrder() throws IOException {
        TensorBoardEvents events = TensorBoardEvents.begin(folder, 10.5);
        events.step(1, Map.of("reward/mean", 0.25, "loss", Double.NaN), 11);
        events.step(2, Map.of("reward/mean", 0.5, "entropy/threshold", 0.672), 12);
        List<Event> read = read(events.file());
        assertThat(read)
                .containsExactly(
                        new Event(10.5, 0, "brain.Event:2", Map.of()),
                        new Event(11, 1, "", Map.of("reward/mean", 0.25f)),
                        new Event(
                                12,
                                2,
                                "",
                                Map.of("reward/mean", 0.5f, "entropy/threshold", 0.672f)));
    }

    @Test
    void beginningAgainReplacesWhatALostLifeWrote() throws IOException {
        TensorBoardEvents.begin(folder, 1).step(7, Map.of("loss", 1.0), 2);
        TensorBoardEvents again = TensorBoardEvents.begin(folder, 3);
        assertThat(read(again.file())).hasSize(1);
        assertThat(Files.list(folder)).hasSize(1);
    }

    /** A reader of its own, which refuses a wrong checksum or length. */
    private static List<Event> read(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<Event> events = new ArrayList<>();
        while (bytes.hasRemaining()) {
            byte[] header = new byte[8];
            bytes.get(header);
            assertThat(bytes.getInt()).isEqualTo(TensorBoardEvents.maskedCrc(header, 8));
            byte[] record =
                    new byte
                            [Math.toIntExact(
                                    ByteBuffer.wrap(header)
                                            .order(ByteOrder.LITTLE_ENDIAN)
                                            .getLong())];
            bytes.get(record);
            assertThat(bytes.getInt())
                    .isEqualTo(TensorBoardEvents.maskedCrc(record, record.length));
            events.add(event(record));
        }
        return events;
    }

    private static Event event(byte[] record) throws IOException {
        CodedInputStream in = CodedInputStream.newInstance(record);
        double wallTime = 0;
        long step = 0;
        String version = "";
        Map<String, Float> values = new LinkedHashMap<>();
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            switch (tag >>> 3) {
                case 1 -> wallTime = in.readDouble();
                case 2 -> step = in.readInt64();
                case 3 -> version = in.readString();
                case 5 -> values(in.readByteArray(), values);
                default -> throw new IOException("field " + (tag >>> 3));
            }
        }
        return new Event(wallTime, step, version, values);
    }

    private static void values(byte[] summary, Map<String, Float> values) throws IOException {
        CodedInputStream in = CodedInputStream.newInstance(summary);
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            CodedInputStream value = CodedInputStream.newInstance(in.readByteArray());
            value.readTag();
            String name = value.readString();
            value.readTag();
            values.put(name, value.readFloat());
        }
    }
}
