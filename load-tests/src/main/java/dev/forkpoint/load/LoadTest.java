package dev.forkpoint.load;

import io.grpc.ManagedChannel;
import io.grpc.ServiceDescriptor;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The whole test of one service: ramp to saturation, open loop below it, ten times too much,
 * recovery, slow readers, cancels, tiny, huge and too large messages, nonsense, and a soak.
 */
public final class LoadTest {

    private static final double OVERLOAD = 10;
    private static final int SESSIONS = 8;
    private static final double GROWTH = 1.1;
    private static final int ENOUGH_OUTSTANDING = 256;
    private static final Pattern HEAP =
            Pattern.compile("(?m)^jvm_memory_used_bytes\\{[^}]*area=\"heap\"[^}]*}\\s+(\\S+)");

    /**
     * How long and how much.
     *
     * @param phaseSeconds length of each phase
     * @param levels requests outstanding on the ramp, which ends early where more of them no longer
     *     serve more
     * @param fuzzCalls calls with nonsense
     * @param soakSeconds length of the soak at half of saturation; 0: none
     * @param seed of the nonsense
     */
    public record Plan(
            double phaseSeconds,
            List<Integer> levels,
            long fuzzCalls,
            double soakSeconds,
            long seed) {

        /** A minute or so for each service. */
        public static Plan shortForm() {
            return new Plan(3, List.of(1, 16, 256, 1024, 4096), 300, 0, 1);
        }

        /** Five minutes or so for each service. */
        public static Plan full() {
            return new Plan(15, List.of(1, 4, 16, 64, 256, 1024, 4096), 1000, 0, 1);
        }

        public Plan soaking(double seconds) {
            return new Plan(phaseSeconds, levels, fuzzCalls, seconds, seed);
        }

        public Plan fuzzing(long calls) {
            return new Plan(phaseSeconds, levels, calls, soakSeconds, seed);
        }
    }

    /**
     * Something that must hold.
     *
     * @param found what was seen
     */
    public record Check(String name, boolean holds, String found) {}

    /**
     * All of one service.
     *
     * @param saturationPerSecond most served requests a second on the ramp
     * @param heapMib used heap of the service after each phase, by its own metrics; MiB
     */
    public record Result(
            String service,
            String address,
            double saturationPerSecond,
            List<Measurement> phases,
            Map<String, Double> heapMib,
            Fuzzer.Result fuzz,
            List<Check> checks) {

        public boolean holds() {
            return checks.stream().allMatch(Check::holds);
        }
    }

    private final Workload workload;
    private final ServiceConnection connection;
    private final String address;
    private final List<ServiceDescriptor> services;
    private final Plan plan;
    private final Consumer<String> progress;
    private final List<Measurement> phases = new ArrayList<>();
    private boolean hasMetrics = true;
    private final Map<String, Double> heapMib = new LinkedHashMap<>();
    private final List<Check> checks = new ArrayList<>();

    /**
     * @param address {@code host:port}
     * @param services what the service offers, for the nonsense
     * @param progress told of every phase in a line
     */
    public LoadTest(
            Workload workload,
            ServiceConnection connection,
            String address,
            List<ServiceDescriptor> services,
            Plan plan,
            Consumer<String> progress) {
        this.workload = workload;
        this.connection = connection;
        this.address = address;
        this.services = services;
        this.plan = plan;
        this.progress = progress;
    }

    /** Runs all phases. Failures of the service are checks that do not hold. */
    public Result run() throws InterruptedException {
        List<ManagedChannel> channels = new ArrayList<>();
        for (int i = 0; i < SESSIONS; i++) {
            channels.add(connection.channel(address).maxInboundMessageSize(256 << 20).build());
        }
        try {
            workload.prepare(channels.get(0));
            return phases(channels);
        } finally {
            channels.forEach(ManagedChannel::shutdownNow);
        }
    }

    private Result phases(List<ManagedChannel> channels) throws InterruptedException {
        Driver one = new Driver(workload, channels.subList(0, 1), 60);
        Driver many = new Driver(workload, channels, 120);
        record(one.closed("warm-up", 16, plan.phaseSeconds()));
        double saturation = 0;
        for (int level : plan.levels()) {
            Measurement m = record(one.closed("closed loop, " + level, level, plan.phaseSeconds()));
            boolean grows = m.servedPerSecond() > GROWTH * saturation;
            saturation = Math.max(saturation, m.servedPerSecond());
            if (!grows && level >= ENOUGH_OUTSTANDING) {
                break;
            }
        }
        check("serves", saturation > 0, "%.1f requests/s at saturation".formatted(saturation));
        double rate = Math.max(1, saturation);
        record(many.open("open loop, half of saturation", rate / 2, plan.phaseSeconds()));

        Measurement over =
                record(
                        many.open(
                                "overload, %.0f times".formatted(OVERLOAD),
                                OVERLOAD * rate,
                                plan.phaseSeconds()));
        check(
                "overload: every request is answered",
                over.unanswered() == 0,
                over.unanswered() + " without an answer");
        check(
                "overload: what is accepted is served within its deadline",
                over.failures().isEmpty(),
                "%d served, p99 %.0f ms; %d shed, p99 %.0f ms; %d held back; %s"
                        .formatted(
                                over.served(),
                                over.latencyMs().getOrDefault("p99", Double.NaN),
                                over.shed(),
                                over.shedMs().getOrDefault("p99", Double.NaN),
                                over.held(),
                                over.failures()));
        Measurement after = record(one.closed("after overload", 16, plan.phaseSeconds()));
        check(
                "recovers by itself",
                after.shed() == 0 && after.failures().isEmpty() && after.served() > 0,
                "%d served, %d shed, %s".formatted(after.served(), after.shed(), after.failures()));
        if (workload.streams()) {
            streamPhases(one);
        }
        sizes(one);
        if (plan.soakSeconds() > 0) {
            soak(many, rate / 2);
        }
        Fuzzer.Result fuzz =
                new Fuzzer(channels.get(1), services, workload.examples(), plan.seed())
                        .run(plan.fuzzCalls());
        progress.accept("nonsense: " + fuzz.calls() + " calls");
        check(
                "nonsense is refused in order",
                fuzz.violations().isEmpty(),
                fuzz.violations().isEmpty() ? "all" : fuzz.violations().get(0));
        workload.prepare(channels.get(0)); // nonsense may have unloaded the policy
        Measurement last = record(one.closed("after nonsense", 16, plan.phaseSeconds()));
        check(
                "healthy at the end",
                last.served() > 0 && last.failures().isEmpty(),
                "%d served, %s".formatted(last.served(), last.failures()));
        return new Result(workload.service(), address, saturation, phases, heapMib, fuzz, checks);
    }

    private void streamPhases(Driver one) throws InterruptedException {
        Measurement slow = record(one.slowReader("slow reader", 20_000, plan.phaseSeconds()));
        check(
                "slow reader gets every answer",
                slow.unanswered() == 0,
                "%d of %d sent; %d held back by flow control"
                        .formatted(slow.served() + slow.shed(), slow.sent(), slow.held()));
        record(one.cancels("cancels", 1000));
        Measurement after = record(one.closed("after cancels", 16, plan.phaseSeconds()));
        check(
                "cancelled work leaves nothing behind",
                after.served() > 0 && after.failures().isEmpty() && after.shed() == 0,
                "%d served, %d shed, %s".formatted(after.served(), after.shed(), after.failures()));
    }

    private void sizes(Driver one) throws InterruptedException {
        Measurement tiny = record(one.oneByOne("tiny messages", Workload.Size.TINY, 50));
        check(
                "tiny messages are answered",
                tiny.unanswered() == 0 && tiny.sent() == 50,
                tiny.served() + " served, " + tiny.failures());
        Measurement huge = record(one.oneByOne("huge messages", Workload.Size.HUGE, 2));
        check(
                "huge messages are answered",
                huge.unanswered() == 0 && huge.sent() == 2,
                huge.served() + " served, " + huge.failures());
        Measurement beyond = record(one.oneByOne("beyond the limit", Workload.Size.BEYOND, 1));
        check(
                "messages over the limit end at once",
                !beyond.failures().isEmpty() || beyond.shed() + beyond.served() > 0,
                "%d served, %d shed, %s"
                        .formatted(beyond.served(), beyond.shed(), beyond.failures()));
        Measurement after = record(one.oneByOne("after too large ones", Workload.Size.USUAL, 5));
        check("lives on", after.served() == 5, after.served() + " of 5 served");
    }

    private void soak(Driver many, double rate) throws InterruptedException {
        double left = plan.soakSeconds();
        long lost = 0;
        for (int i = 1; left > 0; i++) {
            double seconds = Math.min(60, left);
            Measurement m = record(many.open("soak, part " + i, rate, seconds));
            lost += m.unanswered();
            left -= seconds;
        }
        check("soak: every request is answered", lost == 0, lost + " without an answer");
    }

    private Measurement record(Measurement m) {
        phases.add(m);
        heap(m.phase());
        progress.accept(
                "%s: %.1f/s served, %d shed, p50 %.2f ms, p99 %.2f ms%s"
                        .formatted(
                                m.phase(),
                                m.servedPerSecond(),
                                m.shed(),
                                m.latencyMs().getOrDefault("p50", Double.NaN),
                                m.latencyMs().getOrDefault("p99", Double.NaN),
                                m.failures().isEmpty() ? "" : ", " + m.failures()));
        return m;
    }

    private void check(String name, boolean holds, String found) {
        checks.add(new Check(name, holds, found));
        if (!holds) {
            progress.accept("does not hold: " + name + ": " + found);
        }
    }

    /** Used heap by the service's own metrics; left out where they cannot be read. */
    private void heap(String phase) {
        if (!hasMetrics) {
            return;
        }
        try {
            HttpResponse<String> response =
                    connection
                            .http()
                            .send(
                                    connection.get(address, "/q/metrics"),
                                    HttpResponse.BodyHandlers.ofString());
            double bytes = 0;
            Matcher m = HEAP.matcher(response.body());
            while (m.find()) {
                bytes += Double.parseDouble(m.group(1));
            }
            if (bytes > 0) {
                heapMib.put(phase, bytes / (1 << 20));
            }
        } catch (IOException e) {
            hasMetrics = false;
            progress.accept("no metrics after " + phase + ": " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
