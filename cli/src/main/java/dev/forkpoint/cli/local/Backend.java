package dev.forkpoint.cli.local;

import dev.forkpoint.cli.UsageException;
import dev.forkpoint.load.ServiceConnection;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Channels to the services of one command, which are local processes unless addresses say other.
 */
public final class Backend implements AutoCloseable {

    private static final int MAX_MESSAGE_BYTES = 64 << 20;

    private final Map<Service, List<ManagedChannel>> channels = new EnumMap<>(Service.class);
    private final @Nullable LocalServices local;
    private final @Nullable String dashboard;
    private boolean deleteLogs;

    private Backend(
            Map<Service, List<String>> replicas,
            ServiceConnection connection,
            @Nullable LocalServices local,
            @Nullable String dashboard) {
        this.local = local;
        this.dashboard = dashboard;
        replicas.forEach(
                (service, addresses) ->
                        channels.put(
                                service,
                                addresses.stream().map(a -> channel(connection, a)).toList()));
    }

    private static ManagedChannel channel(ServiceConnection connection, String address) {
        return connection
                .channel(address)
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                // notices a machine that is gone; servers do not allow more often than this
                .keepAliveTime(5, TimeUnit.MINUTES)
                .build();
    }

    /** Channels to running services. */
    public static Backend connect(Addresses addresses) {
        ServiceConnection connection;
        try {
            connection = ServiceConnection.configured();
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()), e);
        }
        return new Backend(addresses.replicas(), connection, null, addresses.dashboard());
    }

    /** Starts services on this machine. */
    public static Backend start(Installation installation, LocalSettings settings)
            throws InterruptedException {
        LocalServices local = LocalServices.start(installation, settings);
        Map<Service, List<String>> replicas = new EnumMap<>(Service.class);
        local.addresses().forEach((service, address) -> replicas.put(service, List.of(address)));
        String learner = local.addresses().get(Service.LEARNER);
        return new Backend(
                replicas,
                ServiceConnection.plain(),
                local,
                learner == null ? null : "http://" + learner + "/");
    }

    /** One channel for each replica. */
    public List<ManagedChannel> channels(Service service) {
        return channels.getOrDefault(service, List.of());
    }

    /** The first replica. */
    public ManagedChannel channel(Service service) {
        return channels(service).get(0);
    }

    /** The processes behind the channels, when this command started them. */
    public @Nullable LocalServices local() {
        return local;
    }

    /** Address of the learner's page, where known. */
    public @Nullable String dashboard() {
        return dashboard;
    }

    /**
     * Notices a process that ended.
     *
     * @throws ServiceDiedException if a local service has ended
     */
    public void checkAlive() {
        if (local != null) {
            local.checkAlive();
        }
    }

    /**
     * The same after a call failed, when the end of the process that answered it may not have been
     * noticed yet.
     */
    public void checkAliveAfterFailure() throws InterruptedException {
        for (int i = 0; local != null && i < 20; i++) {
            local.checkAlive();
            TimeUnit.MILLISECONDS.sleep(50);
        }
    }

    /** Keeps the logs of local services in {@code target}. */
    public void moveLogs(Path target) {
        if (local != null) {
            local.moveLogs(target);
        }
    }

    /** Nobody will need the logs of local services. */
    public void deleteLogsAtClose() {
        deleteLogs = true;
    }

    /** Closes the channels and stops local services. */
    @Override
    public void close() {
        List<ManagedChannel> all = new ArrayList<>();
        channels.values().forEach(all::addAll);
        all.forEach(ManagedChannel::shutdownNow);
        if (local != null) {
            local.close();
            if (deleteLogs) {
                local.deleteLogs();
            }
        }
    }
}
