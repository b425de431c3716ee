package dev.forkpoint.load;

import io.grpc.ManagedChannel;
import io.grpc.ServiceDescriptor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The whole test of one service: ramp to saturation, open loop below it, ten times too much,
 * recovery, slow readers, cancels, tiny, huge and too large messages, nonsense, and a soak.
 */
public final class LoadTest {

    private static final double OVERLOAD = 10;
    private static final int SESSIONS = 8;
    private static final double GROWTH = 1.1;
    private static final int ENOUGH_OUTSTANDING = 256;

    /** What a soak may add to resident memory in its second half, as a share. */
    private static final double SOAK_GROWTH = 0.03;

    /** What overload may leave alive on the heap: a share of what was, and MiB. */
    private static final double LEFT_BEHIND = 0.25;

    private static final double LEFT_BEHIND_MIB = 32;
    private static final long SAMPLE_MILLIS = 100;
    private static final long SOAK_SAMPLE_MILLIS = 1000;

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
     * @param residentMib most resident memory during each phase, where the service is a process of
     *     this machine; MiB
     * @param soak null: there was none
     */
    public record Result(
            String service,
            String address,
            double saturationPerSecond,
            List<Measurement> phases,
            Map<String, Double> heapMib,
            Map<String, Double> residentMib,
            @Nullable Soak soak,
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
    private final ServiceMemory memory;
    private final List<Measurement> phases = new ArrayList<>();
    private final Map<String, Double> heapMib = new LinkedHashMap<>();
    private final Map<String, Double> residentMib = new LinkedHashMap<>();
    private final List<Check> checks = new ArrayList<>();

    /**
     * @param address {@code host:port}
     * @param pid process of the service, where it is one of this machine and memory is to be
     *     judged; 0: not known
     * @param services what the service offers, for the nonsense
     * @param progress told of every phase in a line
     */
    public LoadTest(
            Workload workload,
            ServiceConnection connection,
            String address,
            long pid,
            List<ServiceDescriptor> services,
            Plan plan,
            Consumer<String> progress) {
        this.workload = workload;
        this.connection = connection;
        this.address = address;
        this.services = services;
        this.plan = plan;
        this.progress = progress;
        memory = new ServiceMemory(connection, address, pid);
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
        record(() -> one.closed("warm-up", 16, plan.phaseSeconds()));
        double saturation = 0;
        for (int level : plan.levels()) {
            Measurement m =
                    record(() -> one.closed("closed loop, " + level, level, plan.phaseSeconds()));
            boolean grows = m.servedPerSecond() > GROWTH * saturation;
            saturation = Math.max(saturation, m.servedPerSecond());
            if (!grows && level >= ENOUGH_OUTSTANDING) {
                break;
            }
        }
        check("serves", saturation > 0, "%.1f requests/s at saturation".formatted(saturation));
        double rate = Math.max(1, saturation);
        record(() -> many.open("open loop, half of saturation", rate / 2, plan.phaseSeconds()));

        OptionalDouble before = memory.liveMib();
        Measurement over =
                record(
                        () ->
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
                "%d served, p99 %.0f ms; %s"
                        .formatted(
                                over.served(),
                                over.latencyMs().getOrDefault("p99", Double.NaN),
                                over.failures()));
        check(
                "overload: the rest is shed or held back",
                over.shed() + over.held() > 0 || over.served() == over.sent(),
                "%d shed, p50 %.0f ms, p99 %.0f ms; %d held back"
                        .formatted(
                                over.shed(),
                                over.shedMs().getOrDefault("p50", Double.NaN),
                                over.shedMs().getOrDefault("p99", Double.NaN),
                                over.held()));
        Measurement after = record(() -> one.closed("after overload", 16, plan.phaseSeconds()));
        check(
                "recovers by itself",
                after.shed() == 0 && after.failures().isEmpty() && after.served() > 0,
                "%d served, %d shed, %s".formatted(after.served(), after.shed(), after.failures()));
        memoryAfterOverload(over.phase(), before, memory.liveMib());
        slowReaderAndCancels(one);
        sizes(one);
        Soak soak = plan.soakSeconds() > 0 ? soak(many, rate / 2) : null;
        Fuzzer.Result fuzz =
                new Fuzzer(channels.get(1), services, workload.examples(), plan.seed())
                        .run(plan.fuzzCalls());
        progress.accept("nonsense: " + fuzz.calls() + " calls");
        check(
                "nonsense is refused in order",
                fuzz.violations().isEmpty(),
                fuzz.violations().isEmpty() ? "all" : fuzz.violations().get(0));
        workload.prepare(channels.get(0)); // nonsense may have unloaded the policy
        Measurement last = record(() -> one.closed("after nonsense", 16, plan.phaseSeconds()));
        check(
                "healthy at the end",
                last.served() > 0 && last.failures().isEmpty(),
                "%d served, %s".formatted(last.served(), last.failures()));
        return new Result(
                workload.service(),
                address,
                saturation,
                phases,
                heapMib,
                residentMib,
                soak,
                fuzz,
                checks);
    }

    private void slowReaderAndCancels(Driver one) throws InterruptedException {
        Measurement slow = record(() -> one.slowReader("slow reader", 20_000, plan.phaseSeconds()));
        check(
                "slow reader gets every answer",
                slow.unanswered() == 0,
                "%d of %d sent; %d held back by flow control"
                        .formatted(slow.served() + slow.shed(), slow.sent(), slow.held()));
        record(() -> one.cancels("cancels", 1000));
        Measurement after = record(() -> one.closed("after cancels", 16, plan.phaseSeconds()));
        check(
                "cancelled work leaves nothing behind",
                // the first few may meet calls whose cancel is still on its way
                after.failures().isEmpty() && 100 * after.shed() < after.served(),
                "%d served, %d shed, %s".formatted(after.served(), after.shed(), after.failures()));
    }

    private void sizes(Driver one) throws InterruptedException {
        Measurement tiny = record(() -> one.oneByOne("tiny messages", Workload.Size.TINY, 50));
        check(
                "tiny messages are answered",
                tiny.unanswered() == 0 && tiny.sent() == 50,
                tiny.served() + " served, " + tiny.failures());
        Measurement huge = record(() -> one.oneByOne("huge messages", Workload.Size.HUGE, 2));
        check(
                "huge messages are answered",
                huge.unanswered() == 0 && huge.sent() == 2,
                huge.served() + " served, " + huge.failures());
        Measurement beyond =
                record(() -> one.oneByOne("beyond the limit", Workload.Size.BEYOND, 1));
        check(
                "messages over the limit end at once",
                !beyond.failures().isEmpty() || beyond.shed() + beyond.served() > 0,
                "%d served, %d shed, %s"
                        .formatted(beyond.served(), beyond.shed(), beyond.failures()));
        Measurement after =
                record(() -> one.oneByOne("after too large ones", Workload.Size.USUAL, 5));
        check("lives on", after.served() == 5, after.served() + " of 5 served");
    }

    /** What overload left alive on the heap; told only of processes of this machine. */
    private void memoryAfterOverload(String phase, OptionalDouble before, OptionalDouble after) {
        if (before.isEmpty() || after.isEmpty()) {
            progress.accept("memory after overload: not judged, since the process is not known");
            return;
        }
        check(
                "overload: memory is bounded",
                after.getAsDouble() <= (1 + LEFT_BEHIND) * before.getAsDouble() + LEFT_BEHIND_MIB,
                "heap in use after full collections: %.0f MiB before, %.0f MiB after; resident at most %.0f MiB"
                        .formatted(
                                before.getAsDouble(),
                                after.getAsDouble(),
                                residentMib.getOrDefault(phase, Double.NaN)));
    }

    private Soak soak(Driver many, double rate) throws InterruptedException {
        double left = plan.soakSeconds();
        long lost = 0;
        Soak soak;
        try (ServiceMemory.Sampler sampler = memory.sample(SOAK_SAMPLE_MILLIS, true)) {
            for (int i = 1; left > 0; i++) {
                String name = "soak, part " + i;
                double seconds = Math.min(60, left);
                Measurement m = record(() -> many.open(name, rate, seconds));
                lost += m.unanswered();
                left -= seconds;
            }
            soak = Soak.of(rate, sampler.samples());
        }
        check("soak: every request is answered", lost == 0, lost + " without an answer");
        if (soak.residentGrowth() != null) {
            check(
                    "soak: memory does not grow",
                    soak.residentGrowth() < SOAK_GROWTH,
                    "resident %+.2f %%, used heap %+.1f %% over the second half"
                            .formatted(
                                    100 * soak.residentGrowth(),
                                    100
                                            * (soak.heapGrowth() == null
                                                    ? Double.NaN
                                                    : soak.heapGrowth())));
        }
        return soak;
    }

    /** Load that is measured. */
    private interface Phase {
        Measurement run() throws InterruptedException;
    }

    private Measurement record(Phase phase) throws InterruptedException {
        Measurement m;
        try (ServiceMemory.Sampler sampler = memory.sample(SAMPLE_MILLIS, false)) {
            m = phase.run();
            sampler.peakResidentMib().ifPresent(mib -> residentMib.put(m.phase(), mib));
        }
        phases.add(m);
        memory.heapMib().ifPresent(mib -> heapMib.put(m.phase(), mib));
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
}
