package dev.forkpoint.service.client;

import java.util.function.LongSupplier;

/**
 * Bounds the load that repeated attempts add to a service in trouble: a bucket of tokens, one an
 * attempt beyond the first, refilled by a tenth of a token an answered request and by ten a second.
 * It starts full, so that everything in flight to a replica that dies may go elsewhere at once.
 * Thread-safe.
 */
final class RetryBudget {

    private static final double PER_ANSWER = 0.1;
    private static final double PER_SECOND = 10;

    private final double capacity;
    private final LongSupplier nanoTime;
    private double tokens;
    private long filledAt;

    /**
     * @param capacity tokens when full, at least 1
     */
    RetryBudget(int capacity, LongSupplier nanoTime) {
        this.capacity = capacity;
        this.nanoTime = nanoTime;
        tokens = capacity;
        filledAt = nanoTime.getAsLong();
    }

    /** Takes a token for one attempt, when there is one. */
    synchronized boolean tryTake() {
        fill(0);
        if (tokens < 1) {
            return false;
        }
        tokens--;
        return true;
    }

    /** A request was answered. */
    synchronized void answered() {
        fill(PER_ANSWER);
    }

    /** Attempts that may be made now. */
    synchronized double available() {
        fill(0);
        return tokens;
    }

    private void fill(double more) {
        long now = nanoTime.getAsLong();
        tokens = Math.min(capacity, tokens + more + (now - filledAt) * 1e-9 * PER_SECOND);
        filledAt = now;
    }
}
