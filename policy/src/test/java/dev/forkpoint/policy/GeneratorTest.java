package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class GeneratorTest {

    private static final int VOCABULARY = 48;

    @TempDir static Path folder;

    private static Policy policy;

    @BeforeAll
    static void load() throws Exception {
        // seed 5's logits are small; a trained head makes the distribution uneven enough for
        // filters to bite
        TinyModels.write(
                folder.resolve("m"),
                5,
                IntStream.range(0, 45).mapToObj(i -> "w" + i).toArray(String[]::new));
        policy = Policy.load(folder.resolve("m"), PolicyOptions.defaults());
        try (Trainer trainer = new Trainer(policy, TrainerOptions.defaults())) {
            for (int i = 0; i < 30; i++) {
                trainer.accumulate(
                        List.of(
                                new TrainingSequence(
                                        new int[] {5, 6, 7, 8, 9, 10, 6, 7, 11, 12, 1},
                                        new int[] {1, 2, 3, 4, 5, 7, 8, 9, 10})),
                        1,
                        (s, logProb, entropy, dLogProb, dEntropy) -> Arrays.fill(dLogProb, -0.2f));
                trainer.apply(AdamW.of(3e-3));
            }
        }
    }

    @AfterAll
    static void close() {
        policy.close();
    }

    private static SamplingParameters free(int maxTokens) {
        return SamplingParameters.defaults(maxTokens).ignoringEos();
    }

    /**
     * Log-probs and entropies of the decoding temperature over the full vocabulary, whatever
     * filters were on.
     */
    @ParameterizedTest
    @ValueSource(doubles = {0, 0.5, 1, 2})
    void reportsTheUnfilteredDistributionAtTheDecodingTemperature(double temperature) {
        int[] prompt = {5, 6};
        try (Generator generator = new Generator(policy, GeneratorOptions.defaults());
                Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            SamplingParameters plain = free(20).withTemperature(temperature);
            for (SamplingParameters sampling : List.of(plain, plain.withFilters(0.8, 9, 0.02))) {
                Rollout r =
                        Generations.run(
                                        generator,
                                        List.of(new GenerationRequest(prompt, 3, sampling)))
                                .get(0);
                int[] ids =
                        IntStream.concat(Arrays.stream(prompt), Arrays.stream(r.tokenIds()))
                                .toArray();
                TokenScores scores =
                        scorer.score(List.of(ids), temperature == 0 ? 1 : temperature).get(0);
                for (int t = 0; t < r.tokenIds().length; t++) {
                    assertThat(r.logProb()[t]).isCloseTo(scores.logProb()[2 + t], within(1e-4f));
                    assertThat(r.entropy()[t]).isCloseTo(scores.entropy()[2 + t], within(1e-4f));
                    assertThat(r.collisionProbability()[t])
                            .isCloseTo(scores.collisionProbability()[2 + t], within(1e-4f));
                }
            }
        }
    }

    /**
     * First tokens of many seeds against the filtered distribution computed by hand from the
     * scorer's probabilities.
     */
    static List<SamplingParameters> filters() {
        return List.of(
                free(1),
                free(1).withTemperature(0.7),
                free(1).withFilters(1, 3, 0),
                free(1).withFilters(0.6, 0, 0),
                free(1).withFilters(1, 0, 0.2),
                free(1).withTemperature(1.5).withFilters(0.7, 12, 0.05));
    }

    @ParameterizedTest
    @MethodSource("filters")
    void drawsFromTheFilteredDistribution(SamplingParameters sampling) {
        int[] prompt = {5, 6, 7};
        double[] expected = new double[VOCABULARY];
        try (Scorer scorer = new Scorer(policy, ScorerOptions.defaults())) {
            TopScores top =
                    scorer.top(List.of(new int[] {5, 6, 7, 8}), sampling.temperature(), VOCABULARY)
                            .get(0);
            double[] p = new double[VOCABULARY]; // likeliest first
            for (int i = 0; i < VOCABULARY; i++) {
                p[i] = Math.exp(top.logProb()[3][i]);
            }
            int k = sampling.topK() == 0 ? VOCABULARY : sampling.topK();
            double within = Arrays.stream(p, 0, k).sum();
            double before = 0;
            for (int i = 0; i < k; i++) {
                if (before / within < sampling.topP() && p[i] >= sampling.minP() * p[0]) {
                    expected[top.tokenIds()[3][i]] = p[i];
                }
                before += p[i];
            }
        }
        double sum = Arrays.stream(expected).sum();
        int n = 20_000;
        int[] seen = new int[VOCABULARY];
        try (Generator generator = new Generator(policy, GeneratorOptions.defaults())) {
            List<GenerationRequest> requests =
                    IntStream.range(0, n)
                            .mapToObj(i -> new GenerationRequest(prompt, i * 7919L, sampling))
                            .toList();
            for (Rollout r : Generations.run(generator, requests)) {
                seen[r.tokenIds()[0]]++;
            }
        }
        for (int v = 0; v < VOCABULARY; v++) {
            double p = expected[v] / sum;
            if (p == 0) {
                assertThat(seen[v]).as("hidden token " + v).isZero();
            }
            assertThat((double) seen[v])
                    .as("token " + v)
                    .isCloseTo(n * p, within(5 * Math.sqrt(n * p * (1 - p)) + 1));
        }
    }

    @Test
    void endsWithEosOrAStopIdAndKeepsIt() {
        try (Generator generator = new Generator(policy, GeneratorOptions.defaults())) {
            int[] prompt = {5, 6, 7, 8, 9, 10, 6, 7};
            Rollout eos =
                    Generations.run(
                                    generator,
                                    List.of(
                                            new GenerationRequest(
                                                    prompt, 0, SamplingParameters.greedy(30))))
                            .get(0);
            assertThat(eos.tokenIds()).containsExactly(11, 12, 1);
            assertThat(eos.finishReason()).isEqualTo(FinishReason.STOP);
            Rollout stop =
                    Generations.run(
                                    generator,
                                    List.of(
                                            new GenerationRequest(
                                                    prompt,
                                                    0,
                                                    SamplingParameters.greedy(30).withStopIds(12))))
                            .get(0);
            assertThat(stop.tokenIds()).containsExactly(11, 12);
            assertThat(stop.finishReason()).isEqualTo(FinishReason.STOP);
            Rollout length =
                    Generations.run(
                                    generator,
                                    List.of(
                                            new GenerationRequest(
                                                    prompt, 0, SamplingParameters.greedy(2))))
                            .get(0);
            assertThat(length.tokenIds()).containsExactly(11, 12);
            assertThat(length.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void streamsTokensInOrderThatAddUpToTheRollout() {
        try (Generator generator =
                new Generator(policy, GeneratorOptions.defaults().withStepsPerCall(5))) {
            List<TokenChunk> chunks = new ArrayList<>();
            CompletableFuture<Rollout> done = new CompletableFuture<>();
            generator.submit(
                    new GenerationRequest(new int[] {5}, 9, free(23)),
                    new GenerationListener() {
                        @Override
                        public void onTokens(TokenChunk chunk) {
                            chunks.add(chunk);
                        }

                        @Override
                        public void onFinished(Rollout rollout) {
                            done.complete(rollout);
                        }

                        @Override
                        public void onFailed(Throwable cause) {
                            done.completeExceptionally(cause);
                        }
                    });
            Rollout rollout = done.join();
            int at = 0;
            for (TokenChunk c : chunks) {
                assertThat(c.start()).isEqualTo(at);
                assertThat(c.tokenIds())
                        .isEqualTo(
                                Arrays.copyOfRange(
                                        rollout.tokenIds(), at, at + c.tokenIds().length));
                assertThat(c.entropy())
                        .isEqualTo(
                                Arrays.copyOfRange(rollout.entropy(), at, at + c.entropy().length));
                at += c.tokenIds().length;
            }
            assertThat(at).as("all but those of the last call").isEqualTo(20);
            assertThat(rollout.tokenIds()).hasSize(23);
        }
    }

    @Test
    void aResponseIsTheSameForAnyNumberOfStepsACall() {
        GenerationRequest request =
                new GenerationRequest(new int[] {5, 6}, 77, free(60).withTemperature(0.9));
        List<Rollout> all = new ArrayList<>();
        for (int steps : new int[] {1, 7, 16, 64}) {
            try (Generator generator =
                    new Generator(policy, GeneratorOptions.defaults().withStepsPerCall(steps))) {
                all.add(Generations.run(generator, List.of(request)).get(0));
            }
        }
        all.forEach(r -> assertThat(Generations.same(r, all.get(0))).isTrue());
    }

    /**
     * Room for two or three dozen rows at once: the rest waits, all are answered, and each as it
     * would be alone.
     */
    @Test
    void waitsForRoomInTheCacheAndInTheRows() throws Exception {
        List<GenerationRequest> requests =
                IntStream.range(0, 80)
                        .mapToObj(
                                i ->
                                        new GenerationRequest(
                                                new int[] {5 + i % 7, 6}, i, free(10 + i % 40)))
                        .toList();
        long bytes = Lane.cacheBytes(16, Lane.slots(2, 50, policy.config()), policy.config());
        List<Rollout> expected;
        try (Generator roomy = new Generator(policy, GeneratorOptions.defaults())) {
            expected = Generations.run(roomy, requests);
        }
        for (GeneratorOptions options :
                List.of(
                        GeneratorOptions.defaults().withThreads(2).withKvBudgetBytes(2 * bytes),
                        GeneratorOptions.defaults().withMaxRows(3))) {
            try (Generator narrow = new Generator(policy, options)) {
                List<Rollout> found = Generations.run(narrow, requests);
                for (int i = 0; i < found.size(); i++) {
                    assertThat(Generations.same(found.get(i), expected.get(i))).isTrue();
                }
                assertThat(narrow.drain(Duration.ofSeconds(60))).isTrue();
                assertThat(narrow.active()).isZero();
                assertThat(narrow.queued()).isZero();
            }
        }
    }

    @Test
    void refusesRequestsItCouldNeverServeNamingTheField() {
        try (Generator generator =
                new Generator(
                        policy,
                        GeneratorOptions.defaults().withThreads(1).withKvBudgetBytes(200_000))) {
            assertRefused(
                    generator,
                    new GenerationRequest(new int[] {1, 48}, 0, free(1)),
                    "promptIds[1]: 48");
            assertRefused(
                    generator,
                    new GenerationRequest(new int[] {-1}, 0, free(1)),
                    "promptIds[0]: -1");
            assertRefused(
                    generator,
                    new GenerationRequest(new int[512], 0, free(1)),
                    "promptIds: 512 tokens");
            assertRefused(
                    generator,
                    new GenerationRequest(new int[] {1}, 0, free(1).withStopIds(99)),
                    "stopIds[0]: 99");
            assertRefused(
                    generator,
                    new GenerationRequest(new int[] {1}, 0, free(400)),
                    "maxTokens: 400");
        }
        assertThatThrownBy(() -> new GenerationRequest(new int[] {1}, 0, free(1), -101, 0))
                .hasMessage("priority: -101 (expected: -100 to 100)");
        assertThatThrownBy(() -> new GenerationRequest(new int[] {1}, 0, free(1), 0, -1))
                .hasMessageContaining("timeoutMicros: -1");
    }

    private static void assertRefused(
            Generator generator, GenerationRequest request, String message) {
        assertThatThrownBy(() -> Generations.submit(generator, request))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void responseEndsAtTheEndOfTheContext() {
        int[] prompt = new int[500];
        Arrays.fill(prompt, 5);
        try (Generator generator = new Generator(policy, GeneratorOptions.defaults())) {
            Rollout r =
                    Generations.run(
                                    generator,
                                    List.of(new GenerationRequest(prompt, 1, free(1000))))
                            .get(0);
            assertThat(r.tokenIds()).hasSize(12);
            assertThat(r.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void cancelEndsARunningAndAQueuedResponse() throws Exception {
        try (Generator generator =
                new Generator(
                        policy, GeneratorOptions.defaults().withMaxRows(1).withStepsPerCall(1))) {
            CountDownLatch running = new CountDownLatch(1);
            CompletableFuture<Rollout> first = new CompletableFuture<>();
            CompletableFuture<Rollout> second = new CompletableFuture<>();
            GenerationHandle a =
                    generator.submit(
                            new GenerationRequest(new int[] {5}, 1, free(500)),
                            listener(first, running));
            assertThat(running.await(30, TimeUnit.SECONDS)).isTrue();
            GenerationHandle b =
                    generator.submit(
                            new GenerationRequest(new int[] {6}, 2, free(500)),
                            listener(second, null));
            b.cancel();
            assertThat(second.get(30, TimeUnit.SECONDS).finishReason())
                    .isEqualTo(FinishReason.CANCELLED);
            assertThat(second.join().tokenIds()).isEmpty();
            a.cancel();
            a.cancel();
            Rollout cut = first.get(30, TimeUnit.SECONDS);
            assertThat(cut.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(cut.tokenIds().length).isBetween(1, 499);
        }
    }

    @Test
    void ofWaitingRequestsTheLowerPriorityBeginsFirstThenTheEarlier() throws Exception {
        try (Generator generator =
                new Generator(
                        policy, GeneratorOptions.defaults().withMaxRows(1).withStepsPerCall(1))) {
            CountDownLatch running = new CountDownLatch(1);
            CompletableFuture<Rollout> first = new CompletableFuture<>();
            GenerationHandle holder =
                    generator.submit(
                            new GenerationRequest(new int[] {5}, 1, free(500)),
                            listener(first, running));
            assertThat(running.await(30, TimeUnit.SECONDS)).isTrue();
            int[] priorities = {100, 0, -7, 0, -100};
            List<Integer> ended = java.util.Collections.synchronizedList(new ArrayList<>());
            List<CompletableFuture<Rollout>> waiting = new ArrayList<>();
            for (int i = 0; i < priorities.length; i++) {
                int number = i;
                CompletableFuture<Rollout> done = new CompletableFuture<>();
                // the prompts are equal in part: urgency goes before a prefill that is shared
                generator.submit(
                        new GenerationRequest(
                                new int[] {5, 6 + i % 2}, i, free(9), priorities[i], 0),
                        listener(done, null));
                waiting.add(done.whenComplete((r, e) -> ended.add(number)));
            }
            holder.cancel();
            List<Rollout> rollouts =
                    waiting.stream().map(f -> f.orTimeout(30, TimeUnit.SECONDS).join()).toList();
            assertThat(ended).containsExactly(4, 2, 1, 3, 0);
            for (int i = 0; i < priorities.length; i++) {
                GenerationRequest plain =
                        new GenerationRequest(new int[] {5, 6 + i % 2}, i, free(9));
                assertThat(
                                Generations.same(
                                        rollouts.get(i),
                                        Generations.submit(generator, plain).join()))
                        .isTrue();
            }
        }
    }

    @Test
    void aRequestWhoseTimeoutPassesWhileItWaitsIsEndedUndecoded() throws Exception {
        try (Generator generator =
                new Generator(
                        policy, GeneratorOptions.defaults().withMaxRows(1).withStepsPerCall(1))) {
            CountDownLatch running = new CountDownLatch(1);
            CompletableFuture<Rollout> first = new CompletableFuture<>();
            generator.submit(
                    new GenerationRequest(new int[] {5}, 1, free(500)), listener(first, running));
            assertThat(running.await(30, TimeUnit.SECONDS)).isTrue();
            CountDownLatch decoded = new CountDownLatch(1);
            CompletableFuture<Rollout> late = new CompletableFuture<>();
            generator.submit(
                    new GenerationRequest(new int[] {6}, 2, free(5), 0, 1),
                    listener(late, decoded));
            assertThatThrownBy(() -> late.get(30, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(GenerationTimeoutException.class)
                    .hasMessageContaining("timeout of 1 µs");
            assertThat(first).as("it waited for no place").isNotDone();
            assertThat(generator.queued()).isZero();
            assertThat(first.get(30, TimeUnit.SECONDS).tokenIds()).hasSize(500);
            assertThat(decoded.getCount()).isOne();
        }
    }

    @Test
    void aRunningResponseEndsWhenItsTimeoutPasses() throws Exception {
        try (Generator generator =
                new Generator(policy, GeneratorOptions.defaults().withStepsPerCall(1))) {
            CompletableFuture<Rollout> late = new CompletableFuture<>();
            CountDownLatch running = new CountDownLatch(1);
            GenerationListener stalls = listener(late, running);
            generator.submit(
                    new GenerationRequest(new int[] {5}, 1, free(500), 0, 500_000),
                    new GenerationListener() {
                        @Override
                        public void onTokens(TokenChunk chunk) {
                            stalls.onTokens(chunk);
                            try {
                                Thread.sleep(10); // 500 tokens would take 5 s
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        }

                        @Override
                        public void onFinished(Rollout rollout) {
                            stalls.onFinished(rollout);
                        }

                        @Override
                        public void onFailed(Throwable cause) {
                            stalls.onFailed(cause);
                        }
                    });
            assertThat(running.await(30, TimeUnit.SECONDS)).isTrue();
            assertThatThrownBy(() -> late.get(30, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(GenerationTimeoutException.class);
            assertThat(
                            Generations.submit(
                                            generator,
                                            new GenerationRequest(new int[] {5}, 1, free(20)))
                                    .get(30, TimeUnit.SECONDS)
                                    .tokenIds())
                    .hasSize(20);
        }
    }

    /** The least of many, so that a busy machine does not blur it. */
    @Test
    void aRequestThatComesAloneWaitsForNoCompanions() {
        try (Generator generator =
                new Generator(policy, GeneratorOptions.defaults().withThreads(1))) {
            GenerationRequest one = new GenerationRequest(new int[] {5}, 1, free(1));
            long alone = Long.MAX_VALUE;
            long afterTwo = Long.MAX_VALUE;
            for (int i = 0; i < 30; i++) {
                Generations.run(
                        generator,
                        List.of(new GenerationRequest(new int[] {6}, 2, free(200)), one));
                afterTwo = Math.min(afterTwo, nanos(generator, one));
                alone = Math.min(alone, nanos(generator, one));
            }
            assertThat(alone).isLessThan(afterTwo - 1_000_000);
        }
    }

    private static long nanos(Generator generator, GenerationRequest request) {
        long start = System.nanoTime();
        Generations.submit(generator, request).join();
        return System.nanoTime() - start;
    }

    private static GenerationListener listener(
            CompletableFuture<Rollout> done,
            @org.jspecify.annotations.Nullable CountDownLatch running) {
        return new GenerationListener() {
            @Override
            public void onTokens(TokenChunk chunk) {
                if (running != null) {
                    running.countDown();
                }
            }

            @Override
            public void onFinished(Rollout rollout) {
                done.complete(rollout);
            }

            @Override
            public void onFailed(Throwable cause) {
                done.completeExceptionally(cause);
            }
        };
    }

    @Test
    void closeFailsWhatIsLeftAndDrainFinishesIt() throws Exception {
        CompletableFuture<Rollout> left;
        try (Generator generator =
                new Generator(policy, GeneratorOptions.defaults().withStepsPerCall(1))) {
            left =
                    Generations.submit(
                            generator, new GenerationRequest(new int[] {5}, 1, free(500)));
        }
        assertThatThrownBy(left::join)
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(GeneratorClosedException.class);
        Generator generator = new Generator(policy, GeneratorOptions.defaults());
        List<CompletableFuture<Rollout>> all =
                IntStream.range(0, 20)
                        .mapToObj(
                                i ->
                                        Generations.submit(
                                                generator,
                                                new GenerationRequest(new int[] {5}, i, free(30))))
                        .toList();
        assertThat(generator.drain(Duration.ofSeconds(60))).isTrue();
        all.forEach(f -> assertThat(f).isCompleted());
        assertThatThrownBy(
                        () ->
                                Generations.submit(
                                        generator,
                                        new GenerationRequest(new int[] {5}, 1, free(1))))
                .isInstanceOf(GeneratorClosedException.class);
        generator.close();
    }

    @Test
    void aListenerThatThrowsHurtsNobodyElse() {
        try (Generator generator =
                new Generator(policy, GeneratorOptions.defaults().withThreads(1))) {
            generator.submit(
                    new GenerationRequest(new int[] {5}, 1, free(5)),
                    new GenerationListener() {
                        @Override
                        public void onFinished(Rollout rollout) {
                            throw new IllegalStateException("a listener's own");
                        }

                        @Override
                        public void onFailed(Throwable cause) {}
                    });
            Rollout r =
                    Generations.run(
                                    generator,
                                    List.of(new GenerationRequest(new int[] {5}, 2, free(40))))
                            .get(0);
            assertThat(r.tokenIds()).hasSize(40);
        }
    }
}
