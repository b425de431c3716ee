package dev.forkpoint.cli.local;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which services to start on this machine, and how. */
public final class LocalSettings {

    private final Set<Service> services = EnumSet.noneOf(Service.class);
    private final Map<Service, Integer> ports = new EnumMap<>(Service.class);
    private final List<String> allowedUris = new ArrayList<>();
    private final Map<String, String> extra = new LinkedHashMap<>();
    private @Nullable String engine;
    private Path runRoot = Path.of("runs").toAbsolutePath();
    private Path logParent = Path.of(System.getProperty("java.io.tmpdir"));

    /** Starts these. */
    public LocalSettings(Service... which) {
        services.addAll(List.of(which));
    }

    /** The rollout engine; the service's own default when absent. */
    public LocalSettings engine(@Nullable String name) {
        engine = name;
        return this;
    }

    /** Services may load policies under this folder. */
    public LocalSettings allow(Path folder) {
        // Without the slash that Path.toUri adds to folders, so that the folder itself is allowed.
        String uri = folder.toAbsolutePath().normalize().toUri().toString();
        allowedUris.add(
                (uri.endsWith("/") ? uri.substring(0, uri.length() - 1) : uri)
                        // a comma would end the entry
                        .replace(",", "%2C"));
        return this;
    }

    /** Runs live here, and so do the logs while a run is being started. */
    public LocalSettings runRoot(Path folder) {
        runRoot = folder.toAbsolutePath().normalize();
        logParent = runRoot;
        return allow(runRoot);
    }

    /** Fixed ports instead of free ones. */
    public LocalSettings ports(Map<Service, Integer> fixed) {
        ports.putAll(fixed);
        return this;
    }

    /** One more configuration key for every service. */
    public LocalSettings with(String key, String value) {
        extra.put(key, value);
        return this;
    }

    Set<Service> services() {
        return services;
    }

    Map<Service, Integer> ports() {
        return ports;
    }

    List<String> allowedUris() {
        return allowedUris;
    }

    Map<String, String> extra() {
        return extra;
    }

    @Nullable String engine() {
        return engine;
    }

    Path runRoot() {
        return runRoot;
    }

    Path logParent() {
        return logParent;
    }
}
