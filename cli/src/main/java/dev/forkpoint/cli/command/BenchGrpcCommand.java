package dev.forkpoint.cli.command;

import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.policy.Generator;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.Policy;
import java.nio.file.Path;
import java.util.ArrayList;
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
        description =
                "The same generation in this process and through rollout-service, in turn; the ratio is what the way through gRPC leaves.")
final class BenchGrpcCommand implements Callable<Integer> {

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
            description = "Engine of the service. Default: the service's own")
    private @Nullable String engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchOptions options;

    @Override
    public Integer call() throws InterruptedException {
        options.check();
        SamplingOptions.require(batch >= 1, "--batch", batch, "1 or more");
        SamplingOptions.require(maxTokens >= 1, "--max-tokens", maxTokens, "1 or more");
        Path folder = policy.folder(bench.forkpoint().installation());
        LocalSettings local =
                new LocalSettings(Service.ROLLOUT)
                        .engine(engine)
                        .allow(folder)
                        .with("forkpoint.rollout.threads", Integer.toString(policy.threads))
                        .with("forkpoint.rollout.max-rows", Integer.toString(batch));
        ServiceOptions services = new ServiceOptions();
        List<Double> inside = new ArrayList<>();
        List<Double> through = new ArrayList<>();
        try (Policy loaded = policy.load(bench.forkpoint().installation());
                Generator generator =
                        new Generator(loaded, GeneratorOptions.defaults().withMaxRows(batch));
                Backend backend = bench.forkpoint().open(null, local, Service.ROLLOUT)) {
            RolloutCalls.serve(backend, PolicyFolder.snapshot(folder, null));
            int[][] prompts =
                    BenchOptions.sequences(
                            batch, BenchOptions.PROMPT_TOKENS, loaded.config().vocabularySize());
            BenchOptions.warmUp(() -> BenchPolicy.generate(generator, prompts, maxTokens));
            BenchOptions.warmUp(() -> BenchService.generate(backend, prompts, maxTokens, services));
            for (int i = 0; i < options.repetitions; i++) {
                inside.add(seconds(() -> BenchPolicy.generate(generator, prompts, maxTokens)));
                through.add(
                        seconds(
                                () ->
                                        BenchService.generate(
                                                backend, prompts, maxTokens, services)));
            }
            services.ended(backend);
            double tokens = (double) batch * maxTokens;
            new BenchReport("grpc", "tokens_per_s", tokens, through)
                    .figure("in_process_tokens_per_s", tokens / BenchReport.median(inside))
                    .figure("in_process_spread", BenchReport.spread(inside))
                    .figure("ratio", BenchReport.median(inside) / BenchReport.median(through))
                    .memoryOf(backend.local())
                    .setting("policy", policy.path)
                    .setting("batch", batch)
                    .setting("max_tokens", maxTokens)
                    .setting("threads", policy.threads)
                    .setting("engine", engine == null ? "default" : engine)
                    .print(bench.forkpoint().console(), options.json);
            return ExitCode.DONE;
        }
    }

    private static double seconds(BenchOptions.Work work) throws InterruptedException {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e9;
    }
}
