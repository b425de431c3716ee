package dev.forkpoint.service.security;

import io.quarkus.runtime.LaunchMode;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Comparator;
import java.util.List;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.config.spi.ConfigSource;
import org.jboss.logging.Logger;

/**
 * What a service must be told before it opens: beyond loopback it needs TLS and tokens, and every
 * {@code forkpoint.…} key must be one that some service has.
 */
@ApplicationScoped
public class StartupChecks {

    private static final Logger LOG = Logger.getLogger(StartupChecks.class);

    /** Sections whose keys SmallRye checks itself in the service that has them. */
    private static final List<String> SECTIONS =
            List.of("rollout", "entropy", "reward", "learner", "triton");

    private static final List<String> KEYS =
            List.of(
                    "forkpoint.home",
                    "forkpoint.insecure",
                    "forkpoint.log.json",
                    "forkpoint.max-open-calls",
                    "forkpoint.parent-pid",
                    "forkpoint.peers.policy-uris",
                    "forkpoint.peers.token-file",
                    "forkpoint.peers.trust",
                    "forkpoint.policy.allowed-uris",
                    "forkpoint.policy.cache-dir",
                    "forkpoint.policy.cache-keep",
                    "forkpoint.ready-file",
                    "forkpoint.security.token-file",
                    "forkpoint.trace.endpoint");

    private final Config config;
    private final boolean insecure;

    StartupChecks(
            Config config,
            @ConfigProperty(name = "forkpoint.insecure", defaultValue = "false") boolean insecure) {
        this.config = config;
        this.insecure = insecure;
    }

    void check(@Observes @Priority(1) StartupEvent event) {
        if (LaunchMode.current() == LaunchMode.NORMAL) { // tests have keys of their own
            for (ConfigSource source : config.getConfigSources()) {
                // the environment's names are not unique, and not all of it is meant for us
                if (!source.getClass().getSimpleName().startsWith("Env")) {
                    source.getPropertyNames().forEach(StartupChecks::requireKnown);
                }
            }
        }
        requireSecure(
                text("quarkus.http.host", "0.0.0.0"),
                config.getOptionalValue("quarkus.http.tls-configuration-name", String.class)
                                .isPresent()
                        && !text("quarkus.http.insecure-requests", "enabled")
                                .equalsIgnoreCase("enabled"),
                config.getOptionalValue("forkpoint.security.token-file", String.class).isPresent(),
                insecure);
    }

    private String text(String key, String otherwise) {
        return config.getOptionalValue(key, String.class).orElse(otherwise);
    }

    static void requireKnown(String name) {
        if (!name.startsWith("forkpoint.") || KEYS.contains(name)) {
            return;
        }
        String section = name.split("\\.", 3)[1];
        if (SECTIONS.contains(section)) {
            return;
        }
        String nearest =
                KEYS.stream()
                        .min(Comparator.comparingInt(key -> distance(key, name)))
                        .orElseThrow();
        String nearestSection =
                SECTIONS.stream()
                        .min(Comparator.comparingInt(key -> distance(key, section)))
                        .orElseThrow();
        throw new IllegalArgumentException(
                name
                        + ": no such key (nearest: "
                        + (distance(nearestSection, section) <= 2
                                ? "forkpoint." + nearestSection + ".…"
                                : nearest)
                        + ")");
    }

    static void requireSecure(String host, boolean tls, boolean tokens, boolean insecure) {
        if (isLoopback(host) || (tls && tokens)) {
            return;
        }
        if (insecure) {
            LOG.warnf(
                    "forkpoint.insecure: listening at %s %s; whatever reaches this port may use it",
                    host, tls ? "without tokens" : "without TLS");
            return;
        }
        throw new IllegalArgumentException(
                "quarkus.http.host: "
                        + host
                        + " is not a loopback address, and "
                        + (tls ? "" : "there is no TLS (quarkus.profile=tls)")
                        + (tls || tokens ? "" : " and ")
                        + (tokens ? "" : "there are no tokens (forkpoint.security.token-file)")
                        + "; where a service mesh does both, set forkpoint.insecure=true");
    }

    private static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    /** Levenshtein's. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
