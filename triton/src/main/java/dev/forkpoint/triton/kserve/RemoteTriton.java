package dev.forkpoint.triton.kserve;

import dev.forkpoint.proto.kserve.v2.ModelConfig;
import dev.forkpoint.triton.FinishReason;
import dev.forkpoint.triton.PolicySpec;
import dev.forkpoint.triton.RolloutChunk;
import dev.forkpoint.triton.RolloutHandle;
import dev.forkpoint.triton.RolloutRequest;
import dev.forkpoint.triton.RolloutSink;
import dev.forkpoint.triton.TensorContract;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonPolicy;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One policy on several Triton servers. A rollout goes to the least loaded server that is ready;
 * one that fails on the way is asked of another, by the same seed, and what was delivered already
 * is not delivered again. A server takes part only while it serves the tensor contract and, after a
 * load, the version that was loaded. Thread-safe.
 */
public final class RemoteTriton implements AutoCloseable {

    private static final Logger LOG = Logger.getLogger(RemoteTriton.class);

    /** Backends whose policy is a directory that a model parameter names. */
    private static final String JVM_BACKEND = "forkpoint";

    /**
     * @param model name of the Triton model
     * @param attempts most servers a rollout is asked of, at least 1
     * @param checkPeriod between two looks at the servers that are not ready
     * @param callTimeout of each call but streams and loads
     */
    public record Options(String model, int attempts, Duration checkPeriod, Duration callTimeout) {

        public Options {
            if (attempts < 1) {
                throw new IllegalArgumentException(
                        "attempts: " + attempts + " (allowed: at least 1)");
            }
        }

        public static Options of(String model) {
            return new Options(model, 3, Duration.ofSeconds(2), Duration.ofSeconds(30));
        }
    }

    private final Options options;
    private final List<Replica> replicas;
    private final AtomicLong turn = new AtomicLong();
    private final ScheduledExecutorService checks =
            Executors.newSingleThreadScheduledExecutor(
                    task -> {
                        Thread thread = new Thread(task, "remote-triton-checks");
                        thread.setDaemon(true);
                        return thread;
                    });
    private @Nullable PolicySpec wanted; // guarded by this

    private static final class Replica {
        final KserveClient client;
        final CircuitBreaker breaker;
        final AtomicInteger running = new AtomicInteger();
        volatile @Nullable PolicySpec serving;
        volatile String state = "not checked yet";
        volatile boolean entropies;
        volatile boolean deterministic;

        Replica(KserveClient client) {
            this.client = client;
            breaker =
                    CircuitBreaker.of(
                            client.address(),
                            CircuitBreakerConfig.custom()
                                    .slidingWindowSize(8)
                                    .minimumNumberOfCalls(4)
                                    .waitDurationInOpenState(Duration.ofSeconds(2))
                                    .permittedNumberOfCallsInHalfOpenState(2)
                                    .build());
        }
    }

    /**
     * Connects to the servers; those that answer are held to the tensor contract at once, the
     * others when they come.
     *
     * @param addresses host:port each, at least one
     * @throws TritonException UNSUPPORTED if a server's model does not fit the contract
     */
    public RemoteTriton(List<String> addresses, @Nullable Tls tls, Options options) {
        if (addresses.isEmpty()) {
            throw new IllegalArgumentException("addresses: none (allowed: at least one host:port)");
        }
        this.options = options;
        replicas =
                addresses.stream()
                        .map(a -> new Replica(new KserveClient(a, tls, options.callTimeout())))
                        .toList();
        for (Replica replica : replicas) {
            try {
                check(replica, null);
            } catch (TritonException e) {
                replica.state = String.valueOf(e.getMessage());
                if (e.code() == Code.UNSUPPORTED) {
                    close();
                    throw e;
                }
                LOG.warnf("remote=%s not ready: %s", replica.client.address(), e.getMessage());
            }
        }
        long period = options.checkPeriod().toMillis();
        var unused =
                checks.scheduleWithFixedDelay(
                        this::checkAll, period, period, TimeUnit.MILLISECONDS);
    }

    /**
     * Learns what a server serves; it takes part from then on, if that is what is wanted. A model
     * that is not loaded yet is no error.
     */
    private void check(Replica replica, @Nullable PolicySpec wanted) {
        replica.serving = null;
        if (!replica.client.modelReady(options.model())) {
            replica.state = "model '" + options.model() + "' is not loaded";
            return;
        }
        ModelConfig config = replica.client.checkContract(options.model());
        PolicySpec serving = spec(config);
        if (!config.getBackend().equals(JVM_BACKEND)) {
            // its weights change in place, so the configuration tells what it began with
            long version = VllmControl.version(replica.client, options.model());
            serving =
                    wanted != null && version == wanted.version()
                            ? wanted
                            : new PolicySpec(version, serving.directory(), serving.adapter());
        }
        replica.entropies = parameter(config, TensorContract.ENTROPY_PARAMETER).equals("exact");
        replica.deterministic =
                parameter(config, TensorContract.DETERMINISTIC_PARAMETER).equals("true");
        if (wanted == null || serving.equals(wanted)) {
            replica.state = "ready";
            replica.serving = serving;
        } else {
            replica.state =
                    "serves policy version "
                            + serving.version()
                            + ", wanted is "
                            + wanted.version();
        }
    }

    private static PolicySpec spec(ModelConfig config) {
        String version = parameter(config, "policy_version");
        String adapter = parameter(config, "adapter_directory");
        return new PolicySpec(
                version.matches("\\d{1,18}") ? Long.parseLong(version) : 0,
                Path.of(parameter(config, "policy_directory")),
                adapter.isEmpty() ? null : Path.of(adapter));
    }

    private static String parameter(ModelConfig config, String name) {
        return config.containsParameters(name)
                ? config.getParametersOrThrow(name).getStringValue()
                : "";
    }

    private synchronized void checkAll() {
        for (Replica replica : replicas) {
            PolicySpec serving = replica.serving;
            if (serving != null
                    && (wanted == null || serving.equals(wanted))
                    && closedBreaker(replica)) {
                continue;
            }
            try {
                check(replica, wanted);
                if (wanted != null && replica.serving == null) {
                    load(replica, wanted);
                }
            } catch (TritonException e) {
                replica.state = String.valueOf(e.getMessage());
                LOG.debugf("remote=%s not ready: %s", replica.client.address(), e.getMessage());
            }
        }
    }

    private static boolean closedBreaker(Replica replica) {
        return replica.breaker.getState() == CircuitBreaker.State.CLOSED;
    }

    /**
     * Has all servers serve a policy version, by the directory under which they see it. A server
     * that does not answer takes part again once it serves the version; one that refuses it fails
     * the load, and those that had taken it go back.
     */
    public synchronized void load(PolicySpec policy) {
        Map<Replica, @Nullable PolicySpec> taken = new LinkedHashMap<>();
        TritonException unreachable = null;
        for (Replica replica : replicas) {
            PolicySpec old = replica.serving;
            try {
                if (!policy.equals(old)) {
                    load(replica, policy);
                }
                taken.put(replica, old);
            } catch (TritonException e) {
                if (!e.code().retryable() && e.code() != Code.DEADLINE_EXCEEDED) {
                    replica.serving = old;
                    taken.forEach(RemoteTriton.this::goBack);
                    throw e;
                }
                LOG.warnf(
                        "remote=%s did not load policyVersion=%d: %s",
                        replica.client.address(), policy.version(), e.getMessage());
                replica.state = String.valueOf(e.getMessage());
                replica.serving = null;
                unreachable = e;
            }
        }
        if (taken.isEmpty() && unreachable != null) {
            throw unreachable;
        }
        wanted = policy;
    }

    private void goBack(Replica replica, @Nullable PolicySpec old) {
        if (old == null || old.equals(replica.serving)) {
            return;
        }
        try {
            load(replica, old);
        } catch (TritonException e) {
            replica.state = String.valueOf(e.getMessage());
            replica.serving = null;
        }
    }

    private void load(Replica replica, PolicySpec policy) {
        if (servedByOtherBackend(replica)) {
            VllmControl.update(replica.client, options.model(), policy);
        } else {
            replica.client.load(
                    options.model(),
                    TritonPolicy.modelConfig(options.model(), TritonPolicy.ENGINE, policy),
                    Map.of());
        }
        check(replica, policy);
        if (replica.serving == null) {
            throw new TritonException(
                    Code.INTERNAL, replica.client.address() + ": after a load: " + replica.state);
        }
    }

    private boolean servedByOtherBackend(Replica replica) {
        return replica.client.modelReady(options.model())
                && !replica.client.config(options.model()).getBackend().equals(JVM_BACKEND);
    }

    /** What new rollouts are served by, or null while no server is ready. */
    public @Nullable PolicySpec serving() {
        for (Replica replica : replicas) {
            PolicySpec serving = replica.serving;
            if (serving != null) {
                return serving;
            }
        }
        return null;
    }

    /** Whether every server that is ready reports entropies. */
    public boolean reportsEntropy() {
        return replicas.stream().allMatch(r -> r.serving == null || r.entropies);
    }

    /** Whether every server that is ready gives the same tokens whenever it is asked. */
    public boolean deterministic() {
        return replicas.stream().allMatch(r -> r.serving == null || r.deterministic);
    }

    /** Rollouts that have not ended. */
    public int running() {
        return replicas.stream().mapToInt(r -> r.running.get()).sum();
    }

    /** Address and state of each server, for health and doctor. */
    public List<String> states() {
        return replicas.stream()
                .map(
                        r ->
                                r.client.address()
                                        + ": "
                                        + r.state
                                        + ", "
                                        + r.running.get()
                                        + " rollouts, circuit "
                                        + r.breaker.getState())
                .toList();
    }

    /** Samples a rollout; everything, refusals too, ends the sink. */
    public RolloutHandle generate(RolloutRequest request, RolloutSink sink) {
        Attempts attempts = new Attempts(request, sink);
        attempts.next(
                new TritonException(Code.UNAVAILABLE, "no Triton server is ready: " + states()));
        return attempts;
    }

    private @Nullable Replica pick(Set<Replica> tried) {
        int n = replicas.size();
        int first = (int) Math.floorMod(turn.getAndIncrement(), (long) n);
        List<Replica> order = new ArrayList<>(n);
        for (int i = 0; i < n; i++) {
            order.add(replicas.get((first + i) % n)); // equal loads take turns
        }
        order.sort(
                Comparator.<Replica>comparingInt(r -> tried.contains(r) ? 1 : 0)
                        .thenComparingInt(r -> r.running.get()));
        for (Replica replica : order) {
            if (replica.serving != null && replica.breaker.tryAcquirePermission()) {
                return replica;
            }
        }
        return null;
    }

    /** One rollout over up to {@code attempts} servers. */
    private final class Attempts implements RolloutHandle {

        private final RolloutRequest request;
        private final RolloutSink sink;
        private final long askedNanos = System.nanoTime();
        private final Set<Replica> tried = new HashSet<>();
        private int asked;
        private int[] delivered = new int[16];
        private int count;
        private volatile boolean cancelled;
        private volatile @Nullable RolloutHandle current;

        Attempts(RolloutRequest request, RolloutSink sink) {
            this.request = request;
            this.sink = sink;
        }

        void next(TritonException otherwise) {
            if (cancelled) {
                sink.onFinished(FinishReason.CANCELLED, RolloutSink.Stats.UNKNOWN);
                return;
            }
            long left = microsLeft();
            if (left < 0) {
                sink.onFailed(
                        new TritonException(
                                Code.DEADLINE_EXCEEDED,
                                "no server ended the rollout within its timeout of "
                                        + request.timeoutMicros()
                                        + " µs: "
                                        + otherwise.getMessage()));
                return;
            }
            Replica replica = asked < options.attempts() ? pick(tried) : null;
            if (replica == null) {
                sink.onFailed(otherwise);
                return;
            }
            asked++;
            tried.add(replica);
            replica.running.incrementAndGet();
            current =
                    replica.client.infer(
                            options.model(),
                            request.id(),
                            TensorContract.encode(request),
                            left,
                            new TritonPolicy.SinkListener(new Attempt(replica)));
            if (cancelled) {
                cancel();
            }
        }

        /** Of the timeout, which all servers asked share. 0: none; below 0: it has passed. */
        private long microsLeft() {
            long timeout = request.timeoutMicros();
            if (timeout == 0) {
                return 0;
            }
            long left = timeout - (System.nanoTime() - askedNanos) / 1000;
            return left > 0 ? left : -1;
        }

        @Override
        public void cancel() {
            cancelled = true;
            RolloutHandle running = current;
            if (running != null) {
                running.cancel();
            }
        }

        private final class Attempt implements RolloutSink {
            private final Replica replica;
            private final long startedNanos = System.nanoTime();
            private int seen;

            Attempt(Replica replica) {
                this.replica = replica;
            }

            @Override
            public void onTokens(RolloutChunk chunk) {
                int known = Math.min(count - seen, chunk.size());
                for (int i = 0; i < known; i++) {
                    if (chunk.tokenIds()[i] != delivered[seen + i]) {
                        throw new TritonException(
                                Code.INTERNAL,
                                "asked again, "
                                        + replica.client.address()
                                        + " gave another token at position "
                                        + (seen + i)
                                        + ": "
                                        + chunk.tokenIds()[i]
                                        + ", not "
                                        + delivered[seen + i]);
                    }
                }
                seen += chunk.size();
                if (known == chunk.size()) {
                    return;
                }
                RolloutChunk fresh = chunk.from(known);
                if (count + fresh.size() > delivered.length) {
                    delivered =
                            Arrays.copyOf(
                                    delivered,
                                    Math.max(2 * delivered.length, count + fresh.size()));
                }
                System.arraycopy(fresh.tokenIds(), 0, delivered, count, fresh.size());
                count += fresh.size();
                sink.onTokens(fresh);
            }

            @Override
            public void onFinished(FinishReason reason, Stats stats) {
                if (reason == FinishReason.CANCELLED && !cancelled) {
                    onFailed(
                            new TritonException(
                                    Code.UNAVAILABLE,
                                    replica.client.address() + " cancelled the rollout"));
                    return;
                }
                replica.running.decrementAndGet();
                if (reason == FinishReason.CANCELLED) {
                    replica.breaker.releasePermission();
                } else {
                    replica.breaker.onSuccess(
                            System.nanoTime() - startedNanos, TimeUnit.NANOSECONDS);
                }
                sink.onFinished(reason, stats);
            }

            @Override
            public void onFailed(TritonException error) {
                replica.running.decrementAndGet();
                boolean unloaded = error.code() == Code.NOT_FOUND;
                if (unloaded) {
                    replica.state = String.valueOf(error.getMessage());
                    replica.serving = null; // until a check finds the model again
                }
                if (!unloaded && !error.code().retryable()) {
                    replica.breaker.releasePermission(); // the request's fault or its time
                    sink.onFailed(error);
                    return;
                }
                replica.breaker.onError(
                        System.nanoTime() - startedNanos, TimeUnit.NANOSECONDS, error);
                next(error);
            }
        }
    }

    @Override
    public void close() {
        checks.shutdownNow();
        replicas.forEach(r -> r.client.close());
    }
}
