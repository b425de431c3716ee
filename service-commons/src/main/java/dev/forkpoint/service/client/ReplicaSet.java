package dev.forkpoint.service.client;

import com.google.rpc.Code;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.security.PeerSecurity;
import dev.forkpoint.service.telemetry.ClientTelemetry;
import dev.forkpoint.service.telemetry.Telemetry;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.github.resilience4j.bulkhead.BulkheadRegistry;
import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;
import io.github.resilience4j.core.IntervalFunction;
import io.github.resilience4j.micrometer.tagged.TaggedBulkheadMetrics;
import io.github.resilience4j.micrometer.tagged.TaggedCircuitBreakerMetrics;
import io.github.resilience4j.micrometer.tagged.TaggedRetryMetrics;
import io.github.resilience4j.retry.Retry;
import io.github.resilience4j.retry.RetryConfig;
import io.github.resilience4j.retry.RetryRegistry;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The replicas of one peer service, each with its own channel, circuit breaker and bulkhead, whose
 * states are meters. A host name with several addresses (a headless Kubernetes service) is one
 * replica an address, and is looked up again all the time, since pods come and go. Thread-safe.
 */
public final class ReplicaSet implements AutoCloseable {

    private static final Logger LOG = Logger.getLogger(ReplicaSet.class);

    /** How often names are looked up again; the JVM itself caches an answer for 30 s. */
    private static final Duration LOOKUP_PERIOD = Duration.ofSeconds(5);

    /** A name's addresses. */
    interface Lookup {
        InetAddress[] all(String host) throws UnknownHostException;
    }

    private final String service;
    private final List<String> addresses;
    private final Lookup lookup;
    private final PeerOptions options;
    private final PeerSecurity security;
    private final ClientTelemetry telemetry;
    private final Retry retry;
    private final RetryBudget budget;
    private final CircuitBreakerRegistry breakers;
    private final BulkheadRegistry bulkheads;
    private final @Nullable ScheduledExecutorService lookups;
    private volatile List<Replica> replicas = List.of();

    /**
     * @param service name in metrics, such as {@code rollout}
     * @param addresses {@code host:port} of each replica, at least one
     * @param security whom to trust, and what token to show
     */
    public ReplicaSet(
            String service,
            List<String> addresses,
            PeerOptions options,
            PeerSecurity security,
            Telemetry telemetry,
            MeterRegistry meters) {
        this(service, addresses, options, security, telemetry, meters, InetAddress::getAllByName);
    }

    ReplicaSet(
            String service,
            List<String> addresses,
            PeerOptions options,
            PeerSecurity security,
            Telemetry telemetry,
            MeterRegistry meters,
            Lookup lookup) {
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException(
                    "forkpoint.learner." + service + ": no address (expected: host:port, …)");
        }
        addresses.forEach(ReplicaSet::requireAddress);
        this.service = service;
        this.addresses = List.copyOf(addresses);
        this.lookup = lookup;
        this.options = options;
        this.security = security;
        this.telemetry = new ClientTelemetry(telemetry);
        breakers =
                CircuitBreakerRegistry.of(
                        CircuitBreakerConfig.custom()
                                .slidingWindowSize(10)
                                .minimumNumberOfCalls(3)
                                .failureRateThreshold(50)
                                .waitDurationInOpenState(Duration.ofSeconds(2))
                                .permittedNumberOfCallsInHalfOpenState(1)
                                .automaticTransitionFromOpenToHalfOpenEnabled(true)
                                .ignoreException(t -> !isReplicasFault(t))
                                .build());
        bulkheads =
                BulkheadRegistry.of(
                        BulkheadConfig.custom()
                                .maxConcurrentCalls(options.maxInFlight())
                                .maxWaitDuration(Duration.ZERO)
                                .build());
        budget = new RetryBudget(options.maxInFlight(), System::nanoTime);
        Gauge.builder("forkpoint.peer.retry.budget", budget, RetryBudget::available)
                .description("attempts beyond the first that may be made at once")
                .tag("service", service)
                .register(meters);
        RetryRegistry retries =
                RetryRegistry.of(
                        RetryConfig.custom()
                                .maxAttempts(Math.min(options.maxAttempts(), 6))
                                .intervalFunction(backoff())
                                .retryOnException(t -> isReplicasFault(t) && budget.tryTake())
                                .build());
        retry = retries.retry(service);
        TaggedCircuitBreakerMetrics.ofCircuitBreakerRegistry(breakers).bindTo(meters);
        TaggedBulkheadMetrics.ofBulkheadRegistry(bulkheads).bindTo(meters);
        TaggedRetryMetrics.ofRetryRegistry(retries).bindTo(meters);
        refresh();
        if (addresses.stream().allMatch(ReplicaSet::isLiteral)) {
            lookups = null;
        } else {
            lookups =
                    Executors.newSingleThreadScheduledExecutor(
                            task -> {
                                Thread t = new Thread(task, "lookup-" + service);
                                t.setDaemon(true);
                                return t;
                            });
            lookups.scheduleWithFixedDelay(
                    this::refresh,
                    LOOKUP_PERIOD.toMillis(),
                    LOOKUP_PERIOD.toMillis(),
                    TimeUnit.MILLISECONDS);
        }
    }

    /**
     * Looks the names up again: new addresses become replicas, those that are gone get no new
     * stream, and finish what they have. A name that cannot be looked up keeps its replicas.
     */
    final synchronized void refresh() {
        Map<String, Replica> known = new LinkedHashMap<>();
        for (Replica r : replicas) {
            known.put(r.address(), r);
        }
        List<Replica> now = new ArrayList<>();
        for (String address : addresses) {
            try {
                for (String resolved : resolve(address)) {
                    Replica r = known.remove(resolved);
                    now.add(r == null ? replica(resolved, address) : r);
                }
            } catch (UnknownHostException e) {
                LOG.warnf("cannot look up %s-service at %s: %s", service, address, e.getMessage());
                for (Replica r : List.copyOf(known.values())) {
                    if (r.configured().equals(address)) {
                        now.add(r);
                        known.remove(r.address());
                    }
                }
            }
        }
        replicas = List.copyOf(now);
        for (Replica gone : known.values()) {
            LOG.infof("replica=%s@%s is gone", service, gone.address());
            breakers.remove(gone.breaker().getName());
            bulkheads.remove(gone.bulkhead().getName());
            gone.channel().shutdown();
        }
    }

    private Replica replica(String resolved, String configured) {
        String name = service + "@" + resolved;
        return new Replica(
                resolved,
                configured,
                connect(resolved, configured),
                breakers.circuitBreaker(name),
                bulkheads.bulkhead(name));
    }

    public String service() {
        return service;
    }

    /** The replicas of this moment; empty while the name of a headless service has no address. */
    public List<Replica> replicas() {
        return replicas;
    }

    public PeerOptions options() {
        return options;
    }

    /** Shared by everything that is sent to the set. */
    RetryBudget budget() {
        return budget;
    }

    IntervalFunction backoff() {
        return IntervalFunction.ofExponentialRandomBackoff(
                options.firstBackoff(), 2.0, 0.5, options.firstBackoff().multipliedBy(16));
    }

    /**
     * A unary call of one replica under its breaker, tried again where that is safe: only for calls
     * that may be repeated.
     */
    public <T> T call(Replica replica, Function<ManagedChannel, T> call) {
        try {
            T answer =
                    Retry.decorateSupplier(
                                    retry,
                                    CircuitBreaker.decorateSupplier(
                                            replica.breaker(), () -> call.apply(replica.channel())))
                            .get();
            budget.answered();
            return answer;
        } catch (CallNotPermittedException e) {
            throw new ServiceException(
                    Code.UNAVAILABLE,
                    "PEER_FAILED",
                    service
                            + "-service at "
                            + replica.address()
                            + " is left alone for a moment after repeated failures",
                    e);
        } catch (StatusRuntimeException e) {
            throw ErrorMapping.toServiceException(
                    e.getStatus().getCode() == Status.Code.UNAVAILABLE
                            ? unreachable(replica, e)
                            : e);
        }
    }

    /**
     * Does something with every replica. One that cannot be reached is passed over, since a
     * dispatcher prepares it again before it sends there; but one at least must do it.
     *
     * @throws ServiceException the failure of the last one when none did it; any that is not the
     *     replica's own fault at once
     */
    public void each(Consumer<Replica> action) {
        ServiceException failure = null;
        boolean done = false;
        for (Replica r : replicas) {
            try {
                action.accept(r);
                done = true;
            } catch (ServiceException e) {
                if (!isRetryable(Status.fromCodeValue(e.code().getNumber()).getCode())) {
                    throw e;
                }
                LOG.warnf("passing over replica=%s@%s: %s", service, r.address(), e.getMessage());
                failure = e;
            }
        }
        if (!done) {
            throw failure != null
                    ? failure
                    : new ServiceException(
                            Code.UNAVAILABLE,
                            "PEER_FAILED",
                            service + "-service: no replica at " + addresses);
        }
    }

    /** The same call of every replica. */
    public <T> List<T> callEach(Function<ManagedChannel, T> call) {
        return replicas.stream().map(r -> call(r, call)).toList();
    }

    private StatusRuntimeException unreachable(Replica replica, StatusRuntimeException e) {
        return Status.UNAVAILABLE
                .withDescription(
                        service
                                + "-service at "
                                + replica.address()
                                + " cannot be reached: "
                                + e.getStatus().getDescription())
                .withCause(e)
                .asRuntimeException();
    }

    /** Whether another attempt, there or elsewhere, may succeed. */
    static boolean isReplicasFault(Throwable t) {
        return t instanceof StatusRuntimeException s && isRetryable(s.getStatus().getCode());
    }

    static boolean isRetryable(Status.Code code) {
        return code == Status.Code.UNAVAILABLE
                || code == Status.Code.RESOURCE_EXHAUSTED
                || code == Status.Code.DEADLINE_EXCEEDED;
    }

    /** The certificate names the host that was configured, not the address it has today. */
    private ManagedChannel connect(String address, String configured) {
        String host = configured.substring(0, configured.lastIndexOf(':'));
        return security.secure(NettyChannelBuilder.forTarget(address), host)
                .intercept(telemetry)
                .maxInboundMessageSize(options.maxMessageBytes())
                .keepAliveTime(30, TimeUnit.SECONDS)
                .keepAliveTimeout(10, TimeUnit.SECONDS)
                .build();
    }

    private static void requireAddress(String address) {
        if (!address.matches("(\\[[0-9a-fA-F:]+]|[^\\s:/]+):[0-9]{1,5}")) {
            throw new IllegalArgumentException("address: " + address + " (expected: host:port)");
        }
    }

    private static boolean isLiteral(String address) {
        return address.startsWith("[") || address.matches("[0-9.]+:[0-9]+");
    }

    private List<String> resolve(String address) throws UnknownHostException {
        int colon = address.lastIndexOf(':');
        String port = address.substring(colon);
        Set<String> out = new LinkedHashSet<>();
        for (InetAddress a : lookup.all(address.substring(0, colon))) {
            String text = a.getHostAddress();
            out.add((text.contains(":") ? "[" + text + "]" : text) + port);
        }
        return List.copyOf(out);
    }

    @Override
    public void close() {
        if (lookups != null) {
            lookups.shutdownNow();
        }
        for (Replica r : replicas) {
            r.channel().shutdownNow();
        }
    }
}
