package dev.forkpoint.service.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.security.PeerSecurity;
import dev.forkpoint.service.telemetry.Telemetry;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class DispatcherTest {

    private final List<AutoCloseable> open = new ArrayList<>();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

    @AfterEach
    void closeAll() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }

    private FakeReplica replica(long latencyMs) throws IOException {
        FakeReplica r = new FakeReplica(0, latencyMs);
        open.add(r);
        return r;
    }

    private static PeerOptions options(int requestSeconds, int attemptMs) {
        return new PeerOptions(
                Duration.ofSeconds(requestSeconds),
                Duration.ofMillis(attemptMs),
                1000,
                Duration.ofMillis(10),
                64,
                1 << 20);
    }

    private ReplicaSet set(PeerOptions options, String... addresses) {
        ReplicaSet set =
                new ReplicaSet(
                        "reward",
                        List.of(addresses),
                        options,
                        PeerSecurity.none(),
                        Telemetry.none(),
                        meters);
        open.add(set);
        return set;
    }

    private Dispatcher<VerifyRequest, VerifyResponse> dispatcher(ReplicaSet set) {
        return dispatcher(set, replica -> {});
    }

    private Dispatcher<VerifyRequest, VerifyResponse> dispatcher(
            ReplicaSet set, Consumer<Replica> prepare) {
        Dispatcher<VerifyRequest, VerifyResponse> d = new Dispatcher<>(set, new Verify(), prepare);
        open.add(d);
        return d;
    }

    private static final class Verify
            implements Dispatcher.Protocol<VerifyRequest, VerifyResponse> {
        @Override
        public StreamObserver<VerifyRequest> open(
                Channel channel, StreamObserver<VerifyResponse> answers) {
            return RewardServiceGrpc.newStub(channel).verify(answers);
        }

        @Override
        public String answeredId(VerifyResponse answer) {
            return answer.getRequestId();
        }

        @Override
        public boolean isLast(VerifyResponse answer) {
            return true;
        }

        @Override
        public Optional<Status> failure(VerifyResponse answer) {
            return answer.hasError() ? Optional.of(answer.getError()) : Optional.empty();
        }

        @Override
        public VerifyRequest cancel(String id) {
            return VerifyRequest.newBuilder().setCancel(id).build();
        }
    }

    private static VerifyRequest item(int i) {
        return VerifyRequest.newBuilder()
                .setItem(VerifyItem.newBuilder().setRequestId("r" + i).setGold("gold " + i))
                .build();
    }

    private static Map<String, CompletableFuture<VerifyResponse>> submit(
            Dispatcher<VerifyRequest, VerifyResponse> d, int n) {
        Map<String, CompletableFuture<VerifyResponse>> out = new LinkedHashMap<>();
        for (int i = 0; i < n; i++) {
            out.put("r" + i, d.submit("r" + i, item(i)));
        }
        return out;
    }

    private static void assertAllRight(Map<String, CompletableFuture<VerifyResponse>> answers) {
        answers.forEach(
                (id, future) -> {
                    VerifyResponse answer = future.join();
                    assertThat(answer.getRequestId()).isEqualTo(id);
                    assertThat(answer.getVerification().getReward())
                            .isEqualTo(("gold " + id.substring(1)).hashCode());
                });
    }

    @Test
    void spreadsOverReplicasByLoad() throws Exception {
        FakeReplica a = replica(5);
        FakeReplica b = replica(5);
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(30, 10_000), a.address(), b.address()));
        assertAllRight(submit(d, 400));
        assertThat(a.total.get() + b.total.get()).isEqualTo(400);
        assertThat(Math.min(a.total.get(), b.total.get())).isGreaterThan(100);
    }

    @Test
    void killedReplicaCostsOnlyWhatItHadNotAnswered() throws Exception {
        FakeReplica a = replica(5);
        FakeReplica b = replica(5);
        CountDownLatch some = new CountDownLatch(100);
        a.arrivals = some;
        // its later items are never answered: all are in flight when it dies
        a.behaviour = (item, nth) -> nth <= 60;
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(30, 20_000), a.address(), b.address()));
        Map<String, CompletableFuture<VerifyResponse>> answers = submit(d, 400);
        assertThat(some.await(30, TimeUnit.SECONDS)).isTrue();
        a.kill();

        assertAllRight(answers);
        long repeated = a.seen.keySet().stream().filter(b.seen::containsKey).count();
        assertThat(repeated).isBetween(1L, (long) a.total.get());
        assertThat(b.seen.values()).as("nothing is sent twice to one replica").containsOnly(1);
        assertThat(a.seen.size() + b.seen.size() - repeated).isEqualTo(400);
        assertThat(repeated)
                .as("what the killed one had answered is not asked again")
                .isLessThanOrEqualTo(a.total.get() - 60L + 64);
    }

    @Test
    void peerThatAcceptsAndNeverAnswersEndsAtTheDeadline() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Dispatcher<VerifyRequest, VerifyResponse> d =
                    dispatcher(set(options(1, 300), "127.0.0.1:" + silent.getLocalPort()));
            CompletableFuture<VerifyResponse> answer = d.submit("r0", item(0));
            assertThatThrownBy(() -> answer.get(20, TimeUnit.SECONDS))
                    .cause()
                    .isInstanceOfSatisfying(
                            ServiceException.class,
                            e -> assertThat(e.code()).isEqualTo(Code.DEADLINE_EXCEEDED))
                    .hasMessageContaining("r0");
        }
    }

    @Test
    void replicaThatStopsAnsweringLosesItsRequestsToAnother() throws Exception {
        FakeReplica a = replica(1);
        a.behaviour = (item, nth) -> false;
        FakeReplica b = replica(1);
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(30, 300), a.address(), b.address()));
        for (int i = 0; a.total.get() == 0; i += 50) {
            assertAllRight(submitFrom(d, i, i + 50));
        }
        assertThat(a.cancelledOnce.await(10, TimeUnit.SECONDS))
                .as("what it still computes is cancelled")
                .isTrue();
    }

    @Test
    void overloadedReplicaRestsAsLongAsItAsks() throws Exception {
        FakeReplica a = replica(1);
        AtomicInteger shed = new AtomicInteger();
        a.behaviour =
                (item, nth) -> {
                    if (shed.getAndIncrement() == 0) {
                        throw ServiceException.overloaded("full", Duration.ofMillis(700));
                    }
                    return true;
                };
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(30, 10_000), a.address()));
        long began = System.nanoTime();
        assertThat(d.submit("r0", item(0)).join().hasVerification()).isTrue();
        assertThat(Duration.ofNanos(System.nanoTime() - began))
                .isGreaterThan(Duration.ofMillis(690));
        assertThat(a.total.get()).isEqualTo(2);
        assertThat(a.streams.get()).as("the stream stays").isEqualTo(1);
    }

    @Test
    void sickReplicaThatFailsFastIsLeftAloneAndComesBack() throws Exception {
        FakeReplica a = replica(1);
        FakeReplica b = replica(1);
        a.behaviour =
                (item, nth) -> {
                    if (nth <= 20) {
                        throw new ServiceException(Code.UNAVAILABLE, "ENGINE_LOST", "engine lost");
                    }
                    return true;
                };
        ReplicaSet set = set(options(30, 10_000), a.address(), b.address());
        Dispatcher<VerifyRequest, VerifyResponse> d = dispatcher(set);
        assertAllRight(submit(d, 64));
        assertAllRight(submitFrom(d, 100, 164));
        CircuitBreaker breaker = set.replicas().get(0).breaker();
        assertThat(breaker.getState()).isNotEqualTo(CircuitBreaker.State.CLOSED);
        assertThat(a.total.get()).as("not a drain for all requests").isLessThan(90);

        a.behaviour = (item, nth) -> true;
        int before = a.total.get();
        for (int i = 1000; a.total.get() < before + 5; i += 8) {
            assertAllRight(submitFrom(d, i, i + 8));
        }
        assertThat(breaker.getState()).isEqualTo(CircuitBreaker.State.CLOSED);
    }

    private static Map<String, CompletableFuture<VerifyResponse>> submitFrom(
            Dispatcher<VerifyRequest, VerifyResponse> d, int from, int to) {
        Map<String, CompletableFuture<VerifyResponse>> out = new LinkedHashMap<>();
        for (int i = from; i < to; i++) {
            out.put("r" + i, d.submit("r" + i, item(i)));
        }
        return out;
    }

    @Test
    void replicaThatComesBackIsPreparedAgainUnderItsBreaker() throws Exception {
        FakeReplica first = replica(1);
        int port = first.port();
        AtomicInteger prepared = new AtomicInteger();
        ReplicaSet set = set(options(50, 10_000), first.address());
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(
                        set,
                        replica -> {
                            set.call(
                                    replica,
                                    channel ->
                                            RewardServiceGrpc.newBlockingStub(channel)
                                                    .withDeadlineAfter(5, TimeUnit.SECONDS)
                                                    .listVerifiers(
                                                            ListVerifiersRequest
                                                                    .getDefaultInstance()));
                            prepared.incrementAndGet();
                        });
        assertAllRight(submit(d, 4));
        first.kill();
        CompletableFuture<VerifyResponse> meanwhile = d.submit("r7", item(7));
        CircuitBreaker breaker = set.replicas().get(0).breaker();
        CountDownLatch opened = new CountDownLatch(1);
        breaker.getEventPublisher()
                .onStateTransition(
                        e -> {
                            if (e.getStateTransition().getToState() == CircuitBreaker.State.OPEN) {
                                opened.countDown();
                            }
                        });
        assertThat(
                        breaker.getState() == CircuitBreaker.State.OPEN
                                || opened.await(20, TimeUnit.SECONDS))
                .isTrue();
        FakeReplica second = new FakeReplica(port, 1);
        open.add(second);
        assertThat(meanwhile.join().getVerification().getReward()).isEqualTo("gold 7".hashCode());
        assertThat(prepared.get()).isEqualTo(2);
        assertThat(breaker.getState()).isEqualTo(CircuitBreaker.State.CLOSED);
    }

    @Test
    void replicaThatLostItsPolicyIsPreparedAgain() throws Exception {
        FakeReplica a = replica(1);
        a.behaviour =
                (item, nth) -> {
                    if (nth == 1) {
                        throw new ServiceException(
                                Code.FAILED_PRECONDITION, "POLICY_NOT_LOADED", "no policy");
                    }
                    return true;
                };
        AtomicInteger prepared = new AtomicInteger();
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(
                        set(options(30, 10_000), a.address()),
                        replica -> prepared.incrementAndGet());
        assertThat(d.submit("r0", item(0)).join().hasVerification()).isTrue();
        assertThat(prepared.get()).isEqualTo(2);
    }

    @Test
    void streamThatEndsWithoutReasonIsTriedThreeTimesAndNoLonger() throws Exception {
        FakeReplica a = replica(1);
        a.breaksStreams = io.grpc.Status.UNKNOWN.withDescription("who knows");
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(120, 60_000), a.address()));
        CompletableFuture<VerifyResponse> answer = d.submit("r0", item(0));
        assertThatThrownBy(() -> answer.get(60, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        ServiceException.class,
                        e -> assertThat(e.code()).isEqualTo(Code.UNAVAILABLE))
                .hasMessageContaining("3 times")
                .hasMessageContaining("who knows");
        assertThat(a.total.get()).isEqualTo(3);
    }

    @Test
    void preparationThatIsRefusedFailsWhatWaitsForIt() throws Exception {
        FakeReplica a = replica(1);
        AtomicInteger prepared = new AtomicInteger();
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(
                        set(options(120, 60_000), a.address()),
                        replica -> {
                            prepared.incrementAndGet();
                            throw new ServiceException(
                                    Code.UNAUTHENTICATED, "PEER_FAILED", "no token");
                        });
        CompletableFuture<VerifyResponse> answer = d.submit("r0", item(0));
        assertThatThrownBy(() -> answer.get(60, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        ServiceException.class,
                        e -> assertThat(e.code()).isEqualTo(Code.UNAUTHENTICATED));
        assertThat(prepared.get()).isEqualTo(3);
    }

    @Test
    void requestGivenUpAtItsDeadlineIsCancelledAtTheReplica() throws Exception {
        FakeReplica a = replica(1);
        a.behaviour = (item, nth) -> false;
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(1, 60_000), a.address()));
        CompletableFuture<VerifyResponse> answer = d.submit("r0", item(0));
        assertThatThrownBy(() -> answer.get(60, TimeUnit.SECONDS))
                .hasMessageContaining("within 1000 ms");
        assertThat(a.cancelledOnce.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(a.streams.get()).as("the stream stays").isEqualTo(1);
    }

    @Test
    void deadlineOfTheCallingContextEndsARequestEarlier() throws Exception {
        FakeReplica a = replica(1);
        a.behaviour = (item, nth) -> false;
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(120, 60_000), a.address()));
        try (Context.CancellableContext caller =
                Context.current()
                        .withDeadlineAfter(
                                300,
                                TimeUnit.MILLISECONDS,
                                Executors.newSingleThreadScheduledExecutor())) {
            CompletableFuture<VerifyResponse> answer = caller.call(() -> d.submit("r0", item(0)));
            assertThatThrownBy(() -> answer.get(60, TimeUnit.SECONDS))
                    .cause()
                    .isInstanceOfSatisfying(
                            ServiceException.class,
                            e -> assertThat(e.code()).isEqualTo(Code.DEADLINE_EXCEEDED));
        }
    }

    @Test
    void repeatedFailuresUseUpTheRetryBudgetAndNoMore() throws Exception {
        FakeReplica a = replica(1);
        a.behaviour =
                (item, nth) -> {
                    throw new ServiceException(Code.UNAVAILABLE, "ENGINE_LOST", "engine lost");
                };
        PeerOptions few =
                new PeerOptions(
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(60),
                        1000,
                        Duration.ofMillis(1),
                        4,
                        1 << 20);
        ReplicaSet set = set(few, a.address());
        Dispatcher<VerifyRequest, VerifyResponse> d = dispatcher(set);
        submit(d, 40)
                .values()
                .forEach(
                        f ->
                                assertThatThrownBy(f::join)
                                        .hasCauseInstanceOf(ServiceException.class));
        assertThat(a.total.get()).as("40 first attempts, 4 at once and 10 a second").isLessThan(90);
    }

    @Test
    void otherFailuresAreTheCallersAtOnce() throws Exception {
        FakeReplica a = replica(1);
        a.behaviour =
                (item, nth) -> {
                    throw ServiceException.invalidField("gold", "x", "y");
                };
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(30, 10_000), a.address()));
        assertThat(d.submit("r0", item(0)).join().getError().getCode())
                .isEqualTo(Code.INVALID_ARGUMENT_VALUE);
        assertThat(a.total.get()).isEqualTo(1);
    }

    @Test
    void closingGivesUpWhatRunsAndTellsTheReplica() throws Exception {
        FakeReplica a = replica(1);
        a.arrivals = new CountDownLatch(1);
        a.behaviour = (item, nth) -> false;
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(30, 20_000), a.address()));
        CompletableFuture<VerifyResponse> answer = d.submit("r0", item(0));
        assertThat(a.arrivals.await(20, TimeUnit.SECONDS)).isTrue();
        d.close();
        assertThatThrownBy(answer::join)
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOfSatisfying(
                        ServiceException.class,
                        e -> assertThat(e.code()).isEqualTo(Code.CANCELLED));
        assertThat(a.cancelledOnce.await(20, TimeUnit.SECONDS)).isTrue();
        assertThatThrownBy(() -> d.submit("r1", item(1))).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void refusesARequestIdInUse() throws Exception {
        FakeReplica a = replica(50);
        Dispatcher<VerifyRequest, VerifyResponse> d =
                dispatcher(set(options(30, 10_000), a.address()));
        CompletableFuture<VerifyResponse> first = d.submit("r0", item(0));
        assertThatThrownBy(() -> d.submit("r0", item(0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("r0");
        assertThat(first.join().hasVerification()).isTrue();
    }

    @Test
    void followsANameWhoseAddressesChange() throws Exception {
        FakeReplica a = replica(1);
        InetAddress[][] answers = {{}};
        ReplicaSet set =
                new ReplicaSet(
                        "reward",
                        List.of("reward.cluster:" + a.port()),
                        options(30, 10_000),
                        PeerSecurity.none(),
                        Telemetry.none(),
                        meters,
                        host -> {
                            assertThat(host).isEqualTo("reward.cluster");
                            if (answers[0].length == 0) {
                                throw new UnknownHostException(host);
                            }
                            return answers[0];
                        });
        open.add(set);
        assertThat(set.replicas()).isEmpty();
        assertThatThrownBy(() -> set.each(replica -> {}))
                .isInstanceOf(ServiceException.class)
                .hasMessageContaining("reward.cluster");
        Dispatcher<VerifyRequest, VerifyResponse> d = dispatcher(set);
        CompletableFuture<VerifyResponse> early = d.submit("r0", item(0));

        answers[0] = new InetAddress[] {InetAddress.getByName("127.0.0.1")};
        set.refresh();
        assertThat(early.join().hasVerification()).isTrue();
        Replica kept = set.replicas().get(0);

        answers[0] =
                new InetAddress[] {
                    InetAddress.getByName("127.0.0.2"), InetAddress.getByName("127.0.0.1")
                };
        set.refresh();
        assertThat(set.replicas()).hasSize(2).contains(kept);

        answers[0] = new InetAddress[0];
        set.refresh();
        assertThat(set.replicas()).as("an unknown host keeps what was known").hasSize(2);

        answers[0] = new InetAddress[] {InetAddress.getByName("127.0.0.1")};
        set.refresh();
        assertThat(set.replicas()).containsExactly(kept);
        assertThat(d.submit("r9", item(9)).join().hasVerification()).isTrue();
    }

    @Test
    void oneReplicaAwayIsPassedOverAndAllAwayIsAnError() throws Exception {
        FakeReplica a = replica(1);
        FakeReplica b = replica(1);
        ReplicaSet set = set(options(30, 10_000), a.address(), b.address());
        List<String> reached = new ArrayList<>();
        Consumer<Replica> ask =
                r -> {
                    set.call(
                            r,
                            channel ->
                                    RewardServiceGrpc.newBlockingStub(channel)
                                            .withDeadlineAfter(5, TimeUnit.SECONDS)
                                            .listVerifiers(
                                                    ListVerifiersRequest.getDefaultInstance()));
                    reached.add(r.address());
                };
        a.kill();
        set.each(ask);
        assertThat(reached).containsExactly(b.address());
        b.kill();
        assertThatThrownBy(() -> set.each(ask))
                .isInstanceOfSatisfying(
                        ServiceException.class,
                        e -> assertThat(e.code()).isEqualTo(Code.UNAVAILABLE));
    }

    @Test
    void breakersAndBulkheadsAreMeters() throws Exception {
        FakeReplica a = replica(1);
        set(options(30, 10_000), a.address());
        assertThat(meters.find("resilience4j.circuitbreaker.state").gauges()).isNotEmpty();
        assertThat(meters.find("resilience4j.bulkhead.available.concurrent.calls").gauge())
                .isNotNull();
    }

    @Test
    void refusesAddressesThatAreNone() {
        assertThatThrownBy(() -> set(options(1, 100), "http://host:1"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("http://host:1 (expected: host:port)");
    }
}
