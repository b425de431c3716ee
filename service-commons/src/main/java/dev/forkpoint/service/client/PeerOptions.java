package dev.forkpoint.service.client;

import java.time.Duration;

/**
 * How patient a client is with a peer service.
 *
 * @param requestTimeout from handing a request over until it fails, all attempts together
 * @param attemptTimeout an attempt not answered by then counts as lost and goes elsewhere
 * @param maxAttempts attempts of one request, the first included
 * @param firstBackoff pause before the second attempt; doubles with jitter up to 16 times
 * @param maxInFlight most requests in flight to one replica
 * @param maxMessageBytes largest message either way
 */
public record PeerOptions(
        Duration requestTimeout,
        Duration attemptTimeout,
        int maxAttempts,
        Duration firstBackoff,
        int maxInFlight,
        int maxMessageBytes) {

    /**
     * Patient enough for a replica to be restarted: two minutes in all, half a minute an attempt.
     */
    public static PeerOptions defaults() {
        return new PeerOptions(
                Duration.ofMinutes(2),
                Duration.ofSeconds(30),
                12,
                Duration.ofMillis(100),
                4096,
                64 << 20);
    }

    public PeerOptions {
        require(
                !requestTimeout.isNegative() && !requestTimeout.isZero(),
                "requestTimeout",
                requestTimeout,
                "> 0");
        require(
                !attemptTimeout.isNegative() && !attemptTimeout.isZero(),
                "attemptTimeout",
                attemptTimeout,
                "> 0");
        require(maxAttempts >= 1, "maxAttempts", maxAttempts, ">= 1");
        require(firstBackoff.toMillis() >= 1, "firstBackoff", firstBackoff, ">= 1 ms");
        require(maxInFlight >= 1, "maxInFlight", maxInFlight, ">= 1");
        require(maxMessageBytes >= 1 << 16, "maxMessageBytes", maxMessageBytes, ">= 65536");
    }

    private static void require(boolean holds, String name, Object value, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(
                    name + ": " + value + " (expected: " + expected + ")");
        }
    }
}
