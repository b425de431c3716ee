package dev.forkpoint.load;

import java.util.Map;
import java.util.TreeMap;

/**
 * What one phase of load came to.
 *
 * @param phase name
 * @param concurrency requests outstanding (closed loop), or 0
 * @param offeredPerSecond requests a second that were due (open loop), or 0
 * @param seconds from the first request to the last answer
 * @param sent requests that went out
 * @param served requests with a result
 * @param shed requests answered RESOURCE_EXHAUSTED or UNAVAILABLE
 * @param failures other failures, by status code
 * @param unanswered requests without an answer after the grace time
 * @param held requests that were due and stayed here, since the service took no more
 * @param latencyMs of served requests: percentiles, corrected for coordinated omission; {@code
 *     p50}, {@code p90}, {@code p99}, {@code p99.9}, {@code max}
 * @param shedMs the same of shed ones
 */
public record Measurement(
        String phase,
        int concurrency,
        double offeredPerSecond,
        double seconds,
        long sent,
        long served,
        long shed,
        Map<String, Long> failures,
        long unanswered,
        long held,
        Map<String, Double> latencyMs,
        Map<String, Double> shedMs) {

    public Measurement {
        failures = new TreeMap<>(failures);
    }

    /** Requests with a result, a second. */
    public double servedPerSecond() {
        return served / seconds;
    }
}
