package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.forkpoint.policy.tensor.Script;
import dev.forkpoint.policy.tensor.Workers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

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
        weights = policy.script().call("pack", policy.flat(), policy.dims(), Generator.PACKED_ROWS);
        chunk = headChunk(policy.config().vocabularySize());
    }

    /** Positions whose logits are formed at once; a function of the vocabulary alone. */
    static int headChunk(int vocabulary) {
        int block = vocabulary <= 16384 ? vocabulary : 8192; // as head_block in decoder.py
        return Batching.targets(Math.max(1, Math.min(4000, LOGITS_AT_ONCE / block - 95)));
    }

    /**
     * Sequences of one width that are computed side by side: rows of a padded batch, and where each
     * scored position lies in it.
     */
    private record Batch(int[] members, int width) {}

    /**
     * @param sequences token ids, each of 1 to {@code maxPositions} tokens
     * @param temperature logits are divided by it, above 0
     * @return one for each sequence, in order
     * @throws IllegalArgumentException naming sequence and index if an id lies outside the
     *     vocabulary, or a sequence is empty or too long
     */
    public List<TokenScores> score(List<int[]> sequences, double temperature) {
        check(sequences, temperature);
        TokenScores[] out = new TokenScores[sequences.size()];
        List<Batch> batches = batches(sequences);
        workers.run(
                batches.size(),
                (worker, part) -> {
                    Batch batch = batches.get(part);
                    try (PtNDManager scope = policy.script().newScope()) {
                        Positions p = positions(scope, batch, sequences);
                        float[] scores =
                                policy.script()
                                        .tensor(
                                                scope,
                                                "score",
                                                weights,
                                                policy.rotations(),
                                                p.ids,
                                                p.kept,
                                                p.target,
                                                temperature,
                                                chunk,
                                                policy.dims(),
                                                policy.config().normEpsilon())
                                        .toFloatArray();
                        int m = scores.length / 3;
                        int at = 0;
                        for (int s : batch.members) {
                            int length = sequences.get(s).length;
                            out[s] =
                                    new TokenScores(
                                            from(scores, at, length),
                                            from(scores, m + at, length),
                                            from(scores, 2 * m + at, length));
                            at += length - 1;
                        }
                    }
                });
        return Arrays.asList(out);
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
        List<Batch> batches = batches(sequences);
        workers.run(
                batches.size(),
                (worker, part) -> {
                    Batch batch = batches.get(part);
                    try (PtNDManager scope = policy.script().newScope()) {
                        Positions p = positions(scope, batch, sequences);
                        try (IValue result =
                                policy.script()
                                        .call(
                                                "score_top",
                                                weights,
                                                policy.rotations(),
                                                p.ids,
                                                p.kept,
                                                p.target,
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
                                        batch,
                                        sequences,
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
            TopScores[] out,
            Batch batch,
            List<int[]> sequences,
            int k,
            long[] ids,
            float[] logProbs,
            long[] higher) {
        int at = 0;
        for (int s : batch.members) {
            int length = sequences.get(s).length;
            int[][] tokenIds = new int[length][];
            float[][] logProb = new float[length][];
            int[] rank = new int[length];
            tokenIds[0] = new int[0];
            logProb[0] = new float[0];
            for (int t = 1; t < length; t++, at++) {
                int row = at * k;
                tokenIds[t] = new int[k];
                for (int j = 0; j < k; j++) {
                    tokenIds[t][j] = (int) ids[row + j];
                }
                logProb[t] = Arrays.copyOfRange(logProbs, row, row + k);
                rank[t] = (int) higher[at] + 1;
            }
            out[s] = new TopScores(tokenIds, logProb, rank);
        }
    }

    private record Positions(PtNDArray ids, PtNDArray kept, PtNDArray target) {}

    private Positions positions(PtNDManager scope, Batch batch, List<int[]> sequences) {
        int width = batch.width;
        int rows = Batching.sequences(batch.members.length, width, policy.config());
        int count = 0;
        for (int s : batch.members) {
            count += sequences.get(s).length - 1;
        }
        int padded = Batching.targets(count);
        long[] ids = new long[rows * width];
        long[] kept = new long[padded];
        long[] target = new long[padded];
        int m = 0;
        for (int b = 0; b < batch.members.length; b++) {
            int[] sequence = sequences.get(batch.members[b]);
            for (int t = 0; t < sequence.length; t++) {
                ids[b * width + t] = sequence[t];
                if (t > 0) {
                    kept[m] = (long) b * width + t - 1;
                    target[m++] = sequence[t];
                }
            }
        }
        return new Positions(
                Script.array(scope, ids, rows, width),
                Script.array(scope, kept, padded),
                Script.array(scope, target, padded));
    }

    /** Sequences of equal width together, in parts that keep every worker busy. */
    private List<Batch> batches(List<int[]> sequences) {
        Integer[] order = new Integer[sequences.size()];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingInt(i -> sequences.get(i).length));
        long tokens = 0;
        for (int[] s : sequences) {
            tokens += Batching.width(s.length);
        }
        long budget =
                Math.max(
                        1,
                        Math.min(
                                options.tokensPerBatch(),
                                (tokens + workers.count() - 1) / workers.count()));
        List<Batch> out = new ArrayList<>();
        int from = 0;
        while (from < order.length) {
            int width = Batching.width(sequences.get(order[from]).length);
            int to = from + 1;
            while (to < order.length
                    && Batching.width(sequences.get(order[to]).length) == width
                    && (to + 1L - from) * width <= budget) {
                to++;
            }
            int[] members = new int[to - from];
            for (int i = from; i < to; i++) {
                members[i - from] = order[i];
            }
            out.add(new Batch(members, width));
            from = to;
        }
        out.sort(
                Comparator.comparingLong(
                        (Batch b) ->
                                -(long) b.members.length
                                        * b.width)); // the longest first, so that none waits for it
        return out;
    }

    private static float[] from(float[] scores, int at, int length) {
        float[] out = new float[length];
        out[0] = Float.NaN;
        System.arraycopy(scores, at, out, 1, length - 1);
        return out;
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
