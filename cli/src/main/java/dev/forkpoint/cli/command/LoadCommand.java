package dev.forkpoint.cli.command;

import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Addresses;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalServices;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.load.LoadTest;
import dev.forkpoint.load.Report;
import dev.forkpoint.load.ServiceConnection;
import dev.forkpoint.load.Services;
import dev.forkpoint.load.Workload;
import dev.forkpoint.load.Workloads;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint load}. */
@Command(
        name = "load",
        description = {
            "Loads one service, or all four one after another: ramp to saturation, ten times too"
                    + " much, slow readers, cancels, tiny, huge and damaged messages.",
            "Writes load.json and load.html. Ends with 1 when something does not hold; percentiles"
                    + " are told, not judged."
        })
final class LoadCommand implements Callable<Integer> {

    private static final int REQUEST_TIMEOUT_MS = 60_000;
    private static final Path BASELINE = Path.of("load-tests", "baseline.json");

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Parameters(paramLabel = "SERVICE", description = "rollout, entropy, reward, learner, or all")
    @SuppressWarnings("NullAway.Init")
    private String which;

    @Option(
            names = "--address",
            paramLabel = "FILE|HOST:PORT,...",
            description = {
                "Use running services: the ready file of serve, NAME=HOST:PORT,... or, for one"
                        + " service, HOST:PORT",
                "Default: starts what it needs, and stops it at the end"
            })
    private @Nullable String address;

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            description =
                    "Policy of rollout and entropy. Default: models/countdown-base; with --address"
                            + " the loaded one")
    private @Nullable String policy;

    @Option(names = "--short", description = "A minute or so for each service")
    private boolean shortForm;

    @Option(
            names = "--soak",
            paramLabel = "MINUTES",
            defaultValue = "0",
            description = "Go on at half of saturation for so long. Default: ${DEFAULT-VALUE}")
    private double soakMinutes;

    @Option(
            names = "--fuzz",
            paramLabel = "CALLS",
            defaultValue = "-1",
            description = "Calls with damaged messages. Default: 1000; 300 in short form")
    private long fuzz;

    @Option(
            names = "--baseline",
            paramLabel = "FILE",
            description =
                    "An earlier load.json to compare with. Default: load-tests/baseline.json where"
                            + " it is there")
    private @Nullable Path baseline;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            defaultValue = "load-report",
            description = "Folder of the report. Default: ${DEFAULT-VALUE}")
    @SuppressWarnings("NullAway.Init")
    private Path out;

    @Override
    public Integer call() throws InterruptedException {
        SamplingOptions.require(soakMinutes >= 0, "--soak", soakMinutes, "0 or more");
        List<Service> services = services();
        LoadTest.Plan plan = shortForm ? LoadTest.Plan.shortForm() : LoadTest.Plan.full();
        plan = plan.soaking(soakMinutes * 60);
        if (fuzz >= 0) {
            plan = plan.fuzzing(fuzz);
        }
        Path compareWith = compareWith();
        List<LoadTest.Result> results = new ArrayList<>();
        for (Service service : services) {
            results.add(address == null ? local(service, plan) : running(service, plan));
        }
        return report(results, compareWith);
    }

    private List<Service> services() {
        if (which.equals("all")) {
            return List.of(Service.values());
        }
        for (Service service : Service.values()) {
            if (service.label().equals(which)) {
                return List.of(service);
            }
        }
        throw new UsageException(
                "SERVICE: %s (allowed: rollout, entropy, reward, learner, all)".formatted(which));
    }

    private @Nullable Path compareWith() {
        if (baseline != null) {
            if (!Files.isRegularFile(baseline)) {
                throw new UsageException("--baseline: " + baseline + " does not exist");
            }
            return baseline;
        }
        Path stored = forkpoint.installation().root().resolve(BASELINE);
        return Files.isRegularFile(stored) ? stored : null;
    }

    private LoadTest.Result running(Service service, LoadTest.Plan plan)
            throws InterruptedException {
        Addresses addresses = Addresses.parse(String.valueOf(address), List.of(service));
        String uri = policy == null ? null : policyFolder().toUri().toString();
        List<String> replicas = addresses.replicas().getOrDefault(service, List.of());
        return test(service, replicas.get(0), 0, uri, plan);
    }

    private LoadTest.Result local(Service service, LoadTest.Plan plan) throws InterruptedException {
        LocalSettings settings = new LocalSettings(service);
        String uri = null;
        if (service == Service.ROLLOUT || service == Service.ENTROPY) {
            Path folder = policyFolder();
            settings.allow(folder);
            uri = folder.toUri().toString();
        }
        try (Backend backend = forkpoint.open(null, settings, service)) {
            LocalServices processes = Objects.requireNonNull(backend.local());
            String at = Objects.requireNonNull(processes.addresses().get(service));
            long pid = Objects.requireNonNull(processes.pids().get(service));
            LoadTest.Result result = test(service, at, pid, uri, plan);
            backend.checkAlive();
            backend.deleteLogsAtClose();
            return result;
        }
    }

    private Path policyFolder() {
        return PolicyFolder.require(
                "--policy",
                policy == null ? "models/countdown-base" : policy,
                forkpoint.installation());
    }

    private LoadTest.Result test(
            Service service, String at, long pid, @Nullable String policyUri, LoadTest.Plan plan)
            throws InterruptedException {
        forkpoint.console().note(service.label() + "-service at " + at);
        Workload workload =
                switch (service) {
                    case ROLLOUT -> Workloads.rollout(policyUri, REQUEST_TIMEOUT_MS);
                    case ENTROPY -> Workloads.entropy(policyUri);
                    case REWARD -> Workloads.reward();
                    case LEARNER -> Workloads.learner();
                };
        try {
            return new LoadTest(
                            workload,
                            address == null ? ServiceConnection.plain() : connection(),
                            at,
                            pid,
                            Services.of(service.label()),
                            plan,
                            line -> forkpoint.console().note("  " + line))
                    .run();
        } catch (StatusRuntimeException e) {
            throw new FailureException(
                    service.label() + "-service at " + at + ": " + e.getStatus(), e);
        }
    }

    private static ServiceConnection connection() {
        try {
            return ServiceConnection.configured();
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()), e);
        }
    }

    private int report(List<LoadTest.Result> results, @Nullable Path compareWith) {
        try {
            Report.write(
                    Report.of(
                            "forkpoint load " + which + (shortForm ? " --short" : ""),
                            results,
                            compareWith),
                    out);
        } catch (IOException e) {
            throw new FailureException("cannot write the report to " + out + ": " + e, e);
        }
        boolean holds = results.stream().allMatch(LoadTest.Result::holds);
        for (LoadTest.Result result : results) {
            forkpoint
                    .console()
                    .out()
                    .printf(
                            "%s: %.1f requests/s at saturation; %d of %d checks hold%n",
                            result.service(),
                            result.saturationPerSecond(),
                            result.checks().stream().filter(LoadTest.Check::holds).count(),
                            result.checks().size());
        }
        forkpoint.console().out().println("report: " + out.resolve("load.html"));
        forkpoint.console().out().flush();
        return holds ? ExitCode.DONE : ExitCode.FAILED;
    }
}
