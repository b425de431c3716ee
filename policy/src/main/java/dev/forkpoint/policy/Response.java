package dev.forkpoint.policy;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One request on its way: queued, then a row of a lane. Touched by its lane alone, but for {@code
 * cancelled}.
 */
final class Response {

    final GenerationRequest request;
    private final GenerationListener listener;
    final int limit; // most tokens, also by the context
    final int slots; // cache slots it may come to need
    final int promptHash;
    private final long order; // of submission
    private final AtomicInteger unended; // one less before the listener hears of the end
    private final long submittedNanos = System.nanoTime();
    volatile boolean cancelled;
    private final int[] ends; // sorted
    private int[] tokens = new int[64];
    private float[] logProb = new float[64];
    private float[] entropy = new float[64];
    private float[] collision = new float[64];
    private int length;

    Response(
            GenerationRequest request,
            GenerationListener listener,
            int limit,
            int slots,
            int[] eosIds,
            long order,
            AtomicInteger unended) {
        this.request = request;
        this.order = order;
        this.unended = unended;
        this.listener = listener;
        this.limit = limit;
        this.slots = slots;
        promptHash = Arrays.hashCode(request.promptIds());
        int[] stops = request.sampling().stopIds();
        int[] own = request.sampling().ignoreEos() ? new int[0] : eosIds;
        ends = Arrays.copyOf(stops, stops.length + own.length);
        System.arraycopy(own, 0, ends, stops.length, own.length);
        Arrays.sort(ends);
    }

    /** Below 0 where the first begins first of two that wait: by priority, then by arrival. */
    static int compare(Response a, Response b) {
        int byPriority = Integer.compare(a.request.priority(), b.request.priority());
        return byPriority != 0 ? byPriority : Long.compare(a.order, b.order);
    }

    boolean late() {
        long timeout = request.timeoutMicros();
        return timeout > 0 && (System.nanoTime() - submittedNanos) / 1000 >= timeout;
    }

    void tellLate() {
        tellFailed(
                new GenerationTimeoutException(
                        "the response did not end within its timeout of "
                                + request.timeoutMicros()
                                + " µs"));
    }

    int length() {
        return length;
    }

    int promptLength() {
        return request.promptIds().length;
    }

    /** The slot that the next decode step writes: that of the last token so far. */
    int position() {
        return promptLength() - 1 + length;
    }

    int lastToken() {
        return length == 0 ? request.promptIds()[promptLength() - 1] : tokens[length - 1];
    }

    boolean samePrompt(Response other) {
        return promptHash == other.promptHash
                && Arrays.equals(request.promptIds(), other.request.promptIds());
    }

    /** Takes one token; says whether the response ends with it. */
    boolean append(int token, float logProbOfToken, float entropyAt, float collisionAt) {
        if (length == tokens.length) {
            int more = (int) Math.min(limit, 2L * length);
            tokens = Arrays.copyOf(tokens, more);
            logProb = Arrays.copyOf(logProb, more);
            entropy = Arrays.copyOf(entropy, more);
            collision = Arrays.copyOf(collision, more);
        }
        tokens[length] = token;
        logProb[length] = logProbOfToken;
        entropy[length] = entropyAt;
        collision[length++] = collisionAt;
        return length == limit || Arrays.binarySearch(ends, token) >= 0;
    }

    boolean stopped() {
        return length > 0 && Arrays.binarySearch(ends, tokens[length - 1]) >= 0;
    }

    private TokenChunk chunk(int from) {
        return new TokenChunk(0, tokens, logProb, entropy, collision).part(from, length);
    }

    private Rollout rollout(FinishReason reason) {
        return new Rollout(
                Arrays.copyOf(tokens, length),
                Arrays.copyOf(logProb, length),
                Arrays.copyOf(entropy, length),
                Arrays.copyOf(collision, length),
                reason);
    }

    void tellTokens(int from) {
        guarded(() -> listener.onTokens(chunk(from)));
    }

    void tellFinished(FinishReason reason) {
        unended.decrementAndGet();
        guarded(() -> listener.onFinished(rollout(reason)));
    }

    void tellFailed(Throwable cause) {
        unended.decrementAndGet();
        guarded(() -> listener.onFailed(cause));
    }

    /** What a listener throws must not end the responses beside its own. */
    private static void guarded(Runnable call) {
        try {
            call.run();
        } catch (RuntimeException e) {
            System.getLogger(Response.class.getName())
                    .log(System.Logger.Level.WARNING, "a generation listener threw", e);
        }
    }
}
