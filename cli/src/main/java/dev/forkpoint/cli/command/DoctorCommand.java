package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Int32Value;
import com.google.protobuf.StringValue;
import com.sun.management.OperatingSystemMXBean;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Addresses;
import dev.forkpoint.cli.local.Installation;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.output.Console;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.load.ServiceConnection;
import dev.forkpoint.load.Services;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint doctor}: checks the machine. */
@Command(
        name = "doctor",
        description =
                "Checks Java, memory, cores, native libraries, GPU and ports; says what to do.")
final class DoctorCommand implements Callable<Integer> {

    /** What four services with the bundled policy take, GiB. */
    private static final double MEMORY_NEEDED_GIB = 3;

    private static final double DISK_NEEDED_GIB = 2;
    private static final Pattern GLIBC = Pattern.compile("(\\d+)\\.(\\d+)\\s*$");

    /** Its messages have one field each: the service's name, and a status. */
    private static final MethodDescriptor<StringValue, Int32Value> HEALTH =
            MethodDescriptor.<StringValue, Int32Value>newBuilder()
                    .setType(MethodDescriptor.MethodType.UNARY)
                    .setFullMethodName("grpc.health.v1.Health/Check")
                    .setRequestMarshaller(ProtoUtils.marshaller(StringValue.getDefaultInstance()))
                    .setResponseMarshaller(ProtoUtils.marshaller(Int32Value.getDefaultInstance()))
                    .build();

    private static final int SERVING = 1;

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Option(
            names = "--address",
            paramLabel = "FILE|NAME=HOST:PORT,...",
            description =
                    "Looks at running services instead of this machine: the ready file of serve, or"
                            + " NAME=HOST:PORT,...")
    private @Nullable String address;

    @Option(names = "--json", description = "One JSON object on standard output, and nothing else")
    private boolean json;

    private enum Level {
        OK,
        WARNING,
        PROBLEM
    }

    private record Finding(String what, Level level, String found, String advice) {}

    @Override
    public Integer call() throws InterruptedException {
        List<Finding> findings = address == null ? machine() : services(address);
        boolean problem = findings.stream().anyMatch(f -> f.level == Level.PROBLEM);
        Console console = forkpoint.console();
        if (json) {
            ObjectNode line = JsonLines.object();
            line.put("ok", !problem);
            ArrayNode checks = line.putArray("checks");
            for (Finding finding : findings) {
                checks.addObject()
                        .put("check", finding.what)
                        .put("level", finding.level.name().toLowerCase(Locale.ROOT))
                        .put("found", finding.found)
                        .put("advice", finding.advice);
            }
            new JsonLines(console.out()).write(line);
        } else {
            for (Finding finding : findings) {
                console.out()
                        .printf(
                                "%-8s %-16s %s%n",
                                finding.level.name().toLowerCase(Locale.ROOT),
                                finding.what,
                                finding.found);
                if (!finding.advice.isEmpty()) {
                    console.out().printf("%-25s → %s%n", "", finding.advice);
                }
            }
        }
        return problem ? ExitCode.FAILED : ExitCode.DONE;
    }

    private List<Finding> machine() throws InterruptedException {
        return List.of(
                java(),
                maven(),
                built(forkpoint.installation()),
                cores(),
                memory(),
                disk(),
                platform(),
                libc(),
                temporaryFolder(),
                triton(forkpoint.installation()),
                gpu(),
                ports());
    }

    private static List<Finding> services(String address) throws InterruptedException {
        ServiceConnection connection;
        HttpClient http;
        try {
            connection = ServiceConnection.configured();
            http = connection.http();
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()), e);
        }
        List<Finding> findings = new ArrayList<>();
        for (Map.Entry<Service, List<String>> entry :
                Addresses.parse(address, List.of()).replicas().entrySet()) {
            for (String replica : entry.getValue()) {
                findings.add(
                        ServiceHealth.ask(connection, http, entry.getKey(), replica).finding());
            }
        }
        return findings;
    }

    /** What a running service says of itself. */
    private record ServiceHealth(
            Service service, String address, Level level, String found, String advice) {

        static ServiceHealth ask(
                ServiceConnection connection, HttpClient http, Service service, String address)
                throws InterruptedException {
            HttpResponse<String> response;
            try {
                response =
                        http.send(
                                connection.get(address, "/q/health/ready"),
                                HttpResponse.BodyHandlers.ofString());
            } catch (IOException e) {
                return problem(
                        service,
                        address,
                        reason(e),
                        "is it running, and is this its port? a service answers gRPC, health and"
                                + " metrics on one, with TLS where FORKPOINT_PEERS_TRUST is set");
            }
            JsonNode health;
            try {
                health = JsonMapper.builder().build().readTree(response.body());
            } catch (IOException e) {
                health = MissingNode.getInstance();
            }
            if (!health.has("status")) {
                return problem(
                        service,
                        address,
                        "HTTP " + response.statusCode() + " without a health status",
                        "something else than a service of forkpoint listens there");
            }
            if (!health.path("status").asText().equals("UP")) {
                return problem(service, address, "not ready" + checks(health), "its log says why");
            }
            Optional<String> refused = grpcProblem(connection, service, address);
            return refused.isPresent()
                    ? problem(
                            service,
                            address,
                            refused.get(),
                            "is this the address of another service?")
                    : new ServiceHealth(
                            service, address, Level.OK, address + ": ready" + checks(health), "");
        }

        private static ServiceHealth problem(
                Service service, String address, String found, String advice) {
            return new ServiceHealth(
                    service, address, Level.PROBLEM, address + ": " + found, advice);
        }

        private static String reason(IOException e) {
            if (e instanceof HttpConnectTimeoutException) {
                return "no connection in time";
            }
            if (e instanceof HttpTimeoutException) {
                return "no answer in time";
            }
            if (e instanceof ConnectException) {
                return e.getCause() instanceof ConnectException cause
                                && cause.getCause() instanceof UnresolvedAddressException
                        ? "no such host"
                        : "no connection: nothing listens there";
            }
            return (e instanceof SSLException ? "no TLS as expected: " : "speaks no HTTP: ")
                    + Console.printable(String.valueOf(e.getMessage()));
        }

        /** What is wrong with the gRPC service that should be there, by gRPC's own health. */
        private static Optional<String> grpcProblem(
                ServiceConnection connection, Service service, String address) {
            String name = Services.of(service.label()).get(0).getName();
            ManagedChannel channel = connection.channel(address).build();
            try {
                int status =
                        ClientCalls.blockingUnaryCall(
                                        channel,
                                        HEALTH,
                                        CallOptions.DEFAULT.withDeadlineAfter(5, TimeUnit.SECONDS),
                                        StringValue.of(name))
                                .getValue();
                return status == SERVING ? Optional.empty() : Optional.of("does not serve " + name);
            } catch (StatusRuntimeException e) {
                return Optional.of(
                        "no gRPC: "
                                + e.getStatus().getCode()
                                + ", "
                                + Console.printable(
                                        String.valueOf(e.getStatus().getDescription())));
            } finally {
                channel.shutdownNow();
            }
        }

        private static String checks(JsonNode health) {
            StringBuilder text = new StringBuilder();
            for (JsonNode check : health.path("checks")) {
                for (Map.Entry<String, JsonNode> data : check.path("data").properties()) {
                    if (data.getValue().isNumber()) {
                        text.append(", ").append(data.getKey()).append(' ').append(data.getValue());
                    }
                }
            }
            return Console.printable(text.toString());
        }

        Finding finding() {
            return new Finding(service.label(), level, found, advice);
        }
    }

    private static Finding java() {
        int feature = Runtime.version().feature();
        String found = "%s, %s".formatted(Runtime.version(), System.getProperty("java.vm.name"));
        return feature >= 17
                ? ok("java", found)
                : new Finding("java", Level.PROBLEM, found, "install a JDK 17 or newer");
    }

    private static Finding maven() throws InterruptedException {
        Optional<String> version = output("mvn", "--version");
        return version.map(
                        text ->
                                ok(
                                        "maven",
                                        text.lines()
                                                .findFirst()
                                                .orElse("")
                                                .replaceAll("\u001b\\[[0-9;]*m", "")))
                .orElseGet(
                        () ->
                                new Finding(
                                        "maven",
                                        Level.WARNING,
                                        "not found",
                                        "install Maven 3.8 or newer: the launcher builds what is"
                                                + " missing with it"));
    }

    private static Finding built(Installation installation) {
        List<String> missing = new ArrayList<>();
        for (Service service : Service.values()) {
            if (!installation.has(service)) {
                missing.add(service.label() + "-service");
            }
        }
        return missing.isEmpty()
                ? ok("services", "built, in " + installation.root())
                : new Finding(
                        "services",
                        Level.PROBLEM,
                        "not built: " + String.join(", ", missing),
                        "run any command through ./forkpoint, which builds them, or mvn package"
                                + " -DskipTests");
    }

    private static Finding cores() {
        int visible = Runtime.getRuntime().availableProcessors();
        long listed =
                lines(Path.of("/proc/cpuinfo")).stream()
                        .filter(line -> line.startsWith("processor"))
                        .count();
        String found =
                visible
                        + " cores by quota"
                        + (listed > 0 ? " of " + listed + " in the machine" : "");
        return visible >= 2
                ? ok("cores", found)
                : new Finding(
                        "cores",
                        Level.WARNING,
                        found,
                        "give it 2 cores or more; the quickstart's time is for 2");
    }

    private static Finding memory() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        double total = gib(system.getTotalMemorySize());
        double free =
                Math.min(
                        total,
                        lines(Path.of("/proc/meminfo")).stream()
                                .filter(line -> line.startsWith("MemAvailable:"))
                                .mapToDouble(
                                        line ->
                                                Double.parseDouble(line.replaceAll("[^0-9]", ""))
                                                        / (1 << 20))
                                .findFirst()
                                .orElse(gib(system.getFreeMemorySize())));
        String found = String.format(Locale.ROOT, "%.1f GiB available of %.1f GiB", free, total);
        return free >= MEMORY_NEEDED_GIB
                ? ok("memory", found)
                : new Finding(
                        "memory",
                        Level.WARNING,
                        found,
                        String.format(
                                Locale.ROOT,
                                "the four services with the bundled policy take about %.0f GiB: end"
                                        + " other programs or raise the limit",
                                MEMORY_NEEDED_GIB));
    }

    private static Finding disk() {
        Path here = Path.of("").toAbsolutePath();
        try {
            double free = gib(Files.getFileStore(here).getUsableSpace());
            String found = String.format(Locale.ROOT, "%.1f GiB free at %s", free, here);
            if (!Files.isWritable(here)) {
                return new Finding(
                        "disk",
                        Level.WARNING,
                        found + ", not writable",
                        "run in a folder you may write, or give --run-dir");
            }
            return free >= DISK_NEEDED_GIB
                    ? ok("disk", found)
                    : new Finding(
                            "disk",
                            Level.WARNING,
                            found,
                            "free some: a run keeps checkpoints and rollouts");
        } catch (IOException e) {
            return new Finding("disk", Level.WARNING, e.toString(), "");
        }
    }

    private static Finding platform() {
        String name = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        List<String> flags =
                lines(Path.of("/proc/cpuinfo")).stream()
                        .filter(line -> line.startsWith("flags"))
                        .findFirst()
                        .map(line -> List.of(line.split("\\s+")))
                        .orElse(List.of());
        String vector =
                flags.contains("avx512f") ? "AVX-512" : flags.contains("avx2") ? "AVX2" : "no AVX2";
        if (!name.equals("Linux amd64")) {
            return new Finding(
                    "native libraries",
                    Level.PROBLEM,
                    name,
                    "libtorch is packaged for Linux on x86-64; use such a machine or container");
        }
        return flags.contains("avx2")
                ? ok("native libraries", name + " with " + vector)
                : new Finding(
                        "native libraries",
                        Level.WARNING,
                        name + " with " + vector,
                        "expect a fraction of the speed: the tensor library is made for AVX2");
    }

    private static Finding libc() throws InterruptedException {
        String found =
                output("ldd", "--version")
                        .flatMap(text -> text.lines().findFirst())
                        .orElse("not known");
        Matcher version = GLIBC.matcher(found);
        boolean right =
                version.find()
                        && (Integer.parseInt(version.group(1)) > 2
                                || Integer.parseInt(version.group(2)) >= 28);
        return right
                ? ok("libc", found)
                : new Finding(
                        "libc",
                        Level.WARNING,
                        found,
                        "libtorch needs glibc 2.28 or newer (not musl): use Debian 10, Ubuntu"
                                + " 20.04, RHEL 8 or newer");
    }

    private static Finding temporaryFolder() {
        Path folder = Path.of(System.getProperty("java.io.tmpdir"));
        try {
            Path probe = Files.createTempFile(folder, "forkpoint-", ".sh");
            try {
                Files.writeString(probe, "#!/bin/sh\nexit 0\n");
                if (!probe.toFile().setExecutable(true)) {
                    return noExec(folder);
                }
                Process process = new ProcessBuilder(probe.toString()).start();
                process.destroy();
            } finally {
                Files.deleteIfExists(probe);
            }
            return ok("temporary files", folder + " can be written and run from");
        } catch (IOException e) {
            return noExec(folder);
        }
    }

    private static Finding noExec(Path folder) {
        return new Finding(
                "temporary files",
                Level.WARNING,
                folder + " cannot be written or run from",
                "native libraries are unpacked there: set"
                        + " FORKPOINT_JAVA_OPTS=-Djava.io.tmpdir=DIR");
    }

    /** Loads Triton as rollout-service does, in a process of its own. */
    private static Finding triton(Installation installation) throws InterruptedException {
        if (!installation.has(Service.ROLLOUT)) {
            return new Finding(
                    "triton", Level.WARNING, "not checked: rollout-service is not built", "");
        }
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Path libraries = installation.jar(Service.ROLLOUT).resolveSibling("lib");
        String classPath = libraries.resolve("boot") + "/*:" + libraries.resolve("main") + "/*";
        Outcome check = outcome(java, "-cp", classPath, "dev.forkpoint.triton.TritonCheck");
        String found = check.text.strip().lines().reduce((first, last) -> last).orElse("");
        return check.code == 0
                ? ok("triton", found + "; the default engine of rollout-service")
                : new Finding(
                        "triton",
                        Level.WARNING,
                        found,
                        "rollouts are sampled by --engine direct, which gives the same tokens");
    }

    private static Finding gpu() throws InterruptedException {
        return output(
                        "nvidia-smi",
                        "--query-gpu=name,memory.total,driver_version",
                        "--format=csv,noheader")
                .filter(text -> !text.isBlank())
                .map(text -> ok("gpu", String.join("; ", text.strip().lines().toList())))
                .orElseGet(() -> ok("gpu", "none; everything runs on the CPU"));
    }

    private static Finding ports() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return ok("ports", "loopback ports can be opened, such as " + socket.getLocalPort());
        } catch (IOException e) {
            return new Finding(
                    "ports",
                    Level.PROBLEM,
                    "no port can be opened on the loopback address: " + e.getMessage(),
                    "the services talk through it: allow it in the sandbox or container");
        }
    }

    private static Finding ok(String what, String found) {
        return new Finding(what, Level.OK, found, "");
    }

    private static double gib(long bytes) {
        return bytes / (double) (1L << 30);
    }

    private static List<String> lines(Path file) {
        try {
            return Files.exists(file) ? Files.readAllLines(file) : List.of();
        } catch (IOException e) {
            return List.of();
        }
    }

    /** What a command printed, if it ended well. */
    private static Optional<String> output(String... command) throws InterruptedException {
        Outcome outcome = outcome(command);
        return outcome.code == 0 ? Optional.of(outcome.text) : Optional.empty();
    }

    /**
     * How a command ended.
     *
     * @param code exit code; -1: it could not be run, or took too long
     * @param text both its outputs
     */
    private record Outcome(int code, String text) {}

    private static Outcome outcome(String... command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String text =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            boolean ended = process.waitFor(10, TimeUnit.SECONDS);
            return new Outcome(ended ? process.exitValue() : -1, text);
        } catch (IOException e) {
            return new Outcome(-1, e.toString());
        }
    }
}
