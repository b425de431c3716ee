package dev.forkpoint.policy.checkpoint;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.forkpoint.policy.PolicyFormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** The weights of a folder: one safetensors file, or shards with an index. */
public final class WeightFiles implements AutoCloseable {

    /** Largest file written; beyond it weights go into shards. */
    public static final long MAX_SHARD_BYTES = 5_000_000_000L;

    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    /** A tensor and the file that holds it. */
    public record Located(Safetensors file, Safetensors.Entry entry) {}

    /** Gives the bytes of a tensor, part by part, in order. */
    @FunctionalInterface
    public interface Source {
        void write(Safetensors.Entry entry, FileChannel out) throws IOException;
    }

    private final List<Safetensors> files = new ArrayList<>();
    private final SortedMap<String, Located> tensors = new TreeMap<>();

    private WeightFiles() {}

    /** Opens all weight files of a folder and checks their headers against each other. */
    public static WeightFiles open(Path directory) throws PolicyFormatException {
        WeightFiles out = new WeightFiles();
        try {
            Path index = directory.resolve(INDEX);
            if (Files.exists(directory.resolve(SINGLE)) || !Files.exists(index)) {
                out.add(directory.resolve(SINGLE));
            } else {
                out.addShards(directory, index);
            }
            return out;
        } catch (PolicyFormatException | RuntimeException e) {
            out.close();
            throw e;
        }
    }

    private void add(Path file) throws PolicyFormatException {
        Safetensors opened = Safetensors.open(file);
        files.add(opened);
        for (Safetensors.Entry e : opened.entries().values()) {
            Located before = tensors.put(e.name(), new Located(opened, e));
            if (before != null) {
                throw new PolicyFormatException(
                        file + ": " + e.name() + ": also in " + before.file.file());
            }
        }
    }

    private void addShards(Path directory, Path index) throws PolicyFormatException {
        JsonObject json = ConfigFile.parse(index);
        if (!json.has("weight_map") || !json.get("weight_map").isJsonObject()) {
            throw new PolicyFormatException(index + ": weight_map: missing");
        }
        Map<String, String> fileOf = new HashMap<>();
        for (Map.Entry<String, JsonElement> e : json.getAsJsonObject("weight_map").entrySet()) {
            if (!e.getValue().isJsonPrimitive()
                    || !e.getValue().getAsString().matches("[\\w.-]+\\.safetensors")) {
                throw new PolicyFormatException(
                        index
                                + ": "
                                + e.getKey()
                                + ": "
                                + e.getValue()
                                + " (expected: a .safetensors file beside the index)");
            }
            fileOf.put(e.getKey(), e.getValue().getAsString());
        }
        for (String name : new TreeSet<>(fileOf.values())) {
            add(directory.resolve(name));
        }
        for (Map.Entry<String, String> e : fileOf.entrySet()) {
            Located located = tensors.get(e.getKey());
            if (located == null
                    || !String.valueOf(located.file.file().getFileName()).equals(e.getValue())) {
                throw new PolicyFormatException(
                        directory.resolve(e.getValue())
                                + ": "
                                + e.getKey()
                                + ": missing, but named in "
                                + INDEX);
            }
        }
    }

    /** Tensors by name. */
    public SortedMap<String, Located> tensors() {
        return tensors;
    }

    @Override
    public void close() {
        for (Safetensors file : files) {
            try {
                file.close();
            } catch (IOException e) {
                // read-only: nothing can be lost
            }
        }
    }

    /** Writes weights into a folder, in shards where one file would grow beyond the limit. */
    static void write(
            Path directory, List<Safetensors.Entry> tensors, long maxShardBytes, Source source)
            throws IOException {
        List<List<Safetensors.Entry>> shards = new ArrayList<>();
        long used = 0;
        for (Safetensors.Entry e : tensors) {
            if (shards.isEmpty() || used + e.size() > maxShardBytes) {
                shards.add(new ArrayList<>());
                used = 0;
            }
            shards.get(shards.size() - 1).add(e);
            used += e.size();
        }
        if (shards.size() == 1) {
            writeFile(directory.resolve(SINGLE), shards.get(0), source);
            return;
        }
        JsonObject map = new JsonObject();
        for (int i = 0; i < shards.size(); i++) {
            String name = "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
            writeFile(directory.resolve(name), shards.get(i), source);
            shards.get(i).forEach(e -> map.addProperty(e.name(), name));
        }
        JsonObject metadata = new JsonObject();
        metadata.addProperty(
                "total_size", tensors.stream().mapToLong(Safetensors.Entry::size).sum());
        JsonObject index = new JsonObject();
        index.add("metadata", metadata);
        index.add("weight_map", map);
        Gson gson = new GsonBuilder().setPrettyPrinting().create();
        Files.writeString(directory.resolve(INDEX), gson.toJson(index) + "\n");
    }

    /** Writes one safetensors file. */
    public static void writeFile(Path file, List<Safetensors.Entry> tensors, Source source)
            throws IOException {
        try (FileChannel out =
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.TRUNCATE_EXISTING)) {
            writeFully(out, Safetensors.header(tensors));
            for (Safetensors.Entry e : tensors) {
                long before = out.position();
                source.write(e, out);
                if (out.position() - before != e.size()) {
                    throw new IllegalStateException(
                            e.name()
                                    + ": wrote "
                                    + (out.position() - before)
                                    + " bytes of "
                                    + e.size());
                }
            }
        }
    }

    /** Writes all that remains. */
    public static void writeFully(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }
}
