package dev.forkpoint.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Bits of a sequence do not depend on what is computed beside it, nor on the number of threads. */
class BatchInvarianceTest {

    private static final int[] OTHERS = {0, 7, 9, 64, 512};

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void rolloutsAreBitEqualAloneAndAmongOthers(String name) throws Exception {
        try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults())) {
            int vocabulary = policy.config().vocabularySize();
            List<GenerationRequest> subjects = new ArrayList<>();
            Random random = new Random(11);
            for (int length : new int[] {1, 2, 9, 16, 17, 33, 70}) {
                subjects.add(request(random, length, 24, vocabulary));
            }
            List<Rollout> alone = new ArrayList<>();
            try (Generator generator =
                    new Generator(policy, GeneratorOptions.defaults().withThreads(1))) {
                subjects.forEach(s -> alone.addAll(Generations.run(generator, List.of(s))));
            }
            for (int threads : new int[] {1, 2}) {
                for (int others : OTHERS) {
                    List<GenerationRequest> all = new ArrayList<>(subjects);
                    for (int i = 0; i < others; i++) {
                        // some share a subject's prompt, some end early, some run longer
                        all.add(
                                i % 5 == 0
                                        ? new GenerationRequest(
                                                subjects.get(i % subjects.size()).promptIds(),
                                                i,
                                                SamplingParameters.defaults(30))
                                        : request(
                                                random,
                                                1 + random.nextInt(70),
                                                1 + random.nextInt(36),
                                                vocabulary));
                    }
                    List<Integer> order = new ArrayList<>();
                    for (int i = 0; i < all.size(); i++) {
                        order.add(i);
                    }
                    Collections.shuffle(order, random);
                    try (Generator generator =
                            new Generator(
                                    policy, GeneratorOptions.defaults().withThreads(threads))) {
                        List<Rollout> together =
                                Generations.run(generator, order.stream().map(all::get).toList());
                        for (int s = 0; s < subjects.size(); s++) {
                            Rollout found = together.get(order.indexOf(s));
                            assertThat(Generations.same(found, alone.get(s)))
                                    .as(
                                            "subject %d among %d others, %d threads: %s, alone %s",
                                            s,
                                            others,
                                            threads,
                                            difference(found, alone.get(s)),
                                            alone.get(s).tokenIds().length)
                                    .isTrue();
                        }
                    }
                }
            }
        }
    }

    private static String difference(Rollout a, Rollout b) {
        for (int t = 0; t < Math.min(a.tokenIds().length, b.tokenIds().length); t++) {
            if (a.logProb()[t] != b.logProb()[t] || a.tokenIds()[t] != b.tokenIds()[t]) {
                return "token "
                        + t
                        + ": "
                        + a.tokenIds()[t]
                        + " "
                        + a.logProb()[t]
                        + ", alone "
                        + b.tokenIds()[t]
                        + " "
                        + b.logProb()[t];
            }
        }
        return "none in log-probs";
    }

    @ParameterizedTest
    @MethodSource("dev.forkpoint.policy.Fixtures#names")
    void scoresAreBitEqualAloneAndAmongOthers(String name) throws Exception {
        try (Policy policy = Policy.load(Fixtures.folder(name), PolicyOptions.defaults())) {
            int vocabulary = policy.config().vocabularySize();
            Random random = new Random(12);
            List<int[]> subjects = new ArrayList<>();
            for (int length : new int[] {1, 2, 15, 16, 17, 48, 100, 300}) {
                int[] ids = random.ints(length, 0, vocabulary).toArray();
                subjects.addAll(List.of(ids, ids)); // whole, and after a prompt: see first
            }
            int[] first = first(subjects);
            List<TokenScores> alone = new ArrayList<>();
            try (Scorer scorer = new Scorer(policy, ScorerOptions.defaults().withThreads(1))) {
                for (int s = 0; s < first.length; s++) {
                    alone.addAll(scorer.score(List.of(subjects.get(s)), new int[] {first[s]}, 0.8));
                }
            }
            for (int threads : new int[] {1, 2}) {
                try (Scorer scorer =
                        new Scorer(policy, ScorerOptions.defaults().withThreads(threads))) {
                    for (int others : OTHERS) {
                        List<int[]> all = new ArrayList<>(subjects);
                        for (int i = 0; i < others; i++) {
                            int[] other =
                                    random.ints(1 + random.nextInt(80), 0, vocabulary).toArray();
                            int[] subject = subjects.get(i % subjects.size());
                            if (i % 3 == 0) { // the same prompt
                                other = Arrays.copyOf(other, subject.length);
                                System.arraycopy(subject, 0, other, 0, subject.length * 2 / 3);
                            }
                            all.add(other);
                        }
                        Collections.shuffle(all.subList(subjects.size(), all.size()), random);
                        List<TokenScores> together = scorer.score(all, first(all), 0.8);
                        for (int s = 0; s < subjects.size(); s++) {
                            TokenScores a = together.get(s);
                            TokenScores b = alone.get(s);
                            assertThat(
                                            Arrays.equals(a.logProb(), b.logProb())
                                                    && Arrays.equals(a.entropy(), b.entropy())
                                                    && Arrays.equals(
                                                            a.collisionProbability(),
                                                            b.collisionProbability()))
                                    .as(
                                            "subject %d among %d others, %d threads",
                                            s, others, threads)
                                    .isTrue();
                        }
                    }
                }
            }
        }
    }

    private static GenerationRequest request(
            Random random, int promptLength, int maxTokens, int vocabulary) {
        return new GenerationRequest(
                random.ints(promptLength, 0, vocabulary).toArray(),
                random.nextLong(),
                SamplingParameters.defaults(maxTokens));
    }

    /** Of every other sequence, two thirds are a prompt. */
    private static int[] first(List<int[]> sequences) {
        int[] out = new int[sequences.size()];
        Arrays.setAll(out, i -> i % 2 == 0 ? 1 : Math.max(1, sequences.get(i).length * 2 / 3));
        return out;
    }
}
