package dev.forkpoint.triton;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.awaitility.Awaitility;

/** A sink that keeps everything. */
@SuppressWarnings("NullAway") // fields are set when the rollout ends
public final class Gathered implements RolloutSink {

    static {
        Awaitility.setDefaultTimeout(Duration.ofSeconds(120)); // builds share slow machines
    }

    public final List<RolloutChunk> chunks = new ArrayList<>();
    public final List<Integer> ids = new ArrayList<>();
    public final List<Float> logProbs = new ArrayList<>();
    public final List<Long> versions = new ArrayList<>();
    public volatile PolicySpec policy;
    public volatile FinishReason reason;
    public volatile Stats stats;
    public volatile TritonException error;
    public volatile long firstNanos;
    public volatile Consumer<RolloutChunk> each = chunk -> {};
    private int ends;
    private final CountDownLatch end = new CountDownLatch(1);

    @Override
    public void onTokens(RolloutChunk chunk) {
        synchronized (this) {
            if (firstNanos == 0) {
                firstNanos = System.nanoTime();
            }
            chunks.add(chunk);
            for (int i = 0; i < chunk.size(); i++) {
                ids.add(chunk.tokenIds()[i]);
                logProbs.add(chunk.logProbs()[i]);
                versions.add(chunk.policyVersions()[i]);
            }
        }
        each.accept(chunk);
    }

    @Override
    public void onFinished(FinishReason reason, Stats stats) {
        this.reason = reason;
        this.stats = stats;
        end();
    }

    @Override
    public void onFailed(TritonException error) {
        this.error = error;
        end();
    }

    private synchronized void end() {
        ends++;
        end.countDown();
    }

    public synchronized int size() {
        return ids.size();
    }

    public boolean ended() {
        return end.getCount() == 0;
    }

    public synchronized int ends() {
        return ends;
    }

    /** Waits for the end, which must come once. */
    public Gathered await() {
        try {
            assertThat(end.await(120, TimeUnit.SECONDS))
                    .as("ended within 120 s, with %d tokens", size())
                    .isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertThat(ends()).isEqualTo(1);
        return this;
    }

    /** Waits for so many tokens; fails at once when the rollout ended before. */
    public Gathered awaitTokens(int n) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(120))
                .pollInterval(Duration.ofMillis(1))
                .until(() -> size() >= n || ended());
        assertThat(size())
                .as("tokens of a rollout that ended with %s, %s", reason, error)
                .isGreaterThanOrEqualTo(n);
        return this;
    }
}
