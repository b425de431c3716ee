package dev.forkpoint.cli.local;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.forkpoint.cli.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where running services are.
 *
 * @param replicas host:port of each replica, by service
 * @param dashboard the learner's page, where known
 */
public record Addresses(Map<Service, List<String>> replicas, @Nullable String dashboard) {

    /**
     * Reads the option {@code --address}.
     *
     * @param text the ready file of {@code serve}; or {@code NAME=HOST:PORT,…} with the names
     *     rollout, entropy, reward, learner; or, when the command needs one service, {@code
     *     HOST:PORT,…}, its replicas
     * @param needed what the command calls
     */
    public static Addresses parse(String text, List<Service> needed) {
        Addresses addresses =
                Files.isRegularFile(Path.of(text)) ? read(Path.of(text)) : list(text, needed);
        for (Service service : needed) {
            if (addresses.replicas.getOrDefault(service, List.of()).isEmpty()) {
                throw new UsageException(
                        "--address: %s names no %s-service, which this command calls"
                                .formatted(text, service.label()));
            }
        }
        return addresses;
    }

    private static Addresses list(String text, List<Service> needed) {
        Map<Service, List<String>> replicas = new EnumMap<>(Service.class);
        for (String entry : text.split(",", -1)) {
            int equals = entry.indexOf('=');
            Service service;
            if (equals >= 0) {
                try {
                    service = Service.of(entry.substring(0, equals).trim());
                } catch (IllegalArgumentException e) {
                    throw new UsageException("--address: " + e.getMessage(), e);
                }
            } else if (needed.size() == 1) {
                service = needed.get(0);
            } else {
                throw new UsageException(
                        "--address: %s is neither a file nor says which service it is: write %s"
                                .formatted(
                                        entry,
                                        example(
                                                needed.isEmpty()
                                                        ? List.of(Service.values())
                                                        : needed)));
            }
            String address = entry.substring(equals + 1).trim();
            if (!address.matches("(\\[[0-9a-fA-F:]+]|[^\\s:/]+):\\d{1,5}")) {
                throw new UsageException(
                        "--address: %s (expected: the ready file of serve, or HOST:PORT)"
                                .formatted(entry));
            }
            int port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
            if (port < 1 || port > 65535) {
                throw new UsageException(
                        "--address: %s: port %d (allowed: 1 to 65535)".formatted(entry, port));
            }
            replicas.computeIfAbsent(service, s -> new ArrayList<>()).add(address);
        }
        return new Addresses(replicas, null);
    }

    private static String example(List<Service> needed) {
        return String.join(
                ",", needed.stream().map(service -> service.label() + "=HOST:PORT").toList());
    }

    private static Addresses read(Path file) {
        JsonNode ready;
        try {
            ready = JsonMapper.builder().build().readTree(file.toFile());
        } catch (IOException e) {
            throw new UsageException(
                    "--address: cannot read " + file + " as JSON: " + e.getMessage(), e);
        }
        Map<Service, List<String>> replicas = new EnumMap<>(Service.class);
        for (Service service : Service.values()) {
            JsonNode address = ready.path(service.label());
            if (address.isTextual()) {
                replicas.put(service, List.of(address.asText().split(",")));
            }
        }
        return new Addresses(
                replicas, ready.hasNonNull("dashboard") ? ready.get("dashboard").asText() : null);
    }
}
