package dev.forkpoint.policy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Checkpoints with values of transformers: -Dforkpoint.fixtures=DIR, else those beside the project,
 * else the module's own copies.
 */
public final class Fixtures {

    private Fixtures() {}

    /** The folder that holds one folder a checkpoint. */
    public static Path root() {
        String named = System.getProperty("forkpoint.fixtures", "");
        if (!named.isEmpty()) {
            return Path.of(named).toAbsolutePath();
        }
        Path beside = Path.of("..", "..", "shared", "fixtures").toAbsolutePath().normalize();
        if (Files.isDirectory(beside)) {
            return beside;
        }
        try {
            return Path.of(Objects.requireNonNull(Fixtures.class.getResource("/fixtures")).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Names of all checkpoints. */
    public static Stream<String> names() throws IOException {
        try (Stream<Path> folders = Files.list(root())) {
            return folders
                    .filter(f -> Files.exists(f.resolve("golden.json")))
                    .map(f -> f.getFileName().toString())
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    public static Path folder(String name) {
        return root().resolve(name);
    }

    public static JsonObject golden(String name) throws IOException {
        return JsonParser.parseString(Files.readString(folder(name).resolve("golden.json")))
                .getAsJsonObject();
    }

    public static int[] ints(JsonElement array) {
        JsonArray a = array.getAsJsonArray();
        return IntStream.range(0, a.size()).map(i -> a.get(i).getAsInt()).toArray();
    }

    public static double[] doubles(JsonElement array) {
        JsonArray a = array.getAsJsonArray();
        return IntStream.range(0, a.size()).mapToDouble(i -> a.get(i).getAsDouble()).toArray();
    }
}
