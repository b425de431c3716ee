package dev.forkpoint.cli.local;

import java.util.Locale;

/** The services, by the names they have in addresses, ready files and folders. */
public enum Service {
    ROLLOUT(1024),
    ENTROPY(1024),
    REWARD(512),
    LEARNER(2048);

    private final int heapMib;

    Service(int heapMib) {
        this.heapMib = heapMib;
    }

    /** {@code rollout}, {@code entropy}, {@code reward} or {@code learner}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Largest Java heap of a local process, MiB; tensors live outside it. */
    int heapMib() {
        return heapMib;
    }

    /**
     * @throws IllegalArgumentException if no service has that name
     */
    static Service of(String label) {
        for (Service service : values()) {
            if (service.label().equals(label)) {
                return service;
            }
        }
        throw new IllegalArgumentException(
                "service: " + label + " (expected: rollout, entropy, reward or learner)");
    }
}
