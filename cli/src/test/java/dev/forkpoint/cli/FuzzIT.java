package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.cli.local.Service;
import dev.forkpoint.load.Driver;
import dev.forkpoint.load.Fuzzer;
import dev.forkpoint.load.Measurement;
import dev.forkpoint.load.Services;
import dev.forkpoint.load.Workload;
import dev.forkpoint.load.Workloads;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Nonsense to every method of every packaged service. {@code -Dforkpoint.fuzz.calls=100000} makes
 * more of it, {@code -Dforkpoint.fuzz.seed=N} other.
 */
@Timeout(value = 60, unit = TimeUnit.MINUTES)
class FuzzIT {

    private static final long CALLS = Long.getLong("forkpoint.fuzz.calls", 1000);
    private static final long SEED = Long.getLong("forkpoint.fuzz.seed", 1);

    @TempDir Path folder;

    @ParameterizedTest
    @EnumSource(Service.class)
    void nonsenseIsRefusedInOrderAndLeavesAHealthyService(Service which) throws Exception {
        Path policy = Cli.ROOT.resolve("models/countdown-base");
        String uri = policy.toUri().toString();
        Workload workload =
                switch (which) {
                    case ROLLOUT -> Workloads.rollout(uri, 20_000);
                    case ENTROPY -> Workloads.entropy(uri);
                    case REWARD -> Workloads.reward();
                    case LEARNER -> Workloads.learner();
                };
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put(
                "forkpoint.policy.allowed-uris", Cli.ROOT.resolve("models").toUri().toString());
        settings.put("forkpoint.learner.run-root", folder.resolve("runs").toString());
        try (RealService service = RealService.start(folder, which.label(), which, settings)) {
            ManagedChannel channel = service.channel();
            try {
                Fuzzer fuzzer =
                        new Fuzzer(channel, Services.of(which.label()), workload.examples(), SEED);
                workload.prepare(channel);
                Fuzzer.Result first = fuzzer.run(CALLS / 2);
                double half = service.residentMib();
                Fuzzer.Result second = fuzzer.run(CALLS - CALLS / 2, CALLS / 2);
                double end = service.residentMib();
                System.out.printf(
                        "%s: %d calls, seed %d; resident %.0f MiB at half, %.0f MiB at the end;"
                                + " %s%n",
                        which.label(), CALLS, SEED, half, end, second.statuses());

                assertThat(first.violations()).isEmpty();
                assertThat(second.violations()).isEmpty();
                for (Fuzzer.Result result : List.of(first, second)) {
                    assertThat(result.statuses().keySet())
                            .as("a defect, by the error tables of the contracts")
                            .noneMatch(k -> k.endsWith(" INTERNAL") || k.endsWith(" UNKNOWN"));
                }
                assertThat(service.isAlive()).as(service.log()).isTrue();
                assertThat(end).as("resident MiB").isLessThan(half + 256);
                workload.prepare(channel); // nonsense may have unloaded the policy
                Measurement after =
                        new Driver(workload, List.of(channel), 60)
                                .oneByOne("after nonsense", Workload.Size.USUAL, 20);
                assertThat(after.served()).as(after.toString()).isEqualTo(20);
                assertThat(service.get("/q/health/live")).contains("UP");
            } finally {
                channel.shutdownNow();
            }
        }
    }
}
