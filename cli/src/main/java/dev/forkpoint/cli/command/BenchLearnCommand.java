package dev.forkpoint.cli.command;

import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.policy.AdamW;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.SparseObjective;
import dev.forkpoint.policy.Trainer;
import dev.forkpoint.policy.TrainerOptions;
import dev.forkpoint.policy.TrainingSequence;
import dev.forkpoint.policy.selection.TopSelection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint bench learn}. */
@Command(
        name = "learn",
        description =
                "Tokens a second of one update (DAPO's clipped surrogate, AdamW) on B sequences of L tokens, prompt of 12 included, with gradient on a share of the response tokens.")
final class BenchLearnCommand implements Callable<Integer> {

    private static final double CLIP_LOW = 0.2;
    private static final double CLIP_HIGH = 0.28;
    private static final double OLD_LOG_PROB = -5;

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private BenchCommand bench;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchPolicy policy;

    @Option(
            names = "--batch",
            paramLabel = "B",
            defaultValue = "128",
            description = "Sequences. Default: ${DEFAULT-VALUE}")
    private int batch;

    @Option(
            names = "--length",
            paramLabel = "L",
            defaultValue = "76",
            description = "Tokens of each. Default: ${DEFAULT-VALUE}")
    private int length;

    @Option(
            names = "--rho",
            paramLabel = "R",
            defaultValue = "0.2",
            description = "Share of response tokens that carry gradient. Default: ${DEFAULT-VALUE}")
    private double rho;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchOptions options;

    @Override
    public Integer call() throws InterruptedException {
        options.check();
        SamplingOptions.require(batch >= 1, "--batch", batch, "1 or more");
        SamplingOptions.require(
                length > BenchOptions.PROMPT_TOKENS,
                "--length",
                length,
                "more than the prompt's " + BenchOptions.PROMPT_TOKENS);
        SamplingOptions.require(rho > 0 && rho <= 1, "--rho", rho, "above 0, at most 1");
        try (Policy loaded = policy.load(bench.forkpoint().installation());
                Trainer trainer = new Trainer(loaded, TrainerOptions.defaults())) {
            List<TrainingSequence> sequences = sequences(loaded.config().vocabularySize());
            SparseObjective objective = objective();
            List<Double> seconds =
                    options.measure(
                            () -> {
                                trainer.accumulate(sequences, 1, objective);
                                trainer.apply(AdamW.of(1e-6));
                            });
            new BenchReport("learn", "tokens_per_s", (double) batch * length, seconds)
                    .ownMemory()
                    .setting("policy", policy.path)
                    .setting("batch", batch)
                    .setting("length", length)
                    .setting("rho", rho)
                    .setting("threads", policy.threads)
                    .setting(
                            "tokens_per_micro_batch",
                            TrainerOptions.defaults().tokensPerMicroBatch())
                    .print(bench.forkpoint().console(), options.json);
            return ExitCode.DONE;
        }
    }

    /** Random tokens, of which those of highest random "entropy" are kept. */
    private List<TrainingSequence> sequences(int vocabularySize) {
        int[][] ids = BenchOptions.sequences(batch, length, vocabularySize);
        int response = length - BenchOptions.PROMPT_TOKENS;
        SplittableRandom random = new SplittableRandom(1);
        float[] entropies = new float[batch * response];
        for (int i = 0; i < entropies.length; i++) {
            entropies[i] = (float) random.nextDouble();
        }
        int kept = TopSelection.count(entropies.length, rho);
        float[] sorted = entropies.clone();
        Arrays.sort(sorted);
        float threshold = sorted[sorted.length - kept];
        List<TrainingSequence> sequences = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            List<Integer> positions = new ArrayList<>();
            for (int t = 0; t < response; t++) {
                if (entropies[i * response + t] >= threshold) {
                    positions.add(BenchOptions.PROMPT_TOKENS + t);
                }
            }
            sequences.add(
                    new TrainingSequence(
                            ids[i], positions.stream().mapToInt(Integer::intValue).toArray()));
        }
        return sequences;
    }

    private SparseObjective objective() {
        double z = (double) batch * (length - BenchOptions.PROMPT_TOKENS);
        SplittableRandom random = new SplittableRandom(2);
        double[] advantages = random.doubles(batch).map(u -> u < 0.5 ? -1 : 1).toArray();
        return (sequence, logProb, entropy, dLogProb, dEntropy) -> {
            double advantage = advantages[sequence];
            for (int i = 0; i < logProb.length; i++) {
                double ratio = Math.exp(logProb[i] - OLD_LOG_PROB);
                boolean clipped = advantage > 0 ? ratio > 1 + CLIP_HIGH : ratio < 1 - CLIP_LOW;
                // a clipped token has no gradient; a tiny one keeps the work the same for every
                // policy
                dLogProb[i] = (float) (-(clipped ? 1e-12 : ratio * advantage) / z);
            }
        };
    }
}
