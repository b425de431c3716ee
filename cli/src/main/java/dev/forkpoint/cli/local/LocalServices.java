package dev.forkpoint.cli.local;

import dev.forkpoint.cli.UsageException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A set of service processes on free loopback ports of this machine, which live no longer than this
 * object: {@link #close} stops them, and each watches this process and ends when it is gone.
 */
public final class LocalServices implements AutoCloseable {

    private static final Duration START_LIMIT = Duration.ofMinutes(3);
    private static final Duration DRAIN_LIMIT = Duration.ofSeconds(20);

    private final Map<Service, ServiceProcess> processes = new EnumMap<>(Service.class);
    private final Map<Service, String> addresses = new EnumMap<>(Service.class);
    private final Logs logs;
    private boolean logsMoved;

    private LocalServices(Logs logs) {
        this.logs = logs;
    }

    /**
     * Starts services and waits until all are ready; the learner last, since it is told where the
     * others are.
     *
     * @throws ServiceDiedException if one ends instead
     */
    public static LocalServices start(Installation installation, LocalSettings settings)
            throws InterruptedException {
        settings.ports().forEach(LocalServices::requireFree);
        LocalServices started = new LocalServices(Logs.in(settings.logParent()));
        boolean ready = false;
        try {
            for (Service service : settings.services()) {
                if (service != Service.LEARNER) {
                    started.launch(installation, settings, service);
                }
            }
            started.awaitReady();
            if (settings.services().contains(Service.LEARNER)) {
                started.launch(installation, settings, Service.LEARNER);
                started.awaitReady();
            }
            ready = true;
            return started;
        } catch (InterruptedException e) {
            started.kill();
            started.logs.delete();
            throw e;
        } finally {
            if (!ready) {
                started.processes.values().forEach(ServiceProcess::terminate);
                started.processes.values().forEach(p -> p.awaitEnd(Duration.ofSeconds(5)));
            }
        }
    }

    /** host:port of each service. */
    public Map<Service, String> addresses() {
        return addresses;
    }

    /** Process id of each service. */
    public Map<Service, Long> pids() {
        Map<Service, Long> pids = new EnumMap<>(Service.class);
        processes.forEach((service, process) -> pids.put(service, process.pid()));
        return pids;
    }

    /** Where the services log. */
    public Path logFolder() {
        return logs.folder();
    }

    /** Keeps the logs in another place. */
    public void moveLogs(Path target) {
        logs.moveTo(target);
        logsMoved = true;
    }

    /** Whether the logs have a place where they stay. */
    public boolean logsMoved() {
        return logsMoved;
    }

    /**
     * Notices a process that ended.
     *
     * @throws ServiceDiedException if a service has ended
     */
    public void checkAlive() {
        processes.values().forEach(ServiceProcess::checkAlive);
    }

    /** Lets every service drain, and ends it. The logs stay. */
    @Override
    public void close() {
        // An interrupt asked for this very end, and must not cut it short.
        boolean interrupted = Thread.interrupted();
        // The learner first: while it saves, what it calls is still there.
        ServiceProcess learner = processes.get(Service.LEARNER);
        if (learner != null) {
            learner.terminate();
            learner.awaitEnd(DRAIN_LIMIT);
        }
        processes.values().forEach(ServiceProcess::terminate);
        processes.values().forEach(process -> process.awaitEnd(DRAIN_LIMIT));
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends every service at once. */
    public void kill() {
        processes.values().forEach(ServiceProcess::close);
    }

    /** Removes the logs; for commands that ended well. */
    public void deleteLogs() {
        logs.delete();
    }

    private void launch(Installation installation, LocalSettings settings, Service service) {
        Map<String, String> config = new TreeMap<>();
        config.put("quarkus.http.host", "127.0.0.1");
        config.put(
                "quarkus.http.port", Integer.toString(settings.ports().getOrDefault(service, 0)));
        config.put("forkpoint.parent-pid", Long.toString(ProcessHandle.current().pid()));
        config.put("forkpoint.policy.allowed-uris", String.join(",", settings.allowedUris()));
        if (service == Service.ROLLOUT && settings.engine() != null) {
            config.put("forkpoint.rollout.engine", settings.engine());
        }
        if (service == Service.LEARNER) {
            config.put("forkpoint.learner.run-root", settings.runRoot().toString());
            for (Service other : List.of(Service.ROLLOUT, Service.ENTROPY, Service.REWARD)) {
                String address = addresses.get(other);
                if (address != null) {
                    config.put("forkpoint.learner." + other.label(), address);
                }
            }
        }
        config.putAll(settings.extra());
        processes.put(
                service,
                ServiceProcess.start(
                        service, installation.jar(service), javaOptions(service), config, logs));
    }

    private void awaitReady() throws InterruptedException {
        for (Map.Entry<Service, ServiceProcess> entry : processes.entrySet()) {
            if (!addresses.containsKey(entry.getKey())) {
                addresses.put(entry.getKey(), entry.getValue().awaitReady(START_LIMIT));
            }
        }
    }

    /**
     * Small heaps, since tensors live outside. Where the work is libtorch's, the optimising
     * compiler costs more than it gains: it takes a core from it for most of a minute.
     * FORKPOINT_JAVA_OPTS adds to them.
     */
    private static List<String> javaOptions(Service service) {
        List<String> options = new ArrayList<>();
        options.add("-XX:+UseSerialGC");
        if (service != Service.REWARD) {
            options.add("-XX:TieredStopAtLevel=1");
        }
        options.add("-Xmx" + service.heapMib() + "m");
        String more = System.getenv("FORKPOINT_JAVA_OPTS");
        if (more != null && !more.isBlank()) {
            options.addAll(Arrays.asList(more.trim().split("\\s+")));
        }
        return options;
    }

    private static void requireFree(Service service, int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        } catch (IOException e) {
            throw new UsageException(
                    "port %d for %s-service is in use on 127.0.0.1 (%s); choose another or leave it out"
                            .formatted(port, service.label(), e.getMessage()),
                    e);
        } catch (IllegalArgumentException e) {
            throw new UsageException(
                    "port for %s-service: %d (allowed: 1 to 65535)"
                            .formatted(service.label(), port),
                    e);
        }
    }
}
