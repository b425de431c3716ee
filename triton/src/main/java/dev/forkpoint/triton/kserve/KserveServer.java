package dev.forkpoint.triton.kserve;

import dev.forkpoint.triton.TritonServer;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Exposes the {@link TritonServer} of this process over KServe v2 gRPC, so that stock Triton and
 * KServe clients reach its models. A stream whose client does not read is ended when what waits for
 * it exceeds a limit; the engine never waits.
 */
public final class KserveServer implements AutoCloseable {

    /**
     * @param address to listen on; port 0 picks a free one
     * @param tls null: plain text
     * @param policyRoots directories under which a remote load may name policies; none: no remote
     *     load or unload
     * @param maxMessageBytes of a request
     * @param maxStreamBytes that may wait for the client of one stream
     * @param maxBufferedBytes that may wait for all clients together
     */
    public record Options(
            InetSocketAddress address,
            @Nullable Tls tls,
            List<Path> policyRoots,
            int maxMessageBytes,
            long maxStreamBytes,
            long maxBufferedBytes) {

        /** On a free port of the loopback interface, in plain text, with no remote load. */
        public static Options local() {
            return new Options(
                    new InetSocketAddress("127.0.0.1", 0),
                    null,
                    List.of(),
                    16 << 20,
                    16L << 20,
                    256L << 20);
        }

        public Options withPolicyRoots(Path... roots) {
            return new Options(
                    address,
                    tls,
                    List.of(roots),
                    maxMessageBytes,
                    maxStreamBytes,
                    maxBufferedBytes);
        }

        public Options withMaxStreamBytes(long bytes) {
            return new Options(address, tls, policyRoots, maxMessageBytes, bytes, maxBufferedBytes);
        }
    }

    private final Server server;
    private final ExecutorService senders;

    private KserveServer(Server server, ExecutorService senders) {
        this.server = server;
        this.senders = senders;
    }

    public static KserveServer start(TritonServer triton, Options options) throws IOException {
        ExecutorService senders =
                new ThreadPoolExecutor(
                        2,
                        2,
                        0,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        task -> {
                            Thread thread = new Thread(task, "kserve-send");
                            thread.setDaemon(true);
                            return thread;
                        },
                        new ThreadPoolExecutor.DiscardPolicy()); // after close nobody listens
        try {
            Server server =
                    NettyServerBuilder.forAddress(
                                    options.address(),
                                    options.tls() == null
                                            ? InsecureServerCredentials.create()
                                            : options.tls().server())
                            .addService(new KserveService(triton, options, senders))
                            .maxInboundMessageSize(options.maxMessageBytes())
                            .permitKeepAliveTime(10, TimeUnit.SECONDS)
                            .build()
                            .start();
            return new KserveServer(server, senders);
        } catch (IOException | RuntimeException e) {
            senders.shutdownNow();
            throw e;
        }
    }

    public int port() {
        return server.getPort();
    }

    /** Ends what runs with UNAVAILABLE. */
    @Override
    public void close() {
        server.shutdownNow();
        try {
            server.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        senders.shutdown();
    }
}
