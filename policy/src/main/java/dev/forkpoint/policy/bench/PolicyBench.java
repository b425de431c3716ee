package dev.forkpoint.policy.bench;

import dev.forkpoint.policy.AdamW;
import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.Generator;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.SamplingParameters;
import dev.forkpoint.policy.Scorer;
import dev.forkpoint.policy.ScorerOptions;
import dev.forkpoint.policy.TokenScores;
import dev.forkpoint.policy.Trainer;
import dev.forkpoint.policy.TrainerOptions;
import dev.forkpoint.policy.TrainingSequence;
import dev.forkpoint.policy.selection.TopSelection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Measures one policy; each line printed is one JSON object.
 *
 * <pre>
 * sample CHECKPOINT PROMPTS N MAX_TOKENS [REPS]                     responses of exactly MAX_TOKENS tokens at temperature 1
 * score CHECKPOINT B L [REPS]                                       log-prob and entropy of B sequences of L tokens
 * train CHECKPOINT B L RHO [REPS]                                   one update on B sequences of L tokens, a share RHO of which counts
 * iterate CHECKPOINT PROMPTS N MAX_TOKENS rollout|recomputed [REPS] sample, select the top 20 %, 4 updates
 * soak CHECKPOINT ROUNDS [SHAPES]                                   resident memory over rounds of loading, sampling, scoring, updates
 * </pre>
 *
 * PROMPTS holds a prompt a line; {@code -Dforkpoint.bench.threads=N} and {@code
 * -Dforkpoint.bench.microBatch=TOKENS} set the rest.
 */
public final class PolicyBench {

    private static final int GROUP = 16;
    private static final int UPDATES = 4;

    private final Policy policy;
    private final int microBatch;

    /**
     * What one measurement gave.
     *
     * @param seconds of each repetition
     * @param processorSeconds used by this process, of each repetition
     * @param otherCores cores that other processes used meanwhile, of each repetition
     * @param tokens of one repetition
     */
    public record Timing(
            double[] seconds, double[] processorSeconds, double[] otherCores, double tokens) {

        public double medianTokensPerSecond() {
            return tokens / median(seconds);
        }

        /** (max − min) / median. */
        public double spread() {
            return (Arrays.stream(seconds).max().orElseThrow()
                            - Arrays.stream(seconds).min().orElseThrow())
                    / median(seconds);
        }

        String toJson() {
            return String.format(
                    Locale.ROOT,
                    "\"seconds\": %.3f, \"tokens_per_s\": %.0f, \"best_tokens_per_s\": %.0f, \"spread\": %.3f, \"cpu_s\": %.2f, \"others_cores\": %.2f",
                    median(seconds),
                    medianTokensPerSecond(),
                    tokens / Arrays.stream(seconds).min().orElseThrow(),
                    spread(),
                    median(processorSeconds),
                    median(otherCores));
        }
    }

    public PolicyBench(Policy policy, int microBatch) {
        this.policy = policy;
        this.microBatch = microBatch;
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 3) {
            throw new IllegalArgumentException(
                    "usage: sample|score|train|iterate|soak CHECKPOINT … (see the class comment)");
        }
        int threads = Integer.getInteger("forkpoint.bench.threads", 0);
        long begin = System.nanoTime();
        try (Policy policy =
                Policy.load(Path.of(arguments[1]), PolicyOptions.defaults().withThreads(threads))) {
            double startSeconds = (System.nanoTime() - begin) / 1e9;
            PolicyBench bench =
                    new PolicyBench(policy, Integer.getInteger("forkpoint.bench.microBatch", 2400));
            String[] rest = Arrays.copyOfRange(arguments, 2, arguments.length);
            String result = bench.run(arguments[0], rest);
            System.out.printf(
                    Locale.ROOT,
                    "{\"script\": \"forkpoint %s\", \"checkpoint\": \"%s\", \"arguments\": \"%s\", \"threads\": %d, \"start_s\": %.2f, %s, \"rss_mib\": %d, \"peak_rss_mib\": %d}%n",
                    arguments[0],
                    Path.of(arguments[1]).getFileName(),
                    String.join(" ", rest),
                    policy.options().resolvedThreads(),
                    startSeconds,
                    result,
                    memoryMib("VmRSS"),
                    memoryMib("VmHWM"));
        }
    }

    private String run(String what, String[] a) throws IOException {
        switch (what) {
            case "sample" -> {
                return sample(
                                prompts(Path.of(a[0])),
                                Integer.parseInt(a[1]),
                                Integer.parseInt(a[2]),
                                repetitions(a, 3))
                        .toJson();
            }
            case "score" -> {
                return score(Integer.parseInt(a[0]), Integer.parseInt(a[1]), repetitions(a, 2))
                        .toJson();
            }
            case "train" -> {
                return train(
                                Integer.parseInt(a[0]),
                                Integer.parseInt(a[1]),
                                Double.parseDouble(a[2]),
                                repetitions(a, 3))
                        .toJson();
            }
            case "iterate" -> {
                return iterate(
                        prompts(Path.of(a[0])),
                        Integer.parseInt(a[1]),
                        Integer.parseInt(a[2]),
                        a[3].equals("recomputed"),
                        repetitions(a, 4));
            }
            case "soak" -> {
                return soak(Integer.parseInt(a[0]), a.length > 1 ? Integer.parseInt(a[1]) : 0);
            }
            default ->
                    throw new IllegalArgumentException(
                            what + " (expected: sample, score, train, iterate or soak)");
        }
    }

    private static int repetitions(String[] a, int at) {
        return a.length > at ? Integer.parseInt(a[at]) : 5;
    }

    private List<int[]> prompts(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .filter(l -> !l.isBlank())
                .map(l -> policy.tokenizer().encode(l, true))
                .toList();
    }

    /** Samples n responses of exactly so many tokens. */
    public Timing sample(List<int[]> prompts, int n, int maxTokens, int repetitions) {
        List<GenerationRequest> requests =
                IntStream.range(0, n)
                        .mapToObj(i -> request(prompts.get(i % prompts.size()), i, maxTokens))
                        .toList();
        try (Generator generator = new Generator(policy, GeneratorOptions.defaults())) {
            return timed(repetitions, (double) n * maxTokens, i -> rollouts(generator, requests));
        }
    }

    private static GenerationRequest request(int[] prompt, long seed, int maxTokens) {
        return new GenerationRequest(
                prompt, seed, SamplingParameters.defaults(maxTokens).ignoringEos());
    }

    private static List<Rollout> rollouts(Generator generator, List<GenerationRequest> requests) {
        List<CompletableFuture<Rollout>> futures = new ArrayList<>();
        for (GenerationRequest request : requests) {
            CompletableFuture<Rollout> future = new CompletableFuture<>();
            futures.add(future);
            generator.submit(
                    request,
                    new GenerationListener() {
                        @Override
                        public void onFinished(Rollout rollout) {
                            future.complete(rollout);
                        }

                        @Override
                        public void onFailed(Throwable cause) {
                            future.completeExceptionally(cause);
                        }
                    });
        }
        return futures.stream().map(CompletableFuture::join).toList();
    }

    /** Scores b random sequences of so many tokens. */
    public Timing score(int b, int length, int repetitions) {
        Random random = new Random(1);
        List<int[]> sequences =
                IntStream.range(0, b)
                        .mapToObj(
                                i ->
                                        random.ints(length, 4, policy.config().vocabularySize())
                                                .toArray())
                        .toList();
        try (Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            return timed(repetitions, (double) b * length, i -> scorer.score(sequences, 1));
        }
    }

    /** One update on b random sequences, a share rho of whose tokens after the twelfth count. */
    public Timing train(int b, int length, double rho, int repetitions) {
        Random random = new Random(1);
        List<TrainingSequence> sequences =
                IntStream.range(0, b)
                        .mapToObj(
                                i ->
                                        new TrainingSequence(
                                                random.ints(
                                                                length,
                                                                4,
                                                                policy.config().vocabularySize())
                                                        .toArray(),
                                                IntStream.range(12, length)
                                                        .filter(t -> random.nextDouble() < rho)
                                                        .toArray()))
                        .toList();
        // never 0: an update leaves out what has no advantage, and peers do not
        int[] advantage = random.ints(b, 0, 2).map(a -> 2 * a - 1).toArray();
        try (Trainer trainer =
                new Trainer(
                        policy, TrainerOptions.defaults().withTokensPerMicroBatch(microBatch))) {
            return timed(
                    repetitions,
                    (double) b * length,
                    i -> {
                        trainer.accumulate(
                                sequences,
                                1,
                                (s, logProb, entropy, dLogProb, dEntropy) ->
                                        Arrays.fill(dLogProb, advantage[s] * -1e-4f));
                        trainer.apply(AdamW.of(1e-6));
                    });
        }
    }

    private String iterate(
            List<int[]> prompts, int n, int maxTokens, boolean recomputed, int repetitions) {
        List<GenerationRequest> requests =
                IntStream.range(0, n)
                        .mapToObj(
                                i -> request(prompts.get(i / GROUP % prompts.size()), i, maxTokens))
                        .toList();
        double[] sampling = new double[repetitions + 2];
        double[] scoring = new double[repetitions + 2];
        try (Trainer trainer =
                new Trainer(
                        policy, TrainerOptions.defaults().withTokensPerMicroBatch(microBatch))) {
            Timing timing =
                    timed(
                            repetitions,
                            (double) n * maxTokens,
                            i -> {
                                long t0 = System.nanoTime();
                                List<Rollout> rollouts;
                                try (Generator generator =
                                        new Generator(policy, GeneratorOptions.defaults())) {
                                    rollouts = rollouts(generator, requests);
                                }
                                long t1 = System.nanoTime();
                                List<float[][]> old =
                                        recomputed ? scored(requests, rollouts) : sampled(rollouts);
                                sampling[i] = (t1 - t0) / 1e9;
                                scoring[i] = (System.nanoTime() - t1) / 1e9;
                                learn(trainer, requests, rollouts, old);
                            });
            double sampleSeconds = median(Arrays.copyOfRange(sampling, 2, sampling.length));
            double scoreSeconds = median(Arrays.copyOfRange(scoring, 2, scoring.length));
            return timing.toJson()
                    + String.format(
                            Locale.ROOT,
                            ", \"sample_s\": %.3f, \"score_s\": %.3f, \"update_s\": %.3f",
                            sampleSeconds,
                            scoreSeconds,
                            median(timing.seconds) - sampleSeconds - scoreSeconds);
        }
    }

    private static List<float[][]> sampled(List<Rollout> rollouts) {
        return rollouts.stream().map(r -> new float[][] {r.logProb(), r.entropy()}).toList();
    }

    private List<float[][]> scored(List<GenerationRequest> requests, List<Rollout> rollouts) {
        List<int[]> sequences = new ArrayList<>();
        for (int i = 0; i < rollouts.size(); i++) {
            sequences.add(joined(requests.get(i), rollouts.get(i)));
        }
        int[] prompts = requests.stream().mapToInt(r -> r.promptIds().length).toArray();
        List<float[][]> out = new ArrayList<>();
        try (Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            List<TokenScores> scores = scorer.score(sequences, prompts, 1);
            for (int i = 0; i < scores.size(); i++) {
                int from = requests.get(i).promptIds().length;
                int to = sequences.get(i).length;
                out.add(
                        new float[][] {
                            Arrays.copyOfRange(scores.get(i).logProb(), from, to),
                            Arrays.copyOfRange(scores.get(i).entropy(), from, to)
                        });
            }
        }
        return out;
    }

    private static int[] joined(GenerationRequest request, Rollout rollout) {
        return IntStream.concat(
                        Arrays.stream(request.promptIds()), Arrays.stream(rollout.tokenIds()))
                .toArray();
    }

    /**
     * DAPO on the top 20 % of tokens by entropy: group advantages, clip 0.2/0.28, token-level mean
     * over all response tokens.
     */
    private static void learn(
            Trainer trainer,
            List<GenerationRequest> requests,
            List<Rollout> rollouts,
            List<float[][]> old) {
        double[] reward =
                rollouts.stream().mapToDouble(r -> Arrays.stream(r.tokenIds()).sum() % 2).toArray();
        int total = old.stream().mapToInt(o -> o[0].length).sum();
        float[] entropies = new float[total];
        int at = 0;
        for (float[][] o : old) {
            System.arraycopy(o[1], 0, entropies, at, o[1].length);
            at += o[1].length;
        }
        boolean[] kept = TopSelection.select(entropies, 0.2).kept();
        int size = rollouts.size() / UPDATES;
        int token = 0;
        for (int update = 0; update < UPDATES; update++) {
            int first = update * size;
            List<TrainingSequence> sequences = new ArrayList<>();
            int tokens = 0;
            for (int i = first; i < first + size; i++) {
                int prompt = requests.get(i).promptIds().length;
                int begin = token;
                int n = rollouts.get(i).tokenIds().length;
                sequences.add(
                        new TrainingSequence(
                                joined(requests.get(i), rollouts.get(i)),
                                prompt,
                                IntStream.range(0, n)
                                        .filter(t -> kept[begin + t])
                                        .map(t -> prompt + t)
                                        .toArray()));
                token += n;
                tokens += n;
            }
            double normaliser = tokens;
            trainer.accumulate(
                    sequences,
                    1,
                    (s, logProb, entropy, dLogProb, dEntropy) -> {
                        int i = first + s;
                        double[] group =
                                Arrays.copyOfRange(
                                        reward, i / GROUP * GROUP, i / GROUP * GROUP + GROUP);
                        double mean = Arrays.stream(group).average().orElseThrow();
                        double deviation =
                                Math.sqrt(
                                        Arrays.stream(group).map(x -> (x - mean) * (x - mean)).sum()
                                                / (GROUP - 1));
                        double advantage = (reward[i] - mean) / (deviation + 1e-4);
                        int prompt = requests.get(i).promptIds().length;
                        for (int k = 0; k < logProb.length; k++) {
                            double ratio =
                                    Math.exp(
                                            logProb[k]
                                                    - old.get(i)[0][
                                                            sequences.get(s).positions()[k]
                                                                    - prompt]);
                            boolean clipped = advantage > 0 ? ratio > 1.28 : ratio < 0.8;
                            dLogProb[k] = (float) (clipped ? 0 : -ratio * advantage / normaliser);
                        }
                    });
            trainer.apply(AdamW.of(1e-6));
        }
    }

    /**
     * What services do all day: a policy version is loaded, samples, scores and is closed, while
     * another is trained. Shapes repeat after so many rounds; 0: never.
     */
    private String soak(int rounds, int shapes) throws IOException {
        int vocabulary = policy.config().vocabularySize();
        List<Long> memory = new ArrayList<>();
        try (Trainer trainer =
                new Trainer(
                        policy, TrainerOptions.defaults().withTokensPerMicroBatch(microBatch))) {
            for (int round = 0; round < rounds; round++) {
                int seed = shapes == 0 ? round : round % shapes;
                Random random = new Random(seed);
                int[] prompt = random.ints(1 + random.nextInt(12), 3, vocabulary).toArray();
                List<GenerationRequest> requests =
                        IntStream.range(0, 4 + random.nextInt(12))
                                .mapToObj(
                                        i -> request(prompt, seed * 100L + i, 2 + (seed + i) % 12))
                                .toList();
                List<Rollout> rollouts;
                List<float[][]> old;
                try (Policy version = Policy.load(policy.directory(), policy.options())) {
                    PolicyBench ofVersion = new PolicyBench(version, microBatch);
                    try (Generator generator =
                            new Generator(version, GeneratorOptions.defaults())) {
                        rollouts = rollouts(generator, requests);
                    }
                    old = ofVersion.scored(requests, rollouts);
                }
                List<TrainingSequence> sequences =
                        IntStream.range(0, requests.size())
                                .mapToObj(
                                        i ->
                                                new TrainingSequence(
                                                        joined(requests.get(i), rollouts.get(i)),
                                                        prompt.length,
                                                        IntStream.range(0, old.get(i)[0].length)
                                                                .map(t -> prompt.length + t)
                                                                .toArray()))
                                .toList();
                trainer.accumulate(
                        sequences,
                        1,
                        (s, logProb, entropy, dLogProb, dEntropy) -> Arrays.fill(dLogProb, 1e-4f));
                trainer.apply(AdamW.of(1e-7));
                if (round % Math.max(1, rounds / 20) == 0 || round == rounds - 1) {
                    memory.add(memoryMib("VmRSS"));
                }
            }
        }
        long middle = memory.get(memory.size() / 2);
        return String.format(
                Locale.ROOT,
                "\"rss_mib_over_time\": %s, \"second_half_growth\": %.4f",
                memory,
                (double) (memory.get(memory.size() - 1) - middle) / middle);
    }

    /** Two rounds to warm up (0 and 1), then the repetitions. */
    private static Timing timed(int repetitions, double tokens, IntConsumer work) {
        double[] seconds = new double[repetitions];
        double[] processor = new double[repetitions];
        double[] others = new double[repetitions];
        for (int i = 0; i < repetitions + 2; i++) {
            double[] before = usage();
            long t = System.nanoTime();
            work.accept(i);
            double elapsed = (System.nanoTime() - t) / 1e9;
            double[] after = usage();
            if (i >= 2) {
                seconds[i - 2] = elapsed;
                processor[i - 2] = after[1] - before[1];
                others[i - 2] =
                        Math.max(0, (after[0] - before[0] - (after[1] - before[1])) / elapsed);
            }
        }
        return new Timing(seconds, processor, others, tokens);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    /**
     * Seconds of processor time used so far, by the machine and by this process; zeros where there
     * is no /proc.
     */
    private static double[] usage() {
        try {
            String[] all = Files.readAllLines(Path.of("/proc/stat")).get(0).trim().split(" +", -1);
            String self = Files.readString(Path.of("/proc/self/stat"));
            String[] own = self.substring(self.lastIndexOf(')') + 2).split(" ", -1);
            double busy = 0;
            for (int i : new int[] {1, 2, 3, 6, 7, 8}) {
                busy += Double.parseDouble(all[i]);
            }
            return new double[] {
                busy / 100, (Double.parseDouble(own[11]) + Double.parseDouble(own[12])) / 100
            };
        } catch (IOException e) {
            return new double[2];
        }
    }

    /** A field of /proc/self/status in MiB; −1 where there is none. */
    public static long memoryMib(String field) {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(l -> l.startsWith(field))
                    .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")) / 1024)
                    .findFirst()
                    .orElse(-1);
        } catch (IOException e) {
            return -1;
        }
    }
}
