package dev.forkpoint.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.proto.learner.v1.ListRunsRequest;
import dev.forkpoint.proto.learner.v1.ListRunsResponse;
import dev.forkpoint.proto.learner.v1.RunServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class DriverTest {

    private final List<AutoCloseable> open = new ArrayList<>();

    @AfterEach
    void closeAll() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }

    private FakeReward service(long latencyMs, int capacity) throws Exception {
        FakeReward service = new FakeReward(latencyMs, capacity);
        open.add(service);
        return service;
    }

    private ManagedChannel channel(FakeReward service) {
        ManagedChannel channel =
                NettyChannelBuilder.forTarget(service.address()).usePlaintext().build();
        open.add(channel::shutdownNow);
        return channel;
    }

    private Driver driver(FakeReward service) {
        return new Driver(Workloads.reward(), List.of(channel(service)), 20);
    }

    @Test
    void closedLoopKeepsNoMoreOutstandingThanAsked() throws Exception {
        Measurement m = driver(service(20, 4)).closed("four", 4, 0.5);
        assertThat(m.shed()).as("a fifth at a time would have been shed").isZero();
        assertThat(m.served()).isEqualTo(m.sent()).isBetween(4L, 104L);
        assertThat(m.latencyMs().get("p50")).isGreaterThanOrEqualTo(19.9);
        assertThat(m.unanswered()).isZero();
    }

    @Test
    void openLoopSendsAtItsRateAndCountsWhatIsShed() throws Exception {
        Measurement m = driver(service(100, 5)).open("too much", 500, 1);
        assertThat(m.sent() + m.held()).isEqualTo(500);
        assertThat(m.served() + m.shed()).isEqualTo(m.sent());
        assertThat(m.shed()).isPositive();
        assertThat(m.failures()).isEmpty();
    }

    /** The slow one is seen by all that were due meanwhile, which closed clients would not send. */
    @Test
    void openLoopCountsFromWhenARequestWasDue() throws Exception {
        Measurement m = driver(service(50, 1000)).open("steady", 100, 0.5);
        assertThat(m.latencyMs().get("p50")).isGreaterThanOrEqualTo(49.9);
        assertThat(m.served()).isEqualTo(50);
    }

    @Test
    void slowReaderReadsEverythingAtLast() throws Exception {
        Measurement m = driver(service(1, 1_000_000)).slowReader("slow", 3000, 0.5);
        assertThat(m.served()).isEqualTo(m.sent());
        assertThat(m.sent() + m.held()).isEqualTo(3000);
        assertThat(m.unanswered()).isZero();
    }

    /**
     * A connection takes four calls at a time, each of which takes 50 ms: 24 of the 600 and a few.
     */
    @Test
    void callsThatTheConnectionDoesNotTakeAreHeldBack() throws Exception {
        ScheduledExecutorService worker = Executors.newSingleThreadScheduledExecutor();
        open.add(worker::shutdownNow);
        Server server =
                NettyServerBuilder.forAddress(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .maxConcurrentCallsPerConnection(4)
                        .addService(
                                new RunServiceGrpc.RunServiceImplBase() {
                                    @Override
                                    public void listRuns(
                                            ListRunsRequest request,
                                            StreamObserver<ListRunsResponse> out) {
                                        var unused =
                                                worker.schedule(
                                                        () -> {
                                                            out.onNext(
                                                                    ListRunsResponse
                                                                            .getDefaultInstance());
                                                            out.onCompleted();
                                                        },
                                                        50,
                                                        TimeUnit.MILLISECONDS);
                                    }
                                })
                        .build()
                        .start();
        open.add(server::shutdownNow);
        ManagedChannel channel =
                NettyChannelBuilder.forTarget("127.0.0.1:" + server.getPort())
                        .usePlaintext()
                        .build();
        open.add(channel::shutdownNow);
        Driver driver = new Driver(Workloads.learner(), List.of(channel), 20);
        // connects: a driver holds back what a channel without a connection does not take
        RunServiceGrpc.newBlockingStub(channel).listRuns(ListRunsRequest.getDefaultInstance());

        Measurement m = driver.open("too much", 2000, 0.3);
        assertThat(m.sent() + m.held()).isEqualTo(600);
        assertThat(m.served()).isEqualTo(m.sent());
        assertThat(m.held()).isPositive();

        Measurement slow = driver.slowReader("slow", 20, 0.5);
        assertThat(slow.served()).isEqualTo(20);
        assertThat(slow.latencyMs().get("p50")).as("read only later").isGreaterThan(250);

        Measurement cancelled = driver.cancels("cancels", 10);
        assertThat(cancelled.failures()).containsOnlyKeys("CANCELLED");
        assertThat(cancelled.unanswered()).isZero();
    }

    /** What gRPC's own server, unlike the services, says of bytes that are no message. */
    private static boolean isUndecodable(String violation) {
        return violation.contains("UNKNOWN, description=Application error processing RPC")
                // the same, when it ends the call twice, as one reader of HTTP/2 or another sees it
                || violation.contains("sent too many headers")
                || violation.contains("invalid Pseudo-Header in trailers");
    }

    @Test
    void nonsenseIsCountedByMethodAndStatus() throws Exception {
        FakeReward service = service(1, 100);
        Fuzzer.Result result =
                new Fuzzer(
                                channel(service),
                                Services.of("reward"),
                                Workloads.reward().examples(),
                                1)
                        .run(60);
        assertThat(result.violations()).isNotEmpty().allMatch(DriverTest::isUndecodable);
        assertThat(result.statuses().values().stream().mapToLong(Long::longValue).sum())
                .isEqualTo(60);
        assertThat(result.statuses().keySet())
                .anyMatch(k -> k.startsWith("Verify "))
                .anyMatch(k -> k.startsWith("ListTasks "));
    }

    @Test
    void aStackTraceToTheCallerIsAViolation() throws Exception {
        FakeReward service = service(1, 100);
        service.listTasks =
                Status.INTERNAL.withDescription(
                        "java.lang.Foo\n\tat dev.forkpoint.Bar.baz(Bar.java:1)");
        Fuzzer.Result result =
                new Fuzzer(
                                channel(service),
                                Services.of("reward"),
                                Workloads.reward().examples(),
                                1)
                        .run(16);
        assertThat(result.violations().stream().filter(v -> !isUndecodable(v)))
                .isNotEmpty()
                .allMatch(v -> v.contains("ListTasks"));
    }

    @Test
    void wholeTestOfAServiceReportsAndComparesWithItsBaseline(@TempDir Path folder)
            throws Exception {
        FakeReward service = service(1, 64);
        LoadTest.Plan plan = new LoadTest.Plan(0.2, List.of(1, 8), 8, 0, 7);
        LoadTest.Result result =
                new LoadTest(
                                Workloads.reward(),
                                ServiceConnection.plain(),
                                service.address(),
                                0,
                                Services.of("reward"),
                                plan,
                                System.out::println)
                        .run();
        assertThat(result.saturationPerSecond()).isPositive();
        assertThat(result.phases())
                .extracting(Measurement::phase)
                .contains("overload, 10 times", "slow reader", "cancels", "beyond the limit");

        Report.Content first = Report.of("forkpoint load <reward>", List.of(result), null);
        Report.write(first, folder);
        Report.Content second = Report.of("again", List.of(result), folder.resolve("load.json"));
        assertThat(second.ratios()).isNotEmpty().allMatch(r -> r.ratio() == 1.0);
        assertThat(Files.readString(folder.resolve("load.html")))
                .contains("forkpoint load &lt;reward&gt;", "<svg", "overload, 10 times")
                .doesNotContain("http://", "https://");
    }
}
