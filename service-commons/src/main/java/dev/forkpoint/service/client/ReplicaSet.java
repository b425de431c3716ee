package dev.forkpoint.service.client;

import dev.forkpoint.service.error.ErrorMapping;
import io.github.resilience4j.bulkhead.Bulkhead;
import io.github.resilience4j.bulkhead.BulkheadConfig;
import io.github.resilience4j.bulkhead.BulkheadRegistry;
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
import io.micrometer.core.instrument.MeterRegistry;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The replicas of one peer service, each with its own channel, circuit breaker and bulkhead, whose
 * states are meters. A host name with several addresses (a headless Kubernetes service) is one
 * replica an address. Thread-safe.
 */
public final class ReplicaSet implements AutoCloseable {

    private final String service;
    private final List<Replica> replicas = new ArrayList<>();
    private final PeerOptions options;
    private final Retry retry;
    private final CircuitBreakerRegistry breakers;

    /**
     * @param service name in metrics, such as {@code rollout}
     * @param addresses {@code host:port} of each replica, at least one
     */
    public ReplicaSet(
            String service, List<String> addresses, PeerOptions options, MeterRegistry meters) {
        this.service = service;
        this.options = options;
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
        BulkheadRegistry bulkheads =
                BulkheadRegistry.of(
                        BulkheadConfig.custom()
                                .maxConcurrentCalls(options.maxInFlight())
                                .maxWaitDuration(Duration.ZERO)
                                .build());
        RetryRegistry retries =
                RetryRegistry.of(
                        RetryConfig.custom()
                                .maxAttempts(Math.min(options.maxAttempts(), 6))
                                .intervalFunction(backoff())
                                .retryOnException(ReplicaSet::isReplicasFault)
                                .build());
        retry = retries.retry(service);
        for (String address : addresses) {
            for (String resolved : resolve(address)) {
                String name = service + "@" + resolved;
                CircuitBreaker breaker = breakers.circuitBreaker(name);
                Bulkhead bulkhead = bulkheads.bulkhead(name);
                replicas.add(new Replica(resolved, connect(resolved), breaker, bulkhead));
            }
        }
        if (replicas.isEmpty()) {
            throw new IllegalArgumentException(
                    "forkpoint.learner." + service + ": no address (expected: host:port, …)");
        }
        TaggedCircuitBreakerMetrics.ofCircuitBreakerRegistry(breakers).bindTo(meters);
        TaggedBulkheadMetrics.ofBulkheadRegistry(bulkheads).bindTo(meters);
        TaggedRetryMetrics.ofRetryRegistry(retries).bindTo(meters);
    }

    public String service() {
        return service;
    }

    public List<Replica> replicas() {
        return replicas;
    }

    public PeerOptions options() {
        return options;
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
            return Retry.decorateSupplier(
                            retry,
                            CircuitBreaker.decorateSupplier(
                                    replica.breaker(), () -> call.apply(replica.channel())))
                    .get();
        } catch (StatusRuntimeException e) {
            throw ErrorMapping.toServiceException(
                    e.getStatus().getCode() == Status.Code.UNAVAILABLE
                            ? unreachable(replica, e)
                            : e);
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

    private ManagedChannel connect(String address) {
        return NettyChannelBuilder.forTarget(address)
                .usePlaintext()
                .maxInboundMessageSize(options.maxMessageBytes())
                .keepAliveTime(30, TimeUnit.SECONDS)
                .keepAliveTimeout(10, TimeUnit.SECONDS)
                .build();
    }

    private static List<String> resolve(String address) {
        int colon = address.lastIndexOf(':');
        if (colon < 1 || !address.substring(colon + 1).matches("[0-9]{1,5}")) {
            throw new IllegalArgumentException("address: " + address + " (expected: host:port)");
        }
        String host = address.substring(0, colon);
        String port = address.substring(colon);
        try {
            List<String> out = new ArrayList<>();
            for (InetAddress a : InetAddress.getAllByName(host)) {
                String text = a.getHostAddress();
                out.add((text.contains(":") ? "[" + text + "]" : text) + port);
            }
            return out.stream().distinct().toList();
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("address: " + address + ": unknown host", e);
        }
    }

    @Override
    public void close() {
        for (Replica r : replicas) {
            r.channel().shutdownNow();
        }
    }
}
