package dev.forkpoint.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Runs requests to their end. */
public final class Generations {

    private Generations() {}

    /** Submits all at once and waits for all. */
    public static List<Rollout> run(Generator generator, List<GenerationRequest> requests) {
        List<CompletableFuture<Rollout>> futures = new ArrayList<>();
        for (GenerationRequest r : requests) {
            futures.add(submit(generator, r));
        }
        return futures.stream().map(CompletableFuture::join).toList();
    }

    public static CompletableFuture<Rollout> submit(
            Generator generator, GenerationRequest request) {
        CompletableFuture<Rollout> future = new CompletableFuture<>();
        generator.submit(
                request,
                new GenerationListener() {
                    @Override
                    public void onFinished(Rollout rollout) {
                        future.complete(rollout);
                    }

                    @Override
                    public void onFailed(Throwable cause) {
                        future.completeExceptionally(cause);
                    }
                });
        return future;
    }

    /** Bit for bit. */
    public static boolean same(Rollout a, Rollout b) {
        return Arrays.equals(a.tokenIds(), b.tokenIds())
                && Arrays.equals(a.logProb(), b.logProb())
                && Arrays.equals(a.entropy(), b.entropy())
                && Arrays.equals(a.collisionProbability(), b.collisionProbability())
                && a.finishReason() == b.finishReason();
    }
}
