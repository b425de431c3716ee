package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GenerationHandle;
import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.Generator;
import dev.forkpoint.policy.GeneratorClosedException;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** The policy library's sampler in this process. */
public final class DirectEngine implements RolloutEngine {

    private static final Logger LOG = Logger.getLogger(DirectEngine.class);

    private final PolicyOptions policyOptions;
    private final GeneratorOptions generatorOptions;
    private final Duration drainTimeout;
    private final List<Thread> drains = new ArrayList<>();
    private volatile @Nullable Loaded current;

    private record Loaded(ServedPolicy served, Policy policy, Generator generator)
            implements AutoCloseable {
        @Override
        public void close() {
            generator.close();
            policy.close();
        }
    }

    /**
     * @param drainTimeout how long a replaced policy may take to finish what it began
     */
    public DirectEngine(
            PolicyOptions policyOptions, GeneratorOptions generatorOptions, Duration drainTimeout) {
        this.policyOptions = policyOptions;
        this.generatorOptions = generatorOptions;
        this.drainTimeout = drainTimeout;
    }

    @Override
    public String name() {
        return "direct";
    }

    @Override
    public boolean reportsEntropy() {
        return true;
    }

    @Override
    public boolean deterministic() {
        return policyOptions.device().equals("cpu");
    }

    @Override
    public Optional<ServedPolicy> served() {
        return Optional.ofNullable(current).map(Loaded::served);
    }

    @Override
    public synchronized void load(PolicySnapshot snapshot, PolicyFiles files) throws IOException {
        Policy policy =
                Policy.load(
                        files.directory(),
                        files.adapter().map(policyOptions::withAdapter).orElse(policyOptions));
        Loaded next;
        try {
            next =
                    new Loaded(
                            new ServedPolicy(snapshot, policy.config(), policy.tokenizer()),
                            policy,
                            new Generator(policy, generatorOptions));
        } catch (RuntimeException e) {
            policy.close();
            throw e;
        }
        Loaded old = current;
        current = next;
        if (old != null) {
            retire(old);
        }
    }

    /** Lets the old policy finish beside the new one, then frees it. */
    private void retire(Loaded old) {
        drains.removeIf(t -> !t.isAlive());
        Thread drain =
                new Thread(
                        () -> {
                            try (old) {
                                if (!old.generator().drain(drainTimeout)) {
                                    LOG.warnf(
                                            "policyVersion=%d gave up %d sequences after %s",
                                            old.served().snapshot().getVersion(),
                                            old.generator().active(),
                                            drainTimeout);
                                }
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        },
                        "retire-policy-" + old.served().snapshot().getVersion());
        drain.setDaemon(true);
        drain.start();
        drains.add(drain);
    }

    @Override
    public Accepted submit(GenerationRequest request, GenerationListener listener) {
        while (true) {
            Loaded loaded = current;
            if (loaded == null) {
                throw new IllegalStateException("no policy is loaded");
            }
            try {
                GenerationHandle handle = loaded.generator().submit(request, listener);
                return new Accepted(handle, loaded.served().snapshot());
            } catch (GeneratorClosedException e) {
                if (loaded == current) {
                    throw e;
                }
                // replaced between reading and submitting: the new one takes it
            }
        }
    }

    @Override
    public int active() {
        Loaded loaded = current;
        return loaded == null ? 0 : loaded.generator().active();
    }

    @Override
    public int queued() {
        Loaded loaded = current;
        return loaded == null ? 0 : loaded.generator().queued();
    }

    @Override
    public synchronized void close() {
        for (Thread drain : drains) {
            drain.interrupt();
        }
        Loaded loaded = current;
        current = null;
        if (loaded != null) {
            loaded.close();
        }
    }
}
