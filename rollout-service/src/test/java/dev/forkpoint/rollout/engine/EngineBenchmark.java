package dev.forkpoint.rollout.engine;

import com.sun.management.OperatingSystemMXBean;
import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.SamplingParameters;
import dev.forkpoint.policy.TinyModels;
import dev.forkpoint.policy.checkpoint.NewCheckpoint;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.PolicyFiles;
import dev.forkpoint.triton.kserve.KserveServer;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What Triton and KServe v2 cost over the direct engine: tokens per second with many concurrent
 * requests, in one message a rollout ("whole") and in chunks ("live"), and the time to the first
 * token of one request alone. The engines take turns within each round, so that a noisy machine is
 * noisy for all; the control is the direct engine in the same round.
 *
 * <p>Run, from rollout-service/ after {@code mvn test-compile dependency:build-classpath
 * -Dmdep.outputFile=target/cp}: {@code java -cp target/test-classes:target/classes:$(cat target/cp)
 * dev.forkpoint.rollout.engine.EngineBenchmark [rounds] [concurrent] [tokens]}
 */
public final class EngineBenchmark {

    private EngineBenchmark() {}

    private record Way(String name, RolloutEngine engine, boolean live) {}

    public static void main(String[] args) throws Exception {
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 5;
        int concurrent = args.length > 1 ? Integer.parseInt(args[1]) : 256;
        int tokens = args.length > 2 ? Integer.parseInt(args[2]) : 64;
        Path directory = Files.createTempDirectory("engine-benchmark");
        Path policy =
                TinyModels.write(
                        directory.resolve("policy"),
                        new NewCheckpoint.Shape(
                                128, 4, 4, 2, 32, 384, 512, 1024, 10_000, true, 1, 0),
                        1,
                        "a",
                        "b");
        PolicyOptions options = PolicyOptions.defaults().withThreads(2);
        GeneratorOptions generator =
                GeneratorOptions.defaults().withMaxRows(512).withKvBudgetBytes(1L << 30);
        PolicySnapshot snapshot =
                PolicySnapshot.newBuilder().setPolicyId("bench").setVersion(1).build();
        try (DirectEngine direct = new DirectEngine(options, generator, Duration.ofSeconds(30));
                TritonEngine triton = new TritonEngine(options, generator, stats -> {})) {
            direct.load(snapshot, PolicyFiles.of(policy));
            triton.load(snapshot, PolicyFiles.of(policy));
            try (KserveServer server =
                            KserveServer.start(
                                    triton.server(),
                                    KserveServer.Options.local().withPolicyRoots(directory));
                    RemoteEngine remote =
                            new RemoteEngine(
                                    List.of("127.0.0.1:" + server.port()),
                                    null,
                                    1000,
                                    stats -> {})) {
                remote.load(snapshot, PolicyFiles.of(policy));
                List<Way> ways =
                        List.of(
                                new Way("direct whole", direct, false),
                                new Way("triton whole", triton, false),
                                new Way("triton live", triton, true),
                                new Way("remote whole", remote, false),
                                new Way("remote live", remote, true));
                throughput(ways, rounds, concurrent, tokens);
                firstToken(direct, triton, remote, 40 * rounds);
            }
        }
    }

    private static void throughput(List<Way> ways, int rounds, int concurrent, int tokens)
            throws InterruptedException {
        Map<String, double[]> perSecond = new LinkedHashMap<>();
        Map<String, double[]> ratios = new LinkedHashMap<>();
        Map<String, double[]> cpuRatios = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) { // the first warms up
            double[] control = new double[2];
            for (Way way : ways) {
                double[] rates = closedLoop(way, concurrent, tokens);
                if (way.engine().name().equals("direct")) {
                    control = rates;
                }
                if (round >= 0) {
                    String name = way.name();
                    perSecond.computeIfAbsent(name, k -> new double[rounds])[round] = rates[0];
                    ratios.computeIfAbsent(name, k -> new double[rounds])[round] =
                            rates[0] / control[0];
                    cpuRatios.computeIfAbsent(name, k -> new double[rounds])[round] =
                            rates[1] / control[1];
                }
            }
        }
        perSecond.forEach(
                (name, rates) ->
                        System.out.printf(
                                "%d concurrent, %-13s tokens/s %s; of direct by wall clock %s, by"
                                        + " CPU time %s%n",
                                concurrent,
                                name,
                                spread(rates, "%.0f"),
                                spread(ratios.getOrDefault(name, rates), "%.3f"),
                                spread(cpuRatios.getOrDefault(name, rates), "%.3f")));
    }

    /**
     * Four times as many requests as may run at once, a new one for each that ends, of half to one
     * and a half times the length.
     *
     * @return tokens per second, and per second of this process's CPU time
     */
    private static double[] closedLoop(Way way, int concurrent, int tokens)
            throws InterruptedException {
        Semaphore free = new Semaphore(concurrent);
        AtomicLong sampled = new AtomicLong();
        var os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = os.getProcessCpuTime();
        long started = System.nanoTime();
        for (int i = 0; i < 4 * concurrent; i++) {
            free.acquire();
            int length = tokens / 2 + (i * 7919) % (tokens + 1);
            way.engine()
                    .submit(
                            new GenerationRequest(
                                    new int[] {3, 4, i % 500},
                                    i,
                                    SamplingParameters.defaults(length).ignoringEos()),
                            new GenerationListener() {
                                @Override
                                public void onFinished(Rollout rollout) {
                                    sampled.addAndGet(rollout.tokenIds().length);
                                    free.release();
                                }

                                @Override
                                public void onFailed(Throwable cause) {
                                    throw new AssertionError(cause);
                                }
                            },
                            way.live());
        }
        free.acquire(concurrent);
        double seconds = (System.nanoTime() - started) / 1e9;
        double cpuSeconds = (os.getProcessCpuTime() - cpu) / 1e9;
        return new double[] {sampled.get() / seconds, sampled.get() / cpuSeconds};
    }

    private static void firstToken(
            RolloutEngine direct, RolloutEngine triton, RolloutEngine remote, int rounds) {
        Map<String, double[]> micros = new LinkedHashMap<>();
        for (int round = -20; round < rounds; round++) {
            for (RolloutEngine engine : List.of(direct, triton, remote)) {
                Waiting waiting = new Waiting();
                GenerationRequest request =
                        new GenerationRequest(
                                new int[] {3, 4, 5},
                                round,
                                SamplingParameters.defaults(17).ignoringEos());
                long started = System.nanoTime();
                engine.submit(request, waiting, true);
                waiting.await();
                if (round >= 0) {
                    micros.computeIfAbsent(engine.name(), k -> new double[rounds])[round] =
                            (waiting.firstNanos - started) / 1e3;
                }
            }
        }
        micros.forEach(
                (name, values) ->
                        System.out.printf(
                                "time to first tokens, one request alone, %s: us %s%n",
                                name, spread(values, "%.0f")));
    }

    private static String spread(double[] values, String format) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return ("median " + format + " (min " + format + ", max " + format + ")")
                .formatted(sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1]);
    }
}
