package dev.forkpoint.reward.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.forkpoint.proto.reward.v1.PredictionForm;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.quarkus.test.junit.QuarkusTest;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

/**
 * Verifications of simple answers over one stream: a second of the clock, and a second of CPU time
 * of the service's threads, which other work on the machine does not change. Run by {@code mvn -pl
 * reward-service -am test -Dtest=VerifyStreamBenchmark -Dforkpoint.benchmark=true
 * -Dsurefire.failIfNoSpecifiedTests=false}.
 */
@QuarkusTest
@NullUnmarked
class VerifyStreamBenchmark {
    private static final int ITEMS = Integer.getInteger("forkpoint.benchmark.items", 100_000);

    @ConfigProperty(name = "quarkus.http.test-port")
    int port;

    @Test
    void printsFigures() throws Exception {
        assumeTrue(
                Boolean.getBoolean("forkpoint.benchmark"),
                "skipped: -Dforkpoint.benchmark=true runs it");
        ManagedChannel channel =
                ManagedChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
        for (int round = 0; round < 6; round++) {
            for (String verifier : new String[] {"math", "exact"}) {
                Map<String, Long> before = cpu();
                long began = System.nanoTime();
                run(channel, verifier);
                double seconds = (System.nanoTime() - began) * 1e-9;
                Map<String, Double> spent = new TreeMap<>();
                cpu().forEach(
                                (thread, nanos) ->
                                        spent.merge(
                                                thread.replaceAll("[-0-9]+$", ""),
                                                (nanos - before.getOrDefault(thread, 0L)) * 1e-9,
                                                Double::sum));
                double service =
                        spent.entrySet().stream()
                                .filter(
                                        entry ->
                                                entry.getKey().startsWith("reward-")
                                                        || entry.getKey().startsWith("vert.x"))
                                .mapToDouble(Map.Entry::getValue)
                                .sum();
                spent.values().removeIf(value -> value < 0.01);
                System.out.printf(
                        "%s: %.0f/s, %.0f per CPU second of the service; load %.1f; CPU seconds %s%n",
                        verifier,
                        ITEMS / seconds,
                        ITEMS / service,
                        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage(),
                        spent);
            }
        }
        channel.shutdownNow();
    }

    private static Map<String, Long> cpu() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        Map<String, Long> cpu = new TreeMap<>();
        for (long id : threads.getAllThreadIds()) {
            var info = threads.getThreadInfo(id);
            if (info != null) {
                cpu.merge(info.getThreadName(), threads.getThreadCpuTime(id), Long::sum);
            }
        }
        return cpu;
    }

    private static void run(ManagedChannel channel, String verifier) throws Exception {
        AtomicInteger correct = new AtomicInteger();
        CompletableFuture<Void> done = new CompletableFuture<>();
        RewardServiceGrpc.newStub(channel)
                .verify(
                        new ClientResponseObserver<VerifyRequest, VerifyResponse>() {
                            private int next;

                            @Override
                            public void beforeStart(ClientCallStreamObserver<VerifyRequest> out) {
                                out.setOnReadyHandler(
                                        () -> {
                                            while (out.isReady() && next < ITEMS) {
                                                out.onNext(item(verifier, next++));
                                                if (next == ITEMS) {
                                                    out.onCompleted();
                                                }
                                            }
                                        });
                            }

                            @Override
                            public void onNext(VerifyResponse answer) {
                                if (answer.getVerification().getVerdict()
                                        == Verdict.VERDICT_CORRECT) {
                                    correct.incrementAndGet();
                                }
                            }

                            @Override
                            public void onError(Throwable failure) {
                                done.completeExceptionally(failure);
                            }

                            @Override
                            public void onCompleted() {
                                done.complete(null);
                            }
                        });
        done.get(300, TimeUnit.SECONDS);
        assertThat(correct).hasValue(ITEMS / 2);
    }

    private static VerifyRequest item(String verifier, int i) {
        return VerifyRequest.newBuilder()
                .setItem(
                        VerifyItem.newBuilder()
                                .setRequestId(Integer.toString(i))
                                .setVerifier(verifier)
                                .setGold(Integer.toString(i))
                                .setPrediction(Integer.toString(i + i % 2))
                                .setForm(PredictionForm.PREDICTION_FORM_ANSWER))
                .build();
    }
}
