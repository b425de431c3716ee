package dev.forkpoint.rollout.grpc;

import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import com.google.rpc.Code;
import dev.forkpoint.policy.FinishReason;
import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationTimeoutException;
import dev.forkpoint.policy.GeneratorClosedException;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.TokenChunk;
import dev.forkpoint.policy.tokenizer.StreamDecoder;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.rollout.v1.ChunkPolicy;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.rollout.engine.RolloutEngine;
import dev.forkpoint.rollout.engine.ServedPolicy;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.stream.StreamSession.Answers;
import dev.forkpoint.service.stream.StreamSession.Work;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One request from the engine's listener calls to answer messages: chunks, stop texts. */
final class RunningRollout implements GenerationListener, Work {

    private final RolloutRequest request;
    private final int[] promptIds;
    private final ServedPolicy served;
    private final Answers<GenerateResponse> answers;
    private final RolloutMeters meters;
    private final boolean entropyReported;
    private final List<String> stopTexts;
    private final int maxStopLength;
    private final @Nullable StreamDecoder chunkText;
    private final @Nullable StreamDecoder stopText;
    private final StringBuilder tail = new StringBuilder();
    private final long arrivedAt = System.nanoTime();
    private int seen; // tokens of the response
    private long firstTokenAt;
    private long chunkAt = arrivedAt;
    private @Nullable TokenChunk unsent;
    private int stopAt = -1; // tokens of the response once a stop text is complete
    private volatile RolloutEngine.@Nullable Accepted accepted;
    private volatile boolean cancelled;

    RunningRollout(
            RolloutRequest request,
            int[] promptIds,
            ServedPolicy served,
            boolean entropyReported,
            Answers<GenerateResponse> answers,
            RolloutMeters meters) {
        this.request = request;
        this.promptIds = promptIds;
        this.served = served;
        this.entropyReported = entropyReported;
        this.answers = answers;
        this.meters = meters;
        stopTexts = request.getSampling().getStopTextsList();
        maxStopLength = stopTexts.stream().mapToInt(String::length).max().orElse(0);
        chunkText =
                request.hasChunks() && request.getReturnText()
                        ? served.tokenizer().stream(true)
                        : null;
        stopText = stopTexts.isEmpty() ? null : served.tokenizer().stream(true);
    }

    void accepted(RolloutEngine.Accepted by) {
        accepted = by;
        if (cancelled) {
            by.handle().cancel();
        }
    }

    @Override
    public void cancel() {
        cancelled = true;
        RolloutEngine.Accepted by = accepted;
        if (by != null) {
            by.handle().cancel();
        }
    }

    @Override
    public void onTokens(TokenChunk chunk) {
        seen += chunk.tokenIds().length;
        if (firstTokenAt == 0) {
            firstTokenAt = System.nanoTime();
            meters.timeToFirstToken(firstTokenAt - arrivedAt);
        }
        if (stopText != null && stopAt < 0) {
            lookForStopText(chunk);
        }
        if (!request.hasChunks()) {
            return;
        }
        TokenChunk all = unsent == null ? chunk : joined(unsent, chunk);
        if (stopAt >= 0) {
            all = cut(all, Math.max(0, stopAt - all.start()));
        }
        ChunkPolicy policy = request.getChunks();
        int every = policy.getEveryTokens() == 0 ? 16 : policy.getEveryTokens();
        boolean due =
                policy.getEveryMs() > 0
                        && System.nanoTime() - chunkAt
                                >= TimeUnit.MILLISECONDS.toNanos(policy.getEveryMs());
        while (all.tokenIds().length >= every || (due && all.tokenIds().length > 0)) {
            int n = Math.min(every, all.tokenIds().length);
            sendChunk(cut(all, n));
            all = rest(all, n);
        }
        unsent = all;
    }

    /** The response ends with the token that completes the first stop text. */
    private void lookForStopText(TokenChunk chunk) {
        StreamDecoder decoder = stopText;
        if (decoder == null) {
            return;
        }
        for (int i = 0; i < chunk.tokenIds().length; i++) {
            tail.append(decoder.append(chunk.tokenIds()[i]));
            for (String stop : stopTexts) {
                if (tail.indexOf(stop) >= 0) {
                    stopAt = chunk.start() + i + 1;
                    RolloutEngine.Accepted by = accepted;
                    if (by != null) {
                        by.handle().cancel();
                    }
                    return;
                }
            }
            if (tail.length() >= 4 * maxStopLength + 64) {
                tail.delete(0, tail.length() - maxStopLength);
            }
        }
    }

    private void sendChunk(TokenChunk c) {
        dev.forkpoint.proto.rollout.v1.TokenChunk.Builder out =
                dev.forkpoint.proto.rollout.v1.TokenChunk.newBuilder()
                        .setFirstPosition(c.start())
                        .setPolicyVersion(served.snapshot().getVersion());
        for (int t = 0; t < c.tokenIds().length; t++) { // addAll would box them
            out.addTokenIds(c.tokenIds()[t]).addLogProbs(c.logProb()[t]);
            if (entropyReported) {
                out.addEntropies(c.entropy()[t]);
            }
        }
        if (chunkText != null) {
            out.setText(chunkText.append(c.tokenIds()));
        }
        chunkAt = System.nanoTime();
        answers.partial(
                GenerateResponse.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setChunk(out)
                        .build());
    }

    @Override
    public void onFinished(Rollout r) {
        if (seen < r.tokenIds().length) {
            onTokens(r.from(seen));
        }
        FinishReason reason = r.finishReason();
        int n = r.tokenIds().length;
        if (stopAt >= 0 && stopAt <= n) {
            n = stopAt;
            reason = FinishReason.STOP;
        }
        if (unsent != null && unsent.tokenIds().length > 0) {
            sendChunk(unsent);
        }
        long now = System.nanoTime();
        long first = firstTokenAt == 0 ? now : firstTokenAt;
        meters.finished(reason, n, now - arrivedAt);
        dev.forkpoint.proto.rollout.v1.Rollout.Builder out =
                dev.forkpoint.proto.rollout.v1.Rollout.newBuilder()
                        .addAllPromptIds(Ints.asList(promptIds))
                        .setFinishReason(RequestTranslator.finishReason(reason))
                        .setQueueSeconds((first - arrivedAt) * 1e-9)
                        .setDecodeSeconds((now - first) * 1e-9);
        RolloutEngine.Accepted by = accepted;
        PolicySnapshot policy = by == null ? served.snapshot() : by.policy();
        out.setPolicyId(policy.getPolicyId()).setPolicyVersion(policy.getVersion());
        for (int t = 0; t < n; t++) {
            out.addTokenIds(r.tokenIds()[t]).addLogProbs(r.logProb()[t]);
            if (entropyReported) {
                out.addEntropies(r.entropy()[t])
                        .addCollisionProbabilities(r.collisionProbability()[t]);
            }
        }
        if (request.getReturnText()) {
            out.setText(served.tokenizer().decode(Arrays.copyOf(r.tokenIds(), n), true));
        }
        answers.last(
                GenerateResponse.newBuilder()
                        .setRequestId(request.getRequestId())
                        .setRollout(out)
                        .build());
    }

    @Override
    public void onFailed(Throwable cause) {
        if (cause instanceof GenerationTimeoutException) {
            answers.failed(
                    new ServiceException(
                            Code.DEADLINE_EXCEEDED,
                            "DEADLINE_EXCEEDED",
                            "timeout_ms: "
                                    + Integer.toUnsignedString(request.getTimeoutMs())
                                    + " passed",
                            cause));
            return;
        }
        answers.failed(
                cause instanceof GeneratorClosedException
                        ? new ServiceException(
                                Code.UNAVAILABLE,
                                "DRAINING",
                                "the engine was closed; send the request elsewhere",
                                cause)
                        : new ServiceException(
                                Code.UNAVAILABLE,
                                "ENGINE_LOST",
                                "the engine failed: " + cause.getMessage(),
                                cause));
    }

    private static TokenChunk joined(TokenChunk a, TokenChunk b) {
        return new TokenChunk(
                a.start(),
                Ints.concat(a.tokenIds(), b.tokenIds()),
                Floats.concat(a.logProb(), b.logProb()),
                Floats.concat(a.entropy(), b.entropy()),
                Floats.concat(a.collisionProbability(), b.collisionProbability()));
    }

    private static TokenChunk cut(TokenChunk c, int n) {
        return n >= c.tokenIds().length ? c : c.part(0, n);
    }

    private static TokenChunk rest(TokenChunk c, int from) {
        return c.part(from, c.tokenIds().length);
    }
}
