package dev.forkpoint.service.client;

import io.github.resilience4j.bulkhead.Bulkhead;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.grpc.ManagedChannel;

/**
 * One process of a peer service.
 *
 * @param address {@code ip:port}
 * @param configured the {@code host:port} it was found under
 * @param breaker keeps calls away while the replica fails
 * @param bulkhead most requests in flight to it
 */
public record Replica(
        String address,
        String configured,
        ManagedChannel channel,
        CircuitBreaker breaker,
        Bulkhead bulkhead) {}
