package dev.forkpoint.policy;

import java.time.Duration;

/**
 * Samples responses of one policy by continuous batching: sequences join and leave the running
 * batch, equal prompts share one prefill, and key/value caches stay within a budget. A response is
 * a function of policy and request alone: bit-equal alone or among others, with one thread or
 * several. Thread-safe. Takes over the policy's weights as they are when it is made.
 */
public final class Generator implements AutoCloseable {

    public Generator(Policy policy, GeneratorOptions options) {
        throw new UnsupportedOperationException();
    }

    /**
     * Queues one request; the listener hears of it on the generator's threads.
     *
     * @throws IllegalArgumentException if an id lies outside the vocabulary, the prompt leaves no
     *     room in the context, or the response alone would exceed the cache's budget; names the
     *     field
     * @throws GeneratorClosedException if closed or draining
     */
    public GenerationHandle submit(GenerationRequest request, GenerationListener listener) {
        throw new UnsupportedOperationException();
    }

    /** Responses being sampled. */
    public int active() {
        throw new UnsupportedOperationException();
    }

    /** Requests waiting for a place. */
    public int queued() {
        throw new UnsupportedOperationException();
    }

    /**
     * Takes no more requests and waits for those it has.
     *
     * @return whether all were finished in time
     */
    public boolean drain(Duration timeout) throws InterruptedException {
        throw new UnsupportedOperationException();
    }

    /** Fails what is left with {@link GeneratorClosedException} and frees everything. */
    @Override
    public void close() {}
}
