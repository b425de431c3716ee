package dev.forkpoint.policy.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.forkpoint.policy.Fixtures;
import dev.forkpoint.policy.PolicyFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever stands in a file: the same tensors or an error that names it, never a crash or an
 * allocation beyond its size.
 */
class SafetensorsPropertyTest {

    @TempDir Path folder;

    private Path small() throws IOException {
        Path file = folder.resolve("small.safetensors");
        List<Safetensors.Entry> tensors =
                List.of(
                        new Safetensors.Entry("a.weight", "F32", new long[] {2, 3}, 0, 24),
                        new Safetensors.Entry("b.weight", "BF16", new long[] {4}, 0, 8),
                        new Safetensors.Entry("c", "F16", new long[] {}, 0, 2));
        WeightFiles.writeFile(
                file,
                tensors,
                (e, out) -> WeightFiles.writeFully(out, ByteBuffer.allocate((int) e.size())));
        return file;
    }

    private static List<String> described(Path file) throws IOException {
        try (Safetensors s = Safetensors.open(file)) {
            List<String> out = new ArrayList<>();
            for (Safetensors.Entry e : s.entries().values()) {
                out.add(
                        e.name()
                                + e.dtype()
                                + Arrays.toString(e.shape())
                                + e.begin()
                                + "+"
                                + e.size());
                assertThat(e.begin() + e.size()).isLessThanOrEqualTo(Files.size(file));
                assertThat(s.read(e, 0, e.size()).remaining()).isEqualTo((int) e.size());
            }
            return out;
        }
    }

    /** Every bit of every byte of the header. */
    @Test
    void flippedHeaderBitsGiveTheSameTensorsOtherNamesOrAnErrorThatNamesTheFile()
            throws IOException {
        Path file = small();
        byte[] good = Files.readAllBytes(file);
        List<String> expected = described(file);
        int header = 8 + (int) ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        int refused = 0;
        for (int i = 0; i < header; i++) {
            for (int bit = 0; bit < 8; bit++) {
                byte[] bad = good.clone();
                bad[i] ^= (byte) (1 << bit);
                Files.write(file, bad);
                try {
                    List<String> found = described(file);
                    // only a name, or two 16-bit float types of one size, can change without
                    // breaking the rest
                    assertThat(found).hasSameSizeAs(expected);
                    long differing = found.stream().filter(f -> !expected.contains(f)).count();
                    assertThat(differing).isLessThanOrEqualTo(1);
                } catch (PolicyFormatException e) {
                    assertThat(e).hasMessageContaining("small.safetensors: ");
                    refused++;
                }
            }
        }
        assertThat(refused).isGreaterThan(header * 4);
    }

    @Test
    void filesCutAnywhereAreRefused() throws IOException {
        Path file = small();
        byte[] good = Files.readAllBytes(file);
        for (int n = 0; n < good.length; n++) {
            Files.write(file, Arrays.copyOf(good, n));
            assertThatThrownBy(() -> described(file))
                    .isInstanceOf(PolicyFormatException.class)
                    .hasMessageContaining("small.safetensors: ");
        }
        Files.write(file, Arrays.copyOf(good, good.length + 1));
        assertThatThrownBy(() -> described(file))
                .hasMessageContaining("35 bytes of data (expected: 34");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, 100_000_001, 1L << 40, 1000})
    void hostileHeaderLengthsAreRefused(long length) throws IOException {
        Path file = small();
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
        Files.write(file, bytes);
        assertThatThrownBy(() -> described(file))
                .isInstanceOf(PolicyFormatException.class)
                .hasMessageContaining("header length");
    }

    static List<String> hostileHeaders() {
        String f32 = "\"dtype\":\"F32\",\"shape\":[1]";
        return List.of(
                "{\"a\":{"
                        + f32
                        + ",\"data_offsets\":[0,4]},\"b\":{"
                        + f32
                        + ",\"data_offsets\":[2,6]}}", // overlap
                "{\"a\":{"
                        + f32
                        + ",\"data_offsets\":[0,4]},\"b\":{"
                        + f32
                        + ",\"data_offsets\":[0,4]}}", // the same place
                "{\"a\":{" + f32 + ",\"data_offsets\":[4,8]}}", // a hole
                "{\"a\":{" + f32 + ",\"data_offsets\":[0,4]}}", // data left over
                "{\"a\":{" + f32 + ",\"data_offsets\":[8,4]}}",
                "{\"a\":{" + f32 + ",\"data_offsets\":[0,9223372036854775807]}}",
                "{\"a\":{" + f32 + ",\"data_offsets\":[-4,0]}}",
                "{\"a\":{" + f32 + ",\"data_offsets\":[0,4,8]}}",
                "{\"a\":{" + f32 + ",\"data_offsets\":[0.0,8.0]}}",
                "{\"a\":{" + f32 + ",\"data_offsets\":\"0,8\"}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,4],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", // wraps to 0
                "{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}",
                "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                "{\"a\":{"
                        + f32
                        + ",\"data_offsets\":[0,4]},\"a\":{"
                        + f32
                        + ",\"data_offsets\":[4,8]}}", // the same name
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}",
                "{\"a\":[]}",
                "{\"a\":null}",
                "[]",
                "{",
                "{}x",
                "{'a':1}",
                "{\"__metadata__\":{\"a\":{}}}",
                "{\"__metadata__\":{},\"__metadata__\":{}}",
                "{\"a\":" + "[".repeat(100_000),
                "{\"a\":" + "{\"b\":".repeat(100_000),
                "{\"__metadata__\":" + "{\"b\":".repeat(100_000),
                "{\"\ud800\":1}");
    }

    @ParameterizedTest
    @MethodSource("hostileHeaders")
    void hostileHeadersAreRefused(String header) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + 8).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(json.length).put(json);
        Path file = folder.resolve("hostile.safetensors");
        Files.write(file, bytes.array());
        assertThatThrownBy(() -> described(file))
                .isInstanceOf(PolicyFormatException.class)
                .hasMessageContaining("hostile.safetensors: ");
    }

    /** Real files under random damage of the header, seeds printed with the failure. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void randomlyDamagedHeadersOfARealCheckpointNeverCrash(long seed) throws IOException {
        Random random = new Random(seed);
        byte[] good =
                Files.readAllBytes(Fixtures.folder("qwen3-tied").resolve("model.safetensors"));
        int header = 8 + (int) ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        Path file = folder.resolve("damaged.safetensors");
        for (int round = 0; round < 100; round++) {
            byte[] bad = good.clone();
            for (int k = 1 + random.nextInt(4); k > 0; k--) {
                bad[random.nextInt(header)] = (byte) random.nextInt(256);
            }
            Files.write(file, bad);
            try (Safetensors s = Safetensors.open(file)) {
                SortedMap<String, Safetensors.Entry> entries = s.entries();
                assertThat(entries.values().stream().mapToLong(Safetensors.Entry::size).sum())
                        .isEqualTo(good.length - header);
            } catch (PolicyFormatException e) {
                assertThat(e).hasMessageContaining("damaged.safetensors: ");
            }
        }
    }
}
