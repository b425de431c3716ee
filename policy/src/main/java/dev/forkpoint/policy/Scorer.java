package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.forkpoint.policy.tensor.Script;
import dev.forkpoint.policy.tensor.Workers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Scores given sequences. Scores are bit-equal whatever else is scored along and with however many
 * threads. Thread-safe. Takes over the policy's weights as they are when it is made.
 */
public final class Scorer implements AutoCloseable {

    /** Logits of one block of the head, in elements: 16 MiB. */
    private static final int LOGITS_AT_ONCE = 4 << 20;

    private final Policy policy;
    private final ScorerOptions options;
    private final Workers workers;
    private final IValue weights;
    private final int chunk;

    public Scorer(Policy policy, ScorerOptions options) {
        this.policy = policy;
        this.options = options;
        workers = new Workers(policy.threads(options.threads()), "forkpoint-scorer");
        Script.prepareThread();
        weights = policy.script().call("pack", policy.flat(), policy.dims());
        chunk = headChunk(policy.config().vocabularySize());
    }

    /** Positions whose logits are formed at once; a function of the vocabulary alone. */
    static int headChunk(int vocabulary) {
        int block = vocabulary <= 16384 ? vocabulary : 8192; // as head_block in decoder.py
        return Math.max(1, Math.min(4096, LOGITS_AT_ONCE / block) / Batching.PACKED)
                * Batching.PACKED;
    }

    /**
     * @param sequences token ids, each of 1 to {@code maxPositions} tokens
     * @param temperature logits are divided by it, above 0
     * @return one for each sequence, in order
     * @throws IllegalArgumentException naming sequence and index if an id lies outside the
     *     vocabulary, or a sequence is empty or too long
     */
    public List<TokenScores> score(List<int[]> sequences, double temperature) {
        int[] first = new int[sequences.size()];
        Arrays.fill(first, 1);
        return score(sequences, first, temperature);
    }

    /**
     * As the other, from the token at {@code first} on: those before are a prompt, computed once
     * for all sequences that have it, and have no scores (NaN).
     *
     * @param first for each sequence, 1 to its length
     */
    public List<TokenScores> score(List<int[]> sequences, int[] first, double temperature) {
        check(sequences, temperature);
        TokenScores[] out = new TokenScores[sequences.size()];
        Arrays.setAll(out, s -> unscored(sequences.get(s).length));
        List<TrainingSequence> wanted = wanted(sequences, first);
        List<MicroBatch> batches = batches(wanted);
        workers.run(
                batches.size(),
                (worker, part) -> {
                    int[] members = batches.get(part).members();
                    try (PtNDManager scope = policy.script().newScope()) {
                        MicroBatch.Tensors t = tensors(batches.get(part), scope, wanted);
                        float[] scores =
                                policy.script()
                                        .tensor(
                                                scope,
                                                "score",
                                                weights,
                                                policy.rotations(),
                                                t.ids(),
                                                t.positions(),
                                                t.shapes(),
                                                t.layout(),
                                                t.kept(),
                                                t.target(),
                                                temperature,
                                                chunk,
                                                policy.dims(),
                                                policy.config().normEpsilon())
                                        .toFloatArray();
                        int m = scores.length / 3;
                        int at = 0;
                        for (int s : members) {
                            int n = wanted.get(s).positions().length;
                            copy(scores, at, n, out[s].logProb());
                            copy(scores, m + at, n, out[s].entropy());
                            copy(scores, 2 * m + at, n, out[s].collisionProbability());
                            at += n;
                        }
                    }
                });
        return Arrays.asList(out);
    }

    private static TokenScores unscored(int length) {
        float[][] none = new float[3][length];
        for (float[] values : none) {
            Arrays.fill(values, Float.NaN);
        }
        return new TokenScores(none[0], none[1], none[2]);
    }

    /** Into the last n elements. */
    private static void copy(float[] scores, int at, int n, float[] out) {
        System.arraycopy(scores, at, out, out.length - n, n);
    }

    private static List<TrainingSequence> wanted(List<int[]> sequences, int[] first) {
        List<TrainingSequence> out = new ArrayList<>();
        for (int s = 0; s < first.length; s++) {
            int[] ids = sequences.get(s);
            if (first[s] < 1 || first[s] > ids.length) {
                throw new IllegalArgumentException(
                        "first[%d]: %d (expected: 1 to %d)".formatted(s, first[s], ids.length));
            }
            out.add(
                    new TrainingSequence(
                            ids, first[s], IntStream.range(first[s], ids.length).toArray()));
        }
        return out;
    }

    /** The longest first, so that none waits for it. */
    private List<MicroBatch> batches(List<TrainingSequence> wanted) {
        List<MicroBatch> out =
                MicroBatch.cut(
                        wanted,
                        options.tokensPerBatch(),
                        workers.count(),
                        MicroBatch.Purpose.SCORING);
        Collections.reverse(out);
        return out;
    }

    private MicroBatch.Tensors tensors(
            MicroBatch batch, PtNDManager scope, List<TrainingSequence> wanted) {
        return batch.tensors(
                policy.script(),
                scope,
                wanted,
                Batching.PACKED,
                Batching.attentionRows(policy.config()));
    }

    /**
     * The k likeliest tokens of each position and the rank of the sequence's own token.
     *
     * @param k 1 to the size of the vocabulary
     */
    public List<TopScores> top(List<int[]> sequences, double temperature, int k) {
        check(sequences, temperature);
        if (k < 1 || k > policy.config().vocabularySize()) {
            throw new IllegalArgumentException(
                    "k: " + k + " (expected: 1 to " + policy.config().vocabularySize() + ")");
        }
        TopScores[] out = new TopScores[sequences.size()];
        Arrays.setAll(
                out,
                s -> {
                    int length = sequences.get(s).length;
                    return new TopScores(new int[length][0], new float[length][0], new int[length]);
                });
        int[] first = new int[sequences.size()];
        Arrays.fill(first, 1);
        List<TrainingSequence> wanted = wanted(sequences, first);
        List<MicroBatch> batches = batches(wanted);
        workers.run(
                batches.size(),
                (worker, part) -> {
                    MicroBatch batch = batches.get(part);
                    try (PtNDManager scope = policy.script().newScope()) {
                        MicroBatch.Tensors t = tensors(batch, scope, wanted);
                        try (IValue result =
                                policy.script()
                                        .call(
                                                "score_top",
                                                weights,
                                                policy.rotations(),
                                                t.ids(),
                                                t.positions(),
                                                t.shapes(),
                                                t.layout(),
                                                t.kept(),
                                                t.target(),
                                                temperature,
                                                chunk,
                                                k,
                                                policy.dims(),
                                                policy.config().normEpsilon())) {
                            IValue[] parts = result.toIValueTuple();
                            try (IValue ids = parts[0];
                                    IValue logProbs = parts[1];
                                    IValue ranks = parts[2]) {
                                tops(
                                        out,
                                        batch.members(),
                                        k,
                                        ids.toTensor(scope).toLongArray(),
                                        logProbs.toTensor(scope).toFloatArray(),
                                        ranks.toTensor(scope).toLongArray());
                            }
                        }
                    }
                });
        return Arrays.asList(out);
    }

    private static void tops(
            TopScores[] out, int[] members, int k, long[] ids, float[] logProbs, long[] higher) {
        int at = 0;
        for (int s : members) {
            TopScores scores = out[s];
            for (int t = 1; t < scores.rank().length; t++, at++) {
                int row = at * k;
                int[] tokenIds = new int[k];
                for (int j = 0; j < k; j++) {
                    tokenIds[j] = (int) ids[row + j];
                }
                scores.tokenIds()[t] = tokenIds;
                scores.logProb()[t] = Arrays.copyOfRange(logProbs, row, row + k);
                scores.rank()[t] = (int) higher[at] + 1;
            }
        }
    }

    private void check(List<int[]> sequences, double temperature) {
        checkTemperature(temperature);
        for (int s = 0; s < sequences.size(); s++) {
            checkSequence(policy, s, sequences.get(s));
        }
    }

    static void checkTemperature(double temperature) {
        if (!(temperature >= 1e-3 && temperature <= SamplingParameters.MAX_TEMPERATURE)) {
            throw new IllegalArgumentException(
                    "temperature: " + temperature + " (expected: 0.001 to 100)");
        }
    }

    static void checkSequence(Policy policy, int number, int[] ids) {
        if (ids.length == 0 || ids.length > policy.config().maxPositions()) {
            throw new IllegalArgumentException(
                    "sequences["
                            + number
                            + "]: "
                            + ids.length
                            + " tokens (expected: 1 to "
                            + policy.config().maxPositions()
                            + ")");
        }
        policy.checkIds("sequences[" + number + "]", ids);
    }

    /** Waits for nothing: close it when no score call is under way. */
    @Override
    public void close() {
        workers.close();
        weights.close();
    }
}
