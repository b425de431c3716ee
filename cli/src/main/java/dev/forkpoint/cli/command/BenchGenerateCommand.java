package dev.forkpoint.cli.command;

import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.policy.Generator;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.Policy;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint bench generate}. */
@Command(
        name = "generate",
        description =
                "Sampled tokens a second: N responses of exactly T tokens after distinct prompts of 12 tokens.")
final class BenchGenerateCommand implements Callable<Integer> {

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
            description =
                    "Through rollout-service with this engine: direct, triton or remote (then a second service serves the policy over KServe v2). Default: in this process")
    private @Nullable String engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchOptions options;

    @Override
    public Integer call() throws InterruptedException {
        options.check();
        SamplingOptions.require(batch >= 1, "--batch", batch, "1 or more");
        SamplingOptions.require(maxTokens >= 1, "--max-tokens", maxTokens, "1 or more");
        BenchReport report = engine == null ? inProcess() : throughService(engine);
        report.setting("policy", policy.path)
                .setting("batch", batch)
                .setting("max_tokens", maxTokens)
                .setting("prompt_tokens", BenchOptions.PROMPT_TOKENS)
                .setting("threads", policy.threads)
                .setting("engine", engine == null ? "in-process" : engine)
                .print(bench.forkpoint().console(), options.json);
        return ExitCode.DONE;
    }

    private BenchReport inProcess() throws InterruptedException {
        try (Policy loaded = policy.load(bench.forkpoint().installation());
                Generator generator =
                        new Generator(loaded, GeneratorOptions.defaults().withMaxRows(batch))) {
            int[][] prompts = prompts(loaded.config().vocabularySize());
            List<Double> seconds =
                    options.measure(() -> BenchPolicy.generate(generator, prompts, maxTokens));
            return report(seconds).ownMemory();
        }
    }

    private BenchReport throughService(String name) throws InterruptedException {
        try (BenchService service = BenchService.start(bench.forkpoint(), policy, name, batch)) {
            int[][] prompts = prompts(service.vocabularySize());
            List<Double> seconds =
                    options.measure(() -> service.generate(prompts, maxTokens, false));
            service.ended();
            return report(seconds).memory(service.pids());
        }
    }

    private int[][] prompts(int vocabulary) {
        return BenchOptions.sequences(batch, BenchOptions.PROMPT_TOKENS, vocabulary);
    }

    private BenchReport report(List<Double> seconds) {
        return new BenchReport("generate", "tokens_per_s", (double) batch * maxTokens, seconds);
    }
}
