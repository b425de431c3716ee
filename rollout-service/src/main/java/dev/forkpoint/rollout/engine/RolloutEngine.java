package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GenerationHandle;
import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import java.io.IOException;
import java.util.Optional;

/** What produces rollouts. Thread-safe. */
public interface RolloutEngine extends AutoCloseable {

    /** A request that an engine has taken, and the policy that serves it to its end. */
    record Accepted(GenerationHandle handle, PolicySnapshot policy) {}

    /** {@code direct}, {@code triton} or {@code remote}. */
    String name();

    /** Whether rollouts carry entropies and collision probabilities. */
    boolean reportsEntropy();

    /** Whether a rollout is bit-equal whenever it is sampled again. */
    boolean deterministic();

    /** The policy of new requests; empty before the first load. */
    Optional<ServedPolicy> served();

    /**
     * Makes the policy that of new requests; the old one finishes what it began. A failure changes
     * nothing.
     *
     * @throws IOException if the folder is damaged or not supported
     */
    void load(PolicySnapshot snapshot, PolicyFiles files) throws IOException;

    /**
     * Samples one response with the policy served now.
     *
     * @param listener called on the engine's threads; must not block
     * @throws IllegalArgumentException if the request does not fit the policy; names the field
     * @throws IllegalStateException if no policy is served
     */
    Accepted submit(GenerationRequest request, GenerationListener listener);

    /**
     * The same, knowing whether the listener wants tokens while they are sampled. If not, an engine
     * may hand all of them over at the end, which costs it less.
     */
    default Accepted submit(GenerationRequest request, GenerationListener listener, boolean live) {
        return submit(request, listener);
    }

    /** Sequences being decoded. */
    int active();

    /** Sequences waiting. */
    int queued();

    @Override
    void close();
}
