package dev.forkpoint.entropy.scoring;

import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.Scorer;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;

/**
 * A version in memory. Counted by users: it is freed when it was unloaded and the last user let go.
 */
public final class LoadedPolicy {

    private final PolicySnapshot snapshot;
    private final Policy policy;
    private final Scorer scorer;
    private final long weightBytes;
    private final boolean pinned;
    private int users = 1; // the table itself

    LoadedPolicy(
            PolicySnapshot snapshot,
            Policy policy,
            Scorer scorer,
            long weightBytes,
            boolean pinned) {
        this.snapshot = snapshot;
        this.policy = policy;
        this.scorer = scorer;
        this.weightBytes = weightBytes;
        this.pinned = pinned;
    }

    public PolicySnapshot snapshot() {
        return snapshot;
    }

    public Policy policy() {
        return policy;
    }

    Scorer scorer() {
        return scorer;
    }

    public long weightBytes() {
        return weightBytes;
    }

    public boolean pinned() {
        return pinned;
    }

    synchronized void retain() {
        if (users == 0) {
            throw new IllegalStateException("policy was freed");
        }
        users++;
    }

    /** One user less. */
    public void release() {
        synchronized (this) {
            if (--users > 0) {
                return;
            }
        }
        scorer.close();
        policy.close();
    }
}
