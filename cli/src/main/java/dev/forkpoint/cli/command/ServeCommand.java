package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalServices;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.output.Console;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint serve}: the four services in the foreground. */
@Command(
        name = "serve",
        description = {
            "Runs the four services in the foreground until it is told to stop (Ctrl-C, SIGTERM), then drains them.",
            "When all are ready it writes where they are to the ready file, which other commands take as --address."
        })
final class ServeCommand implements Callable<Integer> {

    private static final long POLL_MS = 200;

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            description = "Policy to load in rollout-service and entropy-service. Default: none")
    private @Nullable String policy;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "Rollout engine: triton, direct or remote. Default: the service's own")
    private @Nullable String engine;

    @Option(
            names = "--ready-file",
            paramLabel = "FILE",
            description = "Written when all services are ready, removed at the end")
    private @Nullable Path readyFile;

    @Option(
            names = "--run-root",
            paramLabel = "DIR",
            defaultValue = "runs",
            description = "Where learner-service keeps runs. Default: ${DEFAULT-VALUE}")
    @SuppressWarnings("NullAway.Init")
    private Path runRoot;

    @Option(
            names = "--allow",
            paramLabel = "DIR",
            description =
                    "Folder that policies may be loaded from, beside the run root and models/; may be given again")
    private Path[] allowed = {};

    @Option(
            names = "--port",
            paramLabel = "SERVICE=PORT",
            description = "Fixed port of rollout, entropy, reward or learner. Default: a free one")
    private Map<Service, Integer> ports = new LinkedHashMap<>();

    @Override
    public Integer call() throws InterruptedException {
        LocalSettings local =
                new LocalSettings(Service.values())
                        .engine(engine)
                        .ports(ports)
                        .runRoot(runRoot)
                        .allow(forkpoint.installation().root().resolve("models"));
        for (Path folder : allowed) {
            local.allow(folder);
        }
        PolicySnapshot snapshot = null;
        if (policy != null) {
            Path folder = PolicyFolder.offer("--policy", policy, forkpoint.installation(), local);
            snapshot = PolicyFolder.snapshot(folder);
        }
        Console console = forkpoint.console();
        boolean stopped = false;
        try (Backend backend = forkpoint.open(null, local, Service.values())) {
            LocalServices services = Objects.requireNonNull(backend.local());
            if (snapshot != null) {
                RolloutCalls.serve(backend, snapshot);
                AnalysisData.load(backend, snapshot);
            }
            services.moveLogs(runRoot.toAbsolutePath().resolve("serve-logs"));
            announce(console, backend, services);
            while (true) {
                TimeUnit.MILLISECONDS.sleep(POLL_MS);
                services.checkAlive();
            }
        } catch (InterruptedException e) {
            stopped = true;
        } finally {
            removeReadyFile();
        }
        if (stopped) {
            console.note("stopped");
        }
        return ExitCode.DONE;
    }

    private void announce(Console console, Backend backend, LocalServices services) {
        ObjectNode ready = JsonLines.object();
        services.addresses().forEach((service, address) -> ready.put(service.label(), address));
        ready.put("dashboard", backend.dashboard());
        ObjectNode pids = ready.putObject("pids");
        services.pids().forEach((service, pid) -> pids.put(service.label(), pid));
        if (readyFile != null) {
            write(readyFile.toAbsolutePath(), ready.toString());
        }
        services.addresses()
                .forEach((service, address) -> console.note(service.label() + "  " + address));
        console.note("page  " + backend.dashboard());
        console.note("logs  " + services.logFolder());
        console.note("ready; Ctrl-C stops");
    }

    /** All of it or nothing, since others wait for the file to appear. */
    private static void write(Path file, String text) {
        Path parent = Objects.requireNonNull(file.getParent());
        try {
            Files.createDirectories(parent);
            Path draft = Files.createTempFile(parent, ".ready-", ".json");
            Files.writeString(draft, text + System.lineSeparator());
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new FailureException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    private void removeReadyFile() {
        if (readyFile != null) {
            try {
                Files.deleteIfExists(readyFile);
            } catch (IOException e) {
                forkpoint.console().note("warning: cannot remove " + readyFile);
            }
        }
    }
}
