package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import dev.forkpoint.triton.PolicySpec;
import dev.forkpoint.triton.RolloutSink;
import dev.forkpoint.triton.TokenEngine;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonPolicy;
import dev.forkpoint.triton.TritonRuntime;
import dev.forkpoint.triton.TritonServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The policy library's sampler behind Triton's server core in this process: its queue, model
 * lifecycle and metrics.
 */
public final class TritonEngine implements RolloutEngine {

    /** Name of the Triton model. */
    public static final String MODEL = "policy";

    private final PolicyOptions policyOptions;
    private final GeneratorOptions generatorOptions;
    private final Consumer<RolloutSink.Stats> stats;
    private final Path repository;
    private final TritonServer server;
    private final TritonPolicy triton;

    /** Of the policy that serves and of a few before: requests may still be told of these. */
    private final Map<PolicySpec, Loaded> loaded =
            Collections.synchronizedMap(
                    new LinkedHashMap<>() {
                        private static final long serialVersionUID = 1L;

                        @Override
                        protected boolean removeEldestEntry(Map.Entry<PolicySpec, Loaded> eldest) {
                            return size() > 4;
                        }
                    });

    private volatile @Nullable Loading loading;

    private record Loaded(ServedPolicy served, PolicyTokenEngine engine) {}

    private record Loading(PolicySpec spec, PolicySnapshot snapshot) {}

    /**
     * Starts Triton, without a policy.
     *
     * @param stats hears of every finished response
     * @throws TritonException UNSUPPORTED, saying what is missing, where Triton cannot run
     */
    public TritonEngine(
            PolicyOptions policyOptions,
            GeneratorOptions generatorOptions,
            Consumer<RolloutSink.Stats> stats) {
        this.stats = stats;
        this.policyOptions = policyOptions;
        this.generatorOptions = generatorOptions;
        Path backends = TritonRuntime.load();
        try {
            repository = Files.createTempDirectory("forkpoint-models");
        } catch (IOException e) {
            throw new UncheckedIOException("no directory for Triton's model repository", e);
        }
        server = TritonServer.start(new TritonServer.Options(repository, backends, 0));
        server.register(TritonPolicy.ENGINE, this::open);
        triton = new TritonPolicy(server, MODEL, TritonPolicy.ENGINE);
    }

    /** Called where a load begins, ours or one that came over KServe v2. */
    private TokenEngine open(PolicySpec spec) throws IOException {
        Loading ours = loading;
        PolicySnapshot snapshot =
                ours != null && ours.spec().equals(spec)
                        ? ours.snapshot()
                        : PolicySnapshot.newBuilder()
                                .setPolicyId("kserve")
                                .setVersion(spec.version())
                                .setUri(spec.directory().toUri().toString())
                                .build();
        PolicyTokenEngine engine =
                PolicyTokenEngine.open(spec, policyOptions, generatorOptions, server::arriving);
        loaded.put(
                spec,
                new Loaded(
                        new ServedPolicy(
                                snapshot, engine.policy().config(), engine.policy().tokenizer()),
                        engine));
        return engine;
    }

    /** For metrics, and to be exposed over KServe v2. */
    public TritonServer server() {
        return server;
    }

    @Override
    public String name() {
        return "triton";
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
        return current().map(Loaded::served);
    }

    private Optional<Loaded> current() {
        PolicySpec spec = triton.serving();
        return spec == null ? Optional.empty() : Optional.ofNullable(loaded.get(spec));
    }

    @Override
    public synchronized void load(PolicySnapshot snapshot, PolicyFiles files) throws IOException {
        PolicySpec spec = spec(snapshot, files);
        loading = new Loading(spec, snapshot);
        try {
            triton.load(spec);
        } catch (TritonException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            if (e.code() == Code.INVALID_ARGUMENT) {
                throw new IOException(e.getMessage(), e);
            }
            throw e;
        } finally {
            loading = null;
        }
    }

    static PolicySpec spec(PolicySnapshot snapshot, PolicyFiles files) {
        return new PolicySpec(
                snapshot.getVersion(),
                files.directory().toAbsolutePath(),
                files.adapter().map(Path::toAbsolutePath).orElse(null));
    }

    @Override
    public Accepted submit(GenerationRequest request, GenerationListener listener) {
        return submit(request, listener, true);
    }

    @Override
    public Accepted submit(GenerationRequest request, GenerationListener listener, boolean live) {
        Loaded now = current().orElseThrow(() -> new IllegalStateException("no policy is loaded"));
        // Triton has bound the request to the policy that it names below
        ListenerSink sink = new ListenerSink(listener, true, version -> true, stats);
        TritonPolicy.Started started =
                triton.generate(ListenerSink.request(request, now.engine().limits(), live), sink);
        Loaded by = loaded.get(started.policy());
        if (by == null) {
            throw new IllegalStateException(
                    "policy version " + started.policy().version() + " is served but not known");
        }
        return new Accepted(started.handle()::cancel, by.served().snapshot());
    }

    @Override
    public int active() {
        return current().map(l -> l.engine().generator().active()).orElse(0);
    }

    @Override
    public int queued() {
        return current().map(l -> l.engine().generator().queued()).orElse(0);
    }

    @Override
    public synchronized void close() {
        server.close();
        try (Stream<Path> files = Files.walk(repository)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the model repository could not be removed", e);
        }
    }
}
