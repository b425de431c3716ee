package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.TokenChunk;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A listener that keeps the rollout and checks that chunks and whole agree. */
final class Waiting implements GenerationListener {

    private final CompletableFuture<Rollout> rollout = new CompletableFuture<>();
    private final List<Integer> chunked = new ArrayList<>();
    volatile long firstNanos;

    @Override
    public synchronized void onTokens(TokenChunk chunk) {
        if (firstNanos == 0) {
            firstNanos = System.nanoTime();
        }
        if (chunk.start() != chunked.size()) {
            rollout.completeExceptionally(
                    new AssertionError("chunk at " + chunk.start() + " after " + chunked.size()));
        }
        for (int id : chunk.tokenIds()) {
            chunked.add(id);
        }
    }

    @Override
    public void onFinished(Rollout finished) {
        onTokens(finished.from(tokens()));
        rollout.complete(finished);
    }

    @Override
    public void onFailed(Throwable cause) {
        rollout.completeExceptionally(cause);
    }

    synchronized int tokens() {
        return chunked.size();
    }

    Rollout await() {
        return rollout.orTimeout(300, TimeUnit.SECONDS).join();
    }

    static List<Rollout> all(RolloutEngine engine, List<GenerationRequest> requests, boolean live) {
        List<Waiting> waiting = new ArrayList<>();
        for (GenerationRequest request : requests) {
            Waiting one = new Waiting();
            waiting.add(one);
            engine.submit(request, one, live);
        }
        return waiting.stream().map(Waiting::await).toList();
    }
}
