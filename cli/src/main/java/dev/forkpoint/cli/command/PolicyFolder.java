package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Installation;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Folders of policies as commands name them. */
final class PolicyFolder {

    private static final String CONFIG = "config.json";
    private static final String ADAPTER_CONFIG = "adapter_config.json";

    private PolicyFolder() {}

    /**
     * Finds a folder or file given by a relative path: from the working directory, then from {@code
     * others}; so a bundled policy is found from anywhere.
     */
    static Path find(String option, String path, List<Path> others) {
        Set<Path> candidates = new LinkedHashSet<>();
        candidates.add(Path.of(path).toAbsolutePath().normalize());
        others.forEach(base -> candidates.add(base.resolve(path).toAbsolutePath().normalize()));
        for (Path candidate : candidates) {
            if (Files.exists(candidate)) {
                return candidate;
            }
        }
        throw new UsageException(
                "%s: %s does not exist (looked at %s)"
                        .formatted(
                                option,
                                path,
                                String.join(
                                        ", ", candidates.stream().map(Path::toString).toList())));
    }

    /** The folder of a policy in Hugging Face layout. */
    static Path require(String option, String path, Installation installation) {
        return requireFile(option, path, installation, CONFIG);
    }

    /**
     * The folder of a policy, or of an adapter that names a base on this machine; the services that
     * the command starts may read it, and the base.
     */
    static Path offer(String option, String path, Installation installation, LocalSettings local) {
        Path folder = find(option, path, List.of(installation.root()));
        local.allow(folder);
        if (!isAdapter(folder)) {
            return require(option, path, installation);
        }
        Path base = Path.of(baseName(folder));
        if (!base.isAbsolute() || !Files.isRegularFile(base.resolve(CONFIG))) {
            throw new UsageException(
                    "%s: %s names the base \"%s\" (expected: a folder on this machine with %s)"
                            .formatted(option, folder.resolve(ADAPTER_CONFIG), base, CONFIG));
        }
        local.allow(base);
        return folder;
    }

    /** The base of an adapter's folder; of a policy's, none. */
    static Optional<Path> base(Path folder) {
        return isAdapter(folder) ? Optional.of(Path.of(baseName(folder))) : Optional.empty();
    }

    private static boolean isAdapter(Path folder) {
        return Files.isRegularFile(folder.resolve(ADAPTER_CONFIG))
                && !Files.exists(folder.resolve(CONFIG));
    }

    private static String baseName(Path adapter) {
        try {
            return JsonMapper.builder()
                    .build()
                    .readTree(adapter.resolve(ADAPTER_CONFIG).toFile())
                    .path("base_model_name_or_path")
                    .asText();
        } catch (IOException e) {
            throw new UsageException(
                    adapter.resolve(ADAPTER_CONFIG) + ": cannot be read: " + e.getMessage());
        }
    }

    /** The folder of an adapter in PEFT layout. */
    static Path requireAdapter(String option, String path, Installation installation) {
        return requireFile(option, path, installation, ADAPTER_CONFIG);
    }

    /**
     * How services are told of a folder. A snapshot that a run published keeps its version ({@code
     * RUN/policies/VERSION}); any other folder is version 0.
     */
    static PolicySnapshot snapshot(Path folder) {
        return snapshot(folder, base(folder).orElse(null));
    }

    /** As {@link #snapshot(Path)}, of an adapter over another base than the one that it names. */
    static PolicySnapshot snapshot(Path folder, @Nullable Path base) {
        Path parent = folder.getParent();
        String name = String.valueOf(folder.getFileName());
        Path run = parent == null ? null : parent.getParent();
        String lineage = name;
        long version = 0;
        if (parent != null
                && run != null
                && parent.endsWith("policies")
                && name.matches("\\d{1,18}")) {
            lineage = String.valueOf(run.getFileName());
            version = Long.parseLong(name);
        }
        PolicySnapshot.Builder snapshot =
                PolicySnapshot.newBuilder()
                        .setPolicyId(id(lineage))
                        .setVersion(version)
                        .setUri(folder.toUri().toString());
        if (base != null) {
            snapshot.setBaseUri(base.toUri().toString());
        }
        return snapshot.build();
    }

    private static String id(String name) {
        String id = name.replaceAll("[^A-Za-z0-9._-]", "_");
        return id.isEmpty() ? "policy" : id.substring(0, Math.min(128, id.length()));
    }

    private static Path requireFile(
            String option, String path, Installation installation, String file) {
        Path folder = find(option, path, List.of(installation.root()));
        if (!Files.isDirectory(folder)) {
            throw new UsageException(option + ": " + folder + " is not a folder");
        }
        if (!Files.isRegularFile(folder.resolve(file))) {
            throw new UsageException(option + ": " + folder + " has no " + file);
        }
        return folder;
    }
}
