package dev.forkpoint.policy.checkpoint;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.forkpoint.policy.PolicyFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What files a snapshot consists of, with the SHA-256 of each: {@value #FILE_NAME} beside them.
 * Other programs ignore it.
 *
 * @param files path below the folder, with {@code /}, → size and hash
 */
public record Manifest(SortedMap<String, Entry> files) {

    /** Name of the manifest's own file, which it does not list. */
    public static final String FILE_NAME = "forkpoint_manifest.json";

    private static final Gson GSON =
            new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

    /**
     * One file.
     *
     * @param sizeBytes its length
     * @param sha256 64 lower-case hexadecimal digits
     */
    public record Entry(long sizeBytes, String sha256) {}

    public Manifest {
        files = new TreeMap<>(files);
    }

    /** Hashes every file below the folder, the manifest excepted. */
    public static Manifest of(Path directory) throws IOException {
        SortedMap<String, Entry> files = new TreeMap<>();
        for (Path file : AtomicFiles.filesBelow(directory)) {
            String name = directory.relativize(file).toString().replace('\\', '/');
            if (!name.equals(FILE_NAME)) {
                files.put(name, new Entry(Files.size(file), sha256(file)));
            }
        }
        return new Manifest(files);
    }

    /** Whether the folder has a manifest. */
    public static boolean presentIn(Path directory) {
        return Files.exists(directory.resolve(FILE_NAME));
    }

    /**
     * Reads a folder's manifest.
     *
     * @throws PolicyFormatException if it is missing or not a manifest
     */
    public static Manifest read(Path directory) throws PolicyFormatException {
        Path file = directory.resolve(FILE_NAME);
        try {
            JsonObject root = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
            SortedMap<String, Entry> files = new TreeMap<>();
            for (Map.Entry<String, JsonElement> e : root.getAsJsonObject("files").entrySet()) {
                JsonObject value = e.getValue().getAsJsonObject();
                String hash = value.get("sha256").getAsString();
                if (!hash.matches("[0-9a-f]{64}") || !safe(e.getKey())) {
                    throw new PolicyFormatException(
                            file
                                    + ": "
                                    + e.getKey()
                                    + ": "
                                    + value
                                    + " (expected: a path below the folder, sizeBytes, and sha256 of 64 hexadecimal digits)");
                }
                files.put(e.getKey(), new Entry(value.get("sizeBytes").getAsLong(), hash));
            }
            return new Manifest(files);
        } catch (PolicyFormatException e) {
            throw e;
        } catch (IOException
                | JsonParseException
                | IllegalStateException
                | NullPointerException
                | UnsupportedOperationException
                | NumberFormatException
                | ClassCastException e) {
            throw new PolicyFormatException(
                    file + ": not a readable manifest: " + e.getMessage(), e);
        }
    }

    /** Writes {@value #FILE_NAME} into the folder. */
    public void write(Path directory) throws IOException {
        Files.writeString(directory.resolve(FILE_NAME), toJson());
    }

    /** The manifest as JSON. */
    public String toJson() {
        JsonObject root = new JsonObject();
        root.addProperty("format", 1);
        root.add("files", GSON.toJsonTree(files));
        return GSON.toJson(root) + "\n";
    }

    /** Hash of the whole snapshot: the SHA-256 of this manifest's JSON. */
    public String digest() {
        return HexFormat.of()
                .formatHex(newDigest().digest(toJson().getBytes(StandardCharsets.UTF_8)));
    }

    /**
     * Checks every listed file's size and hash.
     *
     * @throws PolicyFormatException naming the first file that is missing or differs
     */
    public void verify(Path directory) throws PolicyFormatException {
        for (Map.Entry<String, Entry> e : files.entrySet()) {
            Path file = directory.resolve(e.getKey());
            try {
                if (!Files.isRegularFile(file)) {
                    throw new PolicyFormatException(file + ": missing, but listed in " + FILE_NAME);
                }
                long size = Files.size(file);
                if (size != e.getValue().sizeBytes) {
                    throw new PolicyFormatException(
                            file
                                    + ": "
                                    + size
                                    + " bytes (expected: "
                                    + e.getValue().sizeBytes
                                    + ", by "
                                    + FILE_NAME
                                    + ")");
                }
                String hash = sha256(file);
                if (!hash.equals(e.getValue().sha256)) {
                    throw new PolicyFormatException(
                            file
                                    + ": SHA-256 "
                                    + hash
                                    + " (expected: "
                                    + e.getValue().sha256
                                    + ", by "
                                    + FILE_NAME
                                    + ")");
                }
            } catch (PolicyFormatException x) {
                throw x;
            } catch (IOException x) {
                throw new PolicyFormatException(file + ": cannot be read: " + x.getMessage(), x);
            }
        }
    }

    /** SHA-256 of one file, in lower-case hexadecimal digits. */
    public static String sha256(Path file) throws IOException {
        MessageDigest digest = newDigest();
        byte[] buffer = new byte[1 << 16];
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static boolean safe(String name) {
        Path path = Path.of(name);
        return !path.isAbsolute() && path.normalize().equals(path) && !path.startsWith("..");
    }

    private static MessageDigest newDigest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
