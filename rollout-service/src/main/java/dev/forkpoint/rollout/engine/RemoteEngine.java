package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import dev.forkpoint.triton.RolloutHandle;
import dev.forkpoint.triton.RolloutSink;
import dev.forkpoint.triton.TokenEngine;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.kserve.RemoteTriton;
import dev.forkpoint.triton.kserve.Tls;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Triton servers in other processes, over KServe v2. They read a policy from the directory it lies
 * in here: a volume that both sides mount at the same place.
 */
public final class RemoteEngine implements RolloutEngine {

    private final RemoteTriton remote;
    private final int maxRunning;
    private final Consumer<RolloutSink.Stats> stats;
    private volatile @Nullable ServedPolicy served;

    /**
     * @param addresses host:port of each server
     * @param tls null: plain text
     * @param maxRunning rollouts beyond this count as waiting
     * @param stats hears of every finished response
     */
    public RemoteEngine(
            List<String> addresses,
            @Nullable Tls tls,
            int maxRunning,
            Consumer<RolloutSink.Stats> stats) {
        this.stats = stats;
        this.remote = new RemoteTriton(addresses, tls, RemoteTriton.Options.of(TritonEngine.MODEL));
        this.maxRunning = maxRunning;
    }

    @Override
    public String name() {
        return "remote";
    }

    @Override
    public boolean reportsEntropy() {
        return remote.reportsEntropy();
    }

    @Override
    public boolean deterministic() {
        return remote.deterministic();
    }

    @Override
    public Optional<ServedPolicy> served() {
        return Optional.ofNullable(served);
    }

    @Override
    public synchronized void load(PolicySnapshot snapshot, PolicyFiles files) throws IOException {
        ServedPolicy next;
        try (Policy policy = Policy.load(files.directory(), PolicyOptions.defaults())) {
            next = new ServedPolicy(snapshot, policy.config(), policy.tokenizer());
        }
        try {
            remote.load(TritonEngine.spec(snapshot, files));
        } catch (TritonException e) {
            if (e.code() == Code.INVALID_ARGUMENT) {
                throw new IOException(e.getMessage(), e);
            }
            throw e;
        }
        served = next;
    }

    @Override
    public Accepted submit(GenerationRequest request, GenerationListener listener) {
        return submit(request, listener, true);
    }

    @Override
    public Accepted submit(GenerationRequest request, GenerationListener listener, boolean live) {
        ServedPolicy by = served;
        if (by == null) {
            throw new IllegalStateException("no policy is loaded");
        }
        long version = by.snapshot().getVersion();
        RolloutHandle handle =
                remote.generate(
                        ListenerSink.request(
                                request,
                                new TokenEngine.Limits(
                                        by.config().vocabularySize(), by.config().maxPositions()),
                                live),
                        new ListenerSink(listener, reportsEntropy(), v -> v == version, stats));
        return new Accepted(handle::cancel, by.snapshot());
    }

    @Override
    public int active() {
        return Math.min(maxRunning, remote.running());
    }

    @Override
    public int queued() {
        return Math.max(0, remote.running() - maxRunning);
    }

    /** Address and state of each server. */
    public List<String> states() {
        return remote.states();
    }

    @Override
    public void close() {
        remote.close();
    }
}
