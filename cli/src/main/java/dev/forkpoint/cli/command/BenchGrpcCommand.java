package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.policy.Generator;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.Policy;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint bench grpc}. */
@Command(
        name = "grpc",
        description = {
            "The same generation in this process and through rollout-service with each of the engines, in one message a response and in chunks, in turn within each repetition. A ratio is the median over repetitions of what a way keeps of the tokens a second of the process, or of the first engine.",
            "Then the time to the first tokens of one request alone, in turn as well."
        })
final class BenchGrpcCommand implements Callable<Integer> {

    /**
     * Of responses of one token, then of all: services run much code for a request that this
     * process, called directly, does not, and it must have been compiled.
     */
    private static final int WARM_UP_SECONDS = 4;

    private static final int FIRST_TOKEN_PROBES = 40;

    /** Calls of one token before them, by each way: batches open few streams. */
    private static final int FIRST_TOKEN_WARM_UPS = 300;

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private BenchCommand bench;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchPolicy policy;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "512",
            description = "Responses. Default: ${DEFAULT-VALUE}")
    private int batch;

    @Option(
            names = "--max-tokens",
            paramLabel = "T",
            defaultValue = "64",
            description = "Tokens of each response. Default: ${DEFAULT-VALUE}")
    private int maxTokens;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            split = ",",
            description =
                    "Engines: direct, triton or remote, several with commas between. Default: the service's own")
    private @Nullable List<String> engines;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchOptions options;

    /** Samples responses of so many tokens. */
    @FunctionalInterface
    private interface Sampling {
        void run(int tokens) throws InterruptedException;
    }

    /** One way to have responses sampled. */
    private final class Way {
        private final String engine;
        private final @Nullable BenchService service;
        private final boolean chunks;
        private final Sampling work;
        private final List<Double> seconds = new ArrayList<>();
        private double ownCpu;
        private double serviceCpu;

        Way(String engine, @Nullable BenchService service, boolean chunks, Sampling work) {
            this.engine = engine;
            this.service = service;
            this.chunks = chunks;
            this.work = work;
        }

        void run() throws InterruptedException {
            double own = processCpu();
            double its = service == null ? 0 : service.cpu().toNanos() / 1e9;
            long start = System.nanoTime();
            work.run(maxTokens);
            seconds.add((System.nanoTime() - start) / 1e9);
            ownCpu += processCpu() - own;
            serviceCpu += service == null ? 0 : service.cpu().toNanos() / 1e9 - its;
        }

        /** What it keeps of the other's tokens a second, in each repetition. */
        List<Double> ratios(Way other) {
            List<Double> ratios = new ArrayList<>();
            for (int i = 0; i < seconds.size(); i++) {
                ratios.add(other.seconds.get(i) / seconds.get(i));
            }
            return ratios;
        }

        ObjectNode report(Way inside, Way first) {
            ObjectNode node = JsonLines.object();
            node.put("engine", engine);
            node.put("messages", service == null ? "none" : chunks ? "chunks" : "whole");
            node.put("tokens_per_s", tokens() / BenchReport.median(seconds));
            node.put("spread", BenchReport.spread(seconds));
            ratio(node, "of_in_process", ratios(inside));
            if (service != null) {
                ratio(node, "of_" + first.engine, ratios(first));
            }
            node.put("client_cpu_s", ownCpu / seconds.size());
            node.put("service_cpu_s", serviceCpu / seconds.size());
            return node;
        }
    }

    private static void ratio(ObjectNode node, String name, List<Double> ratios) {
        node.put(name, BenchReport.median(ratios));
        node.put(name + "_least", Collections.min(ratios));
        node.put(name + "_most", Collections.max(ratios));
    }

    @Override
    public Integer call() throws InterruptedException {
        options.check();
        SamplingOptions.require(batch >= 1, "--batch", batch, "1 or more");
        SamplingOptions.require(maxTokens >= 1, "--max-tokens", maxTokens, "1 or more");
        List<String> named = engines == null ? List.of("default") : engines;
        List<BenchService> services = new ArrayList<>();
        try (Policy loaded = policy.load(bench.forkpoint().installation());
                Generator generator =
                        new Generator(loaded, GeneratorOptions.defaults().withMaxRows(batch))) {
            int[][] prompts =
                    BenchOptions.sequences(
                            batch, BenchOptions.PROMPT_TOKENS, loaded.config().vocabularySize());
            List<Way> ways = new ArrayList<>();
            ways.add(
                    new Way(
                            "in_process",
                            null,
                            false,
                            tokens -> BenchPolicy.generate(generator, prompts, tokens)));
            for (String name : named) {
                BenchService service =
                        BenchService.start(
                                bench.forkpoint(), policy, engines == null ? null : name, batch);
                services.add(service);
                for (boolean chunks : new boolean[] {false, true}) {
                    ways.add(
                            new Way(
                                    name,
                                    service,
                                    chunks,
                                    tokens -> service.generate(prompts, tokens, chunks)));
                }
            }
            for (Way way : ways) {
                BenchOptions.warmUp(() -> way.work.run(1), WARM_UP_SECONDS);
                BenchOptions.warmUp(() -> way.work.run(maxTokens), WARM_UP_SECONDS);
            }
            for (int i = 0; i < options.repetitions; i++) {
                Collections.rotate(ways, -i); // no way always follows the same other
                for (Way way : ways) {
                    way.run();
                }
                Collections.rotate(ways, i);
            }
            BenchReport report = report(ways);
            report.list("first_token_ms_p50", firstTokens(generator, prompts[0], named, services));
            services.forEach(BenchService::ended);
            report.memory(services.stream().flatMap(s -> s.pids().stream()).toList())
                    .setting("policy", policy.path)
                    .setting("batch", batch)
                    .setting("max_tokens", maxTokens)
                    .setting("threads", policy.threads)
                    .setting("engine", String.join(",", named))
                    .setting("chunk_tokens", BenchService.CHUNK_TOKENS)
                    .print(bench.forkpoint().console(), options.json);
            return ExitCode.DONE;
        } finally {
            services.forEach(BenchService::close);
        }
    }

    private BenchReport report(List<Way> ways) {
        Way inside = ways.get(0);
        Way first = ways.get(1);
        ArrayNode list = JsonLines.object().putArray("ways");
        ways.forEach(way -> list.add(way.report(inside, first)));
        return new BenchReport("grpc", "tokens_per_s", tokens(), first.seconds)
                .figure("in_process_tokens_per_s", tokens() / BenchReport.median(inside.seconds))
                .figure("in_process_spread", BenchReport.spread(inside.seconds))
                .figure("ratio", BenchReport.median(first.ratios(inside)))
                .list("ways", list);
    }

    /** Medians, by engine. */
    private static ObjectNode firstTokens(
            Generator generator, int[] prompt, List<String> named, List<BenchService> services)
            throws InterruptedException {
        int[][] one = {prompt};
        int tokens = BenchService.CHUNK_TOKENS + 1; // the first chunk is not the last
        List<List<Double>> millis = new ArrayList<>();
        for (int way = 0; way <= services.size(); way++) {
            millis.add(new ArrayList<>());
        }
        for (int probe = -FIRST_TOKEN_WARM_UPS; probe < FIRST_TOKEN_PROBES; probe++) {
            int asked = probe < -5 ? 1 : tokens;
            for (int way = 0; way <= services.size(); way++) {
                long nanos =
                        way == 0
                                ? BenchPolicy.generate(generator, one, asked)
                                : services.get(way - 1).generate(one, asked, true);
                if (probe >= 0) {
                    millis.get(way).add(nanos / 1e6);
                }
            }
        }
        ObjectNode medians = JsonLines.object();
        medians.put("in_process", BenchReport.median(millis.get(0)));
        for (int i = 0; i < named.size(); i++) {
            medians.put(named.get(i), BenchReport.median(millis.get(i + 1)));
        }
        return medians;
    }

    private double tokens() {
        return (double) batch * maxTokens;
    }

    private static double processCpu() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                        .getProcessCpuTime()
                / 1e9;
    }
}
