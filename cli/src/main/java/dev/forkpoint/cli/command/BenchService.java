package dev.forkpoint.cli.command;

import com.google.common.primitives.Ints;
import com.google.rpc.Status;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.policy.v1.TokenIds;
import dev.forkpoint.proto.rollout.v1.ChunkPolicy;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The same sampling as {@link BenchPolicy#generate}, asked of a rollout-service on this machine.
 * For the engine {@code remote} a second one serves the policy over KServe v2.
 */
final class BenchService implements AutoCloseable {

    /** Tokens of a message where responses are streamed: those of one decode call. */
    static final int CHUNK_TOKENS = 16;

    private final ServiceOptions services = new ServiceOptions();
    private final List<Backend> backends; // the one that is asked comes first
    private final int vocabularySize;

    private BenchService(List<Backend> backends, int vocabularySize) {
        this.backends = backends;
        this.vocabularySize = vocabularySize;
    }

    /**
     * Starts it, serving the policy.
     *
     * @param engine absent: the service's own choice
     */
    static BenchService start(
            Forkpoint forkpoint, BenchPolicy policy, @Nullable String engine, int rows)
            throws InterruptedException {
        Path folder = policy.folder(forkpoint.installation());
        List<Backend> started = new ArrayList<>();
        try {
            LocalSettings asked = settings(policy, folder, engine, rows);
            if ("remote".equals(engine)) {
                int port = freePort();
                LocalSettings triton =
                        settings(policy, folder, "triton", rows)
                                .with("forkpoint.rollout.kserve.port", Integer.toString(port))
                                .with(
                                        "forkpoint.rollout.kserve.policy-roots",
                                        Objects.requireNonNull(folder.getParent()).toString());
                started.add(forkpoint.open(null, triton, Service.ROLLOUT));
                RolloutCalls.serve(started.get(0), PolicyFolder.snapshot(folder));
                asked.with("forkpoint.rollout.remote.addresses", "127.0.0.1:" + port);
            }
            started.add(0, forkpoint.open(null, asked, Service.ROLLOUT));
            int vocabularySize =
                    RolloutCalls.serve(started.get(0), PolicyFolder.snapshot(folder))
                            .getVocabularySize();
            return new BenchService(started, vocabularySize);
        } catch (InterruptedException | RuntimeException e) {
            started.forEach(Backend::close);
            throw e;
        }
    }

    private static LocalSettings settings(
            BenchPolicy policy, Path folder, @Nullable String engine, int rows) {
        return new LocalSettings(Service.ROLLOUT)
                .engine(engine)
                .allow(folder)
                .with("forkpoint.rollout.threads", Integer.toString(policy.threads))
                .with("forkpoint.rollout.max-rows", Integer.toString(rows));
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException("no free port on 127.0.0.1", e);
        }
    }

    int vocabularySize() {
        return vocabularySize;
    }

    static GenerateRequest request(int index, int[] prompt, long seed, int maxTokens) {
        return GenerateRequest.newBuilder()
                .setRollout(rollout(index, prompt, seed, maxTokens))
                .build();
    }

    private static RolloutRequest.Builder rollout(
            int index, int[] prompt, long seed, int maxTokens) {
        return RolloutRequest.newBuilder()
                .setRequestId(Integer.toString(index))
                .setPromptIds(TokenIds.newBuilder().addAllIds(Ints.asList(prompt)))
                .setSeed(seed)
                .setSampling(
                        SamplingParameters.newBuilder().setMaxTokens(maxTokens).setIgnoreEos(true));
    }

    /**
     * Samples a response for each prompt, and waits for all.
     *
     * @param chunks in messages of {@link #CHUNK_TOKENS} tokens instead of one a response
     * @return nanoseconds to the first message
     */
    long generate(int[][] prompts, int maxTokens, boolean chunks) throws InterruptedException {
        ChunkPolicy policy = ChunkPolicy.newBuilder().setEveryTokens(CHUNK_TOKENS).build();
        long began = System.nanoTime();
        long[] first = {0};
        Exchange.run(
                Protocols.GENERATE,
                backends.get(0).channels(Service.ROLLOUT),
                IntStream.range(0, prompts.length)
                        .mapToObj(
                                i -> {
                                    RolloutRequest.Builder rollout =
                                            rollout(
                                                    i,
                                                    prompts[i],
                                                    SampleSeeds.derive(0, i, 0),
                                                    maxTokens);
                                    return GenerateRequest.newBuilder()
                                            .setRollout(
                                                    chunks ? rollout.setChunks(policy) : rollout)
                                            .build();
                                })
                        .iterator(),
                Protocols.WINDOW,
                services.liveness(backends.get(0)),
                new Exchange.Answers<GenerateResponse>() {
                    @Override
                    public void partial(long index, GenerateResponse answer) {
                        came();
                    }

                    @Override
                    public void complete(long index, GenerateResponse answer) {
                        came();
                    }

                    private void came() {
                        if (first[0] == 0) {
                            first[0] = System.nanoTime() - began;
                        }
                    }

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(status, "response " + index);
                    }
                });
        return first[0];
    }

    /** Process ids. */
    List<Long> pids() {
        return backends.stream()
                .map(Backend::local)
                .filter(Objects::nonNull)
                .flatMap(local -> local.pids().values().stream())
                .toList();
    }

    /** CPU time of its processes so far. */
    Duration cpu() {
        return pids().stream()
                .map(pid -> ProcessHandle.of(pid).flatMap(p -> p.info().totalCpuDuration()))
                .map(cpu -> cpu.orElse(Duration.ZERO))
                .reduce(Duration.ZERO, Duration::plus);
    }

    /** The command did what it should, so that nobody will read the logs. */
    void ended() {
        backends.forEach(services::ended);
    }

    @Override
    public void close() {
        backends.forEach(Backend::close);
    }
}
