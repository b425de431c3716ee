package dev.forkpoint.cli.command;

import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.Scorer;
import dev.forkpoint.policy.ScorerOptions;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint bench score}. */
@Command(
        name = "score",
        description = "Scored tokens a second: log-prob and entropy of B sequences of L tokens.")
final class BenchScoreCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private BenchCommand bench;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchPolicy policy;

    @Option(
            names = "--batch",
            paramLabel = "B",
            defaultValue = "64",
            description = "Sequences. Default: ${DEFAULT-VALUE}")
    private int batch;

    @Option(
            names = "--length",
            paramLabel = "L",
            defaultValue = "76",
            description = "Tokens of each. Default: ${DEFAULT-VALUE}")
    private int length;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchOptions options;

    @Override
    public Integer call() throws InterruptedException {
        options.check();
        SamplingOptions.require(batch >= 1, "--batch", batch, "1 or more");
        SamplingOptions.require(length >= 2, "--length", length, "2 or more");
        try (Policy loaded = policy.load(bench.forkpoint().installation());
                Scorer scorer = new Scorer(loaded, ScorerOptions.defaults())) {
            List<int[]> sequences =
                    List.of(
                            BenchOptions.sequences(
                                    batch, length, loaded.config().vocabularySize()));
            List<Double> seconds = options.measure(() -> scorer.score(sequences, 1));
            new BenchReport("score", "tokens_per_s", (double) batch * length, seconds)
                    .ownMemory()
                    .setting("policy", policy.path)
                    .setting("batch", batch)
                    .setting("length", length)
                    .setting("threads", policy.threads)
                    .print(bench.forkpoint().console(), options.json);
            return ExitCode.DONE;
        }
    }
}
