package dev.forkpoint.policy.checkpoint;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import dev.forkpoint.policy.PolicyFormatException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * One safetensors file: a length, a JSON header with shapes and offsets, the data. Everything is
 * checked before a tensor is read; a file from anywhere is refused with a message, never trusted.
 */
public final class Safetensors implements AutoCloseable {

    /** Longest header taken, as in the reference implementation. */
    public static final long MAX_HEADER_BYTES = 100_000_000;

    /**
     * One tensor in a file.
     *
     * @param name as in the header
     * @param dtype {@code F32}, {@code BF16} …
     * @param shape dimensions
     * @param begin first byte in the file
     * @param size bytes
     */
    public record Entry(String name, String dtype, long[] shape, long begin, long size) {}

    /** Bytes of one element by dtype, of all that the format knows. */
    private static final Map<String, Integer> BITS =
            Map.ofEntries(
                    Map.entry("F64", 64),
                    Map.entry("F32", 32),
                    Map.entry("F16", 16),
                    Map.entry("BF16", 16),
                    Map.entry("I64", 64),
                    Map.entry("I32", 32),
                    Map.entry("I16", 16),
                    Map.entry("I8", 8),
                    Map.entry("U64", 64),
                    Map.entry("U32", 32),
                    Map.entry("U16", 16),
                    Map.entry("U8", 8),
                    Map.entry("BOOL", 8),
                    Map.entry("F8_E4M3", 8),
                    Map.entry("F8_E5M2", 8));

    private final Path file;
    private final FileChannel channel;
    private final SortedMap<String, Entry> entries;

    private Safetensors(Path file, FileChannel channel, SortedMap<String, Entry> entries) {
        this.file = file;
        this.channel = channel;
        this.entries = entries;
    }

    /**
     * Opens a file and checks its header.
     *
     * @throws PolicyFormatException naming the header field or tensor that is wrong
     */
    public static Safetensors open(Path file) throws PolicyFormatException {
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.READ);
            SortedMap<String, Entry> entries = header(file, channel);
            Safetensors opened = new Safetensors(file, channel, entries);
            channel = null;
            return opened;
        } catch (NoSuchFileException e) {
            throw new PolicyFormatException(file + ": missing", e);
        } catch (PolicyFormatException e) {
            throw e;
        } catch (IOException e) {
            throw new PolicyFormatException(file + ": cannot be read: " + e.getMessage(), e);
        } finally {
            closeQuietly(channel);
        }
    }

    public Path file() {
        return file;
    }

    /** Tensors by name. */
    public SortedMap<String, Entry> entries() {
        return entries;
    }

    /**
     * Some of a tensor's bytes, little-endian. Read, not mapped: a map stays resident until the
     * garbage collector finds it, and a file cut meanwhile would end the process.
     *
     * @throws EOFException if the file has been cut since it was opened
     */
    public ByteBuffer read(Entry entry, long from, long length) throws IOException {
        if (from < 0 || length < 0 || length > Integer.MAX_VALUE || from + length > entry.size) {
            throw new IllegalArgumentException(
                    "bytes " + from + " to " + (from + length) + " of " + entry);
        }
        ByteBuffer out = ByteBuffer.allocate((int) length).order(ByteOrder.LITTLE_ENDIAN);
        while (out.hasRemaining()) {
            if (channel.read(out, entry.begin + from + out.position()) < 0) {
                throw new EOFException(file + ": " + entry.name + ": cut while it was read");
            }
        }
        return out.flip();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    private static void closeQuietly(@org.jspecify.annotations.Nullable FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                // the error that led here says more
            }
        }
    }

    private static SortedMap<String, Entry> header(Path file, FileChannel channel)
            throws IOException {
        long fileSize = channel.size();
        if (fileSize < 8) {
            throw new PolicyFormatException(
                    file + ": " + fileSize + " bytes (expected: at least 8, the header's length)");
        }
        ByteBuffer lengthBytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        readFully(channel, lengthBytes, 0);
        long length = lengthBytes.getLong(0);
        if (length < 2 || length > Math.min(MAX_HEADER_BYTES, fileSize - 8)) {
            throw new PolicyFormatException(
                    file
                            + ": header length "
                            + Long.toUnsignedString(length)
                            + " (expected: 2 to "
                            + Math.min(MAX_HEADER_BYTES, fileSize - 8)
                            + ")");
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) length);
        readFully(channel, bytes, 8);
        String json;
        try {
            json =
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .onMalformedInput(CodingErrorAction.REPORT)
                            .onUnmappableCharacter(CodingErrorAction.REPORT)
                            .decode(bytes.flip())
                            .toString();
        } catch (CharacterCodingException e) {
            throw new PolicyFormatException(file + ": header is not UTF-8", e);
        }
        if (json.charAt(0) != '{') {
            throw new PolicyFormatException(file + ": header does not begin with {");
        }
        long dataSize = fileSize - 8 - length;
        SortedMap<String, Entry> entries = parse(file, json, 8 + length, dataSize);
        checkCover(file, entries, 8 + length, dataSize);
        return entries;
    }

    private static void readFully(FileChannel channel, ByteBuffer into, long at)
            throws IOException {
        while (into.hasRemaining()) {
            int n = channel.read(into, at + into.position());
            if (n < 0) {
                throw new EOFException("ends at byte " + (at + into.position()));
            }
        }
    }

    /**
     * Reads the header's two fixed levels by hand: nothing recursive that a hostile file could make
     * deep.
     */
    private static SortedMap<String, Entry> parse(
            Path file, String json, long dataBegin, long dataSize) throws PolicyFormatException {
        SortedMap<String, Entry> entries = new TreeMap<>();
        String field = "header";
        boolean metadataSeen = false;
        Map<String, String> metadata = new TreeMap<>(); // read for its form; it means nothing here
        try (JsonReader in = new JsonReader(new StringReader(json))) {
            in.setStrictness(com.google.gson.Strictness.STRICT);
            in.beginObject();
            while (in.hasNext()) {
                String name = in.nextName();
                field = name;
                if (name.equals("__metadata__")) {
                    if (metadataSeen) {
                        throw new PolicyFormatException(
                                file + ": __metadata__: twice in the header");
                    }
                    metadataSeen = true;
                    in.beginObject();
                    while (in.hasNext()) {
                        metadata.put(in.nextName(), in.nextString());
                    }
                    in.endObject();
                    continue;
                }
                Entry entry = entry(file, name, in, dataBegin, dataSize);
                if (entries.put(name, entry) != null) {
                    throw new PolicyFormatException(file + ": " + name + ": twice in the header");
                }
            }
            in.endObject();
            field = "header";
            if (in.peek() != JsonToken.END_DOCUMENT) {
                throw new PolicyFormatException(file + ": header: text after its end");
            }
        } catch (MalformedJsonException
                | EOFException
                | IllegalStateException
                | NumberFormatException e) {
            throw new PolicyFormatException(
                    file
                            + ": "
                            + field
                            + ": header is not the JSON of a safetensors file: "
                            + e.getMessage(),
                    e);
        } catch (PolicyFormatException e) {
            throw e;
        } catch (IOException e) {
            throw new PolicyFormatException(file + ": " + field + ": " + e.getMessage(), e);
        }
        return entries;
    }

    private static Entry entry(Path file, String name, JsonReader in, long dataBegin, long dataSize)
            throws IOException {
        String at = file + ": " + name + ": ";
        String dtype = null;
        long[] shape = null;
        long[] offsets = null;
        in.beginObject();
        while (in.hasNext()) {
            String key = in.nextName();
            switch (key) {
                case "dtype" -> {
                    once(at, key, dtype == null);
                    dtype = in.nextString();
                }
                case "shape" -> {
                    once(at, key, shape == null);
                    shape = numbers(at + key, in, 8);
                }
                case "data_offsets" -> {
                    once(at, key, offsets == null);
                    offsets = numbers(at + key, in, 2);
                }
                default ->
                        throw new PolicyFormatException(
                                at + key + " (expected: dtype, shape or data_offsets)");
            }
        }
        in.endObject();
        if (dtype == null || shape == null || offsets == null || offsets.length != 2) {
            throw new PolicyFormatException(
                    at + "incomplete (expected: dtype, shape and two data_offsets)");
        }
        Integer bits = BITS.get(dtype);
        if (bits == null) {
            throw new PolicyFormatException(
                    at
                            + "dtype: "
                            + dtype
                            + " (expected: any of "
                            + new TreeMap<>(BITS).keySet()
                            + ")");
        }
        if (offsets[0] > offsets[1] || offsets[1] > dataSize) {
            throw new PolicyFormatException(
                    at
                            + "data_offsets: "
                            + offsets[0]
                            + " to "
                            + offsets[1]
                            + " (expected: ascending, at most "
                            + dataSize
                            + ", where the file ends)");
        }
        long expected = bits / 8;
        try {
            for (long n : shape) {
                expected = Math.multiplyExact(expected, n);
            }
        } catch (ArithmeticException e) {
            throw new PolicyFormatException(
                    at + "shape: " + java.util.Arrays.toString(shape) + ": too large", e);
        }
        if (offsets[1] - offsets[0] != expected) {
            throw new PolicyFormatException(
                    at
                            + "data_offsets: "
                            + (offsets[1] - offsets[0])
                            + " bytes (expected: "
                            + expected
                            + ", by dtype "
                            + dtype
                            + " and shape "
                            + java.util.Arrays.toString(shape)
                            + ")");
        }
        return new Entry(name, dtype, shape, dataBegin + offsets[0], expected);
    }

    private static void once(String at, String key, boolean first) throws PolicyFormatException {
        if (!first) {
            throw new PolicyFormatException(at + key + ": twice in the header");
        }
    }

    private static long[] numbers(String at, JsonReader in, int most) throws IOException {
        List<Long> out = new ArrayList<>();
        in.beginArray();
        while (in.hasNext()) {
            if (in.peek() != JsonToken.NUMBER || out.size() == most) {
                throw new PolicyFormatException(
                        at + " (expected: at most " + most + " whole numbers)");
            }
            String text = in.nextString();
            if (!text.matches("\\d{1,18}")) {
                throw new PolicyFormatException(
                        at + ": " + text + " (expected: a whole number, 0 or more)");
            }
            out.add(Long.parseLong(text));
        }
        in.endArray();
        return out.stream().mapToLong(Long::longValue).toArray();
    }

    /**
     * Tensors must lie side by side and fill the data: what overlaps or leaves a hole was not
     * written by a sound program.
     */
    private static void checkCover(
            Path file, SortedMap<String, Entry> entries, long begin, long size)
            throws PolicyFormatException {
        List<Entry> ordered = new ArrayList<>(entries.values());
        ordered.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::size));
        long at = begin;
        for (Entry e : ordered) {
            if (e.begin != at) {
                throw new PolicyFormatException(
                        file
                                + ": "
                                + e.name
                                + ": data_offsets begin at "
                                + (e.begin - begin)
                                + " (expected: "
                                + (at - begin)
                                + ", where the tensor before ends)");
            }
            at += e.size;
        }
        if (at != begin + size) {
            throw new PolicyFormatException(
                    file
                            + ": "
                            + size
                            + " bytes of data (expected: "
                            + (at - begin)
                            + ", by the header)");
        }
    }

    /**
     * The header of a file, padded to 8 bytes, as it stands at its beginning.
     *
     * @param tensors name → dtype, shape and size, in the order of the data; begin is ignored
     */
    static ByteBuffer header(List<Entry> tensors) {
        JsonObject root = new JsonObject();
        JsonObject metadata = new JsonObject();
        metadata.addProperty("format", "pt");
        root.add("__metadata__", metadata);
        Gson gson = new Gson();
        long at = 0;
        for (Entry e : tensors) {
            JsonObject t = new JsonObject();
            t.addProperty("dtype", e.dtype);
            t.add("shape", gson.toJsonTree(e.shape));
            t.add("data_offsets", gson.toJsonTree(new long[] {at, at + e.size}));
            root.add(e.name, t);
            at += e.size;
        }
        byte[] json = gson.toJson(root).getBytes(StandardCharsets.UTF_8);
        int padded = (json.length + 7) / 8 * 8;
        ByteBuffer out = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(padded).put(json);
        while (out.hasRemaining()) {
            out.put((byte) ' ');
        }
        return out.flip();
    }
}
