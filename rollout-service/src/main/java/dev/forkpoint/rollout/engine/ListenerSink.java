package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.GenerationTimeoutException;
import dev.forkpoint.policy.GeneratorClosedException;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.SamplingParameters;
import dev.forkpoint.policy.TokenChunk;
import dev.forkpoint.triton.FinishReason;
import dev.forkpoint.triton.RolloutChunk;
import dev.forkpoint.triton.RolloutRequest;
import dev.forkpoint.triton.RolloutRequest.Chunks;
import dev.forkpoint.triton.RolloutRequest.Sampling;
import dev.forkpoint.triton.RolloutSink;
import dev.forkpoint.triton.TokenEngine;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongPredicate;

/** What comes back through Triton as what the sampler's listeners expect. */
final class ListenerSink implements RolloutSink {

    /** Tokens of a message to a listener that wants them while they are sampled. */
    private static final Chunks LIVE = new Chunks(16, 0);

    private static final AtomicLong IDS = new AtomicLong();

    private final GenerationListener listener;
    private final boolean entropiesExpected;
    private final LongPredicate versionExpected;
    private final Consumer<Stats> stats;

    private int count;
    private int[] ids = new int[64];
    private float[] logProbs = new float[64];
    private float[] entropies = new float[64];
    private float[] collisionProbabilities = new float[64];
    private boolean ended;

    /**
     * @param entropiesExpected a response without them fails; else they are NaN where absent
     * @param versionExpected of every token; a response with another fails
     * @param stats hears of every finished response
     */
    ListenerSink(
            GenerationListener listener,
            boolean entropiesExpected,
            LongPredicate versionExpected,
            Consumer<Stats> stats) {
        this.stats = stats;
        this.listener = listener;
        this.entropiesExpected = entropiesExpected;
        this.versionExpected = versionExpected;
    }

    /**
     * @throws IllegalArgumentException as {@link RolloutEngine#submit} does
     */
    static RolloutRequest request(
            GenerationRequest request, TokenEngine.Limits limits, boolean live) {
        SamplingParameters s = request.sampling();
        try {
            RolloutRequest made =
                    new RolloutRequest(
                            "rollout-" + IDS.incrementAndGet(),
                            request.promptIds(),
                            request.seed(),
                            new Sampling(s.temperature(), s.topP(), s.topK(), s.minP(), null),
                            s.maxTokens(),
                            s.stopIds(),
                            s.ignoreEos(),
                            live ? LIVE : Chunks.WHOLE,
                            request.timeoutMicros(),
                            request.priority());
            limits.check(made);
            return made;
        } catch (TritonException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    @Override
    public void onTokens(RolloutChunk chunk) {
        if (ended) {
            return;
        }
        for (long version : chunk.policyVersions()) {
            if (!versionExpected.test(version)) {
                fail(
                        new TritonException(
                                Code.UNAVAILABLE,
                                "policy version "
                                        + version
                                        + " sampled a token of a response that another began"));
                return;
            }
        }
        if (entropiesExpected
                && (chunk.entropies() == null || chunk.collisionProbabilities() == null)) {
            fail(
                    new TritonException(
                            Code.INTERNAL, "a response lacks the entropies its engine reports"));
            return;
        }
        int n = chunk.size();
        grow(count + n);
        System.arraycopy(chunk.tokenIds(), 0, ids, count, n);
        System.arraycopy(chunk.logProbs(), 0, logProbs, count, n);
        put(chunk.entropies(), entropies, n);
        put(chunk.collisionProbabilities(), collisionProbabilities, n);
        count += n;
        listener.onTokens(
                new TokenChunk(
                        count - n,
                        chunk.tokenIds(),
                        chunk.logProbs(),
                        Arrays.copyOfRange(entropies, count - n, count),
                        Arrays.copyOfRange(collisionProbabilities, count - n, count)));
    }

    private void put(float @org.jspecify.annotations.Nullable [] from, float[] to, int n) {
        if (from == null) {
            Arrays.fill(to, count, count + n, Float.NaN);
        } else {
            System.arraycopy(from, 0, to, count, n);
        }
    }

    private void grow(int needed) {
        if (needed > ids.length) {
            int capacity = Math.max(needed, 2 * ids.length);
            ids = Arrays.copyOf(ids, capacity);
            logProbs = Arrays.copyOf(logProbs, capacity);
            entropies = Arrays.copyOf(entropies, capacity);
            collisionProbabilities = Arrays.copyOf(collisionProbabilities, capacity);
        }
    }

    @Override
    public void onFinished(FinishReason reason, Stats reported) {
        if (ended) {
            return;
        }
        ended = true;
        stats.accept(reported);
        listener.onFinished(
                new Rollout(
                        Arrays.copyOf(ids, count),
                        Arrays.copyOf(logProbs, count),
                        Arrays.copyOf(entropies, count),
                        Arrays.copyOf(collisionProbabilities, count),
                        switch (reason) {
                            case STOP -> dev.forkpoint.policy.FinishReason.STOP;
                            case LENGTH -> dev.forkpoint.policy.FinishReason.LENGTH;
                            case CANCELLED -> dev.forkpoint.policy.FinishReason.CANCELLED;
                            case NONE -> throw new IllegalStateException("finished with NONE");
                        }));
    }

    @Override
    public void onFailed(TritonException error) {
        if (!ended) {
            fail(error);
        }
    }

    private void fail(TritonException error) {
        ended = true;
        String message = String.valueOf(error.getMessage());
        listener.onFailed(
                switch (error.code()) {
                    case UNAVAILABLE -> new GeneratorClosedException(message);
                    case DEADLINE_EXCEEDED -> new GenerationTimeoutException(message);
                    default -> error;
                });
    }
}
