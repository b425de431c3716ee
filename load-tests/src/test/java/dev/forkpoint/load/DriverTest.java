package dev.forkpoint.load;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
        assertThat(result.violations()).isEmpty();
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
        assertThat(result.violations()).isNotEmpty().allMatch(v -> v.contains("ListTasks"));
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
