package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.forkpoint.policy.tensor.Script;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Sequences packed one after the other without padding. Attention alone is computed on padded
 * groups of similar length, whose places are gathered from the packed tokens and scattered back.
 *
 * @param members indices of the sequences, shortest first
 */
record MicroBatch(int[] members) {

    /**
     * Tokens and targets come in multiples of this, filled up with ones that carry no gradient:
     * oneDNN compiles and keeps a kernel for each count it meets.
     */
    private static final int QUANTUM = 32;

    /**
     * Its tensors, owned by the scope they were made in.
     *
     * @param shapes rows and places a row of each attention group
     * @param index token in each place; empty when tokens lie in the order of the places
     * @param inverse place of each token, or empty
     * @param valid 1 where a place holds a token of its own, 0 where it is padding; empty when none
     *     is
     * @param kept token before each target; filled up with the last filling token
     */
    record Tensors(
            PtNDArray ids,
            PtNDArray positions,
            long[] shapes,
            PtNDArray index,
            PtNDArray inverse,
            PtNDArray valid,
            PtNDArray kept,
            PtNDArray target) {}

    /**
     * Cuts sequences, by length, into micro-batches of at most so many tokens, of similar size and
     * enough to keep every worker busy.
     */
    static List<MicroBatch> cut(List<TrainingSequence> sequences, int tokensAtMost, int workers) {
        Integer[] order = new Integer[sequences.size()];
        int used = 0;
        long tokens = 0;
        for (int i = 0; i < order.length; i++) {
            if (sequences.get(i).positions().length > 0) { // the others have no gradient
                order[used++] = i;
                tokens += sequences.get(i).ids().length;
            }
        }
        order = Arrays.copyOf(order, used);
        Arrays.sort(order, Comparator.comparingInt(i -> sequences.get(i).ids().length));
        long parts = (tokens + tokensAtMost - 1) / tokensAtMost;
        parts = (parts + workers - 1) / workers * workers;
        List<MicroBatch> out = new ArrayList<>();
        int from = 0;
        long left = tokens;
        while (from < used) {
            long aim = Math.min(tokensAtMost, (left + parts - 1) / Math.max(1, parts));
            int to = from + 1;
            long size = sequences.get(order[from]).ids().length;
            while (to < used) {
                int next = sequences.get(order[to]).ids().length;
                if (size + next > tokensAtMost || size + next / 2 > aim) {
                    break;
                }
                size += next;
                to++;
            }
            out.add(
                    new MicroBatch(
                            Arrays.stream(order, from, to).mapToInt(Integer::intValue).toArray()));
            from = to;
            left -= size;
            parts--;
        }
        return out;
    }

    Tensors tensors(Script script, PtNDManager scope, List<TrainingSequence> sequences) {
        int tokens = 0;
        int count = 0;
        for (int m : members) {
            tokens += sequences.get(m).ids().length;
            count += sequences.get(m).positions().length;
        }
        int filler = up(tokens + 1) - tokens;
        tokens += filler;
        long[] ids = new long[tokens];
        long[] positions = new long[tokens];
        long[] kept = new long[up(count)];
        long[] target = new long[kept.length];
        int at = 0;
        int k = 0;
        for (int m : members) {
            TrainingSequence s = sequences.get(m);
            for (int t = 0; t < s.ids().length; t++) {
                ids[at + t] = s.ids()[t];
                positions[at + t] = t;
            }
            for (int t : s.positions()) {
                kept[k] = at + t - 1;
                target[k++] = s.ids()[t];
            }
            at += s.ids().length;
        }
        for (int t = 0; t < filler; t++) {
            positions[at + t] = t;
        }
        Arrays.fill(
                kept, k, kept.length, tokens - 1); // the last filling token, whatever it predicts
        Groups groups = groups(sequences, tokens, filler);
        boolean plain = groups.index.length == tokens;
        return new Tensors(
                Script.array(scope, ids, tokens),
                Script.array(scope, positions, tokens),
                groups.shapes,
                plain ? script.none() : Script.array(scope, groups.index, groups.index.length),
                plain ? script.none() : Script.array(scope, groups.inverse, tokens),
                plain ? script.none() : Script.array(scope, groups.valid, groups.valid.length),
                Script.array(scope, kept, kept.length),
                Script.array(scope, target, target.length));
    }

    private static int up(int n) {
        return (n + QUANTUM - 1) / QUANTUM * QUANTUM;
    }

    private record Groups(long[] shapes, long[] index, long[] inverse, float[] valid) {}

    /**
     * Neighbours by length share a group while padding stays below an eighth of it; filling tokens
     * are a group of their own at the end.
     */
    private Groups groups(List<TrainingSequence> sequences, int tokens, int filler) {
        List<int[]> spans = new ArrayList<>();
        int places = 0;
        for (int from = 0, to; from < members.length; from = to) {
            int shortest = length(sequences, from);
            to = from + 1;
            while (to < members.length && length(sequences, to) - shortest <= shortest / 8) {
                to++;
            }
            spans.add(new int[] {from, to});
            places += (to - from) * length(sequences, to - 1);
        }
        places += filler;
        long[] shapes = new long[2 * (spans.size() + 1)];
        long[] index = new long[places];
        float[] valid = new float[places];
        long[] inverse = new long[tokens];
        int token = 0;
        int place = 0;
        for (int g = 0; g < spans.size(); g++) {
            int from = spans.get(g)[0];
            int to = spans.get(g)[1];
            int width = length(sequences, to - 1);
            shapes[2 * g] = to - from;
            shapes[2 * g + 1] = width;
            for (int i = from; i < to; i++) {
                for (int t = 0; t < length(sequences, i); t++) {
                    index[place + t] = token;
                    valid[place + t] = 1;
                    inverse[token++] = place + t;
                }
                place += width;
            }
        }
        shapes[shapes.length - 2] = 1;
        shapes[shapes.length - 1] = filler;
        for (int t = 0; t < filler; t++) {
            index[place] = token;
            valid[place] = 1;
            inverse[token++] = place++;
        }
        return new Groups(shapes, index, inverse, valid);
    }

    private int length(List<TrainingSequence> sequences, int member) {
        return sequences.get(members[member]).ids().length;
    }
}
