package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.forkpoint.policy.tensor.Script;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Sequences packed one after the other without padding, up to the last token that matters to each.
 * A prompt that several have in common is there once, as a row of its own. Attention alone is
 * computed on padded groups of rows of similar length, whose places are gathered from the packed
 * tokens and scattered back.
 *
 * @param rows in the order of their packed tokens
 * @param purpose what decides how rows are grouped
 */
record MicroBatch(List<Row> rows, Purpose purpose) {

    /** What sequences are packed for. */
    enum Purpose {
        /** Least work: rows are padded to what their neighbours need. */
        TRAINING,
        /** Bit-equal in any company: how a sequence is computed depends on itself alone. */
        SCORING
    }

    /**
     * Tokens {@code from} to {@code to} of a sequence. Those before {@code from} are keys of this
     * row too, but lie in the row {@code prefix}.
     *
     * @param sequence its index; of a filling row, -1
     * @param targets whether the row has its sequence's targets
     */
    record Row(int sequence, int from, int to, int prefix, boolean targets) {
        int tokens() {
            return to - from;
        }

        /** Rows of different kinds attend in different groups. */
        int kind() {
            return sequence < 0 ? 3 : !targets ? 0 : from == 0 ? 1 : 2;
        }
    }

    /**
     * Its tensors, owned by the scope they were made in.
     *
     * @param shapes rows, keys a row and queries a row of each attention group
     * @param layout as decoder.py has it: which token is in each place
     * @param kept token before each target; filled up with the last filling token
     */
    record Tensors(
            PtNDArray ids,
            PtNDArray positions,
            long[] shapes,
            PtNDArray[] layout,
            PtNDArray kept,
            PtNDArray target) {}

    /** Sequences that begin with the same so many tokens. */
    private record Family(List<Integer> members, int prefix) {}

    /**
     * Cuts sequences into micro-batches, of similar size, enough to keep every worker busy and each
     * of at most so many tokens (a shared prompt counts for each sequence: keys take memory).
     */
    static List<MicroBatch> cut(
            List<TrainingSequence> sequences, int tokensAtMost, int workers, Purpose purpose) {
        List<Family> families = families(sequences);
        long left = 0;
        for (Family f : families) {
            left += f.prefix;
            for (int m : f.members) {
                left += sequences.get(m).inputs() - f.prefix;
            }
        }
        long parts = (left + tokensAtMost - 1) / tokensAtMost;
        parts = (parts + workers - 1) / workers * workers;
        List<MicroBatch> out = new ArrayList<>();
        List<Family> taken = new ArrayList<>();
        long keys = 0;
        long tokens = 0;
        for (Family f : families) {
            List<Integer> members = new ArrayList<>();
            for (int m : f.members) {
                int length = sequences.get(m).inputs();
                long more = length - (members.isEmpty() ? 0 : f.prefix);
                long aim = (left + parts - 1) / Math.max(1, parts);
                if (tokens > 0 && (keys + length > tokensAtMost || tokens + more / 2 > aim)) {
                    taken.add(new Family(members, f.prefix));
                    out.add(of(taken, sequences, purpose));
                    taken = new ArrayList<>();
                    members = new ArrayList<>();
                    left -= tokens;
                    parts--;
                    keys = 0;
                    tokens = 0;
                    more = length;
                }
                members.add(m);
                keys += length;
                tokens += more;
            }
            taken.add(new Family(members, f.prefix));
        }
        if (tokens > 0) {
            out.add(of(taken, sequences, purpose));
        }
        return out;
    }

    /** The sequences that have positions, by prompt; those with the shortest sequences first. */
    private static List<Family> families(List<TrainingSequence> sequences) {
        Map<IntBuffer, List<Integer>> byPrompt = new LinkedHashMap<>();
        List<Family> out = new ArrayList<>();
        for (int i = 0; i < sequences.size(); i++) {
            TrainingSequence s = sequences.get(i);
            int shared = s.promptLength() - 1; // the last token's follower may be a target
            if (s.positions().length == 0) {
                continue;
            } else if (shared <= 0) {
                out.add(new Family(List.of(i), 0));
            } else {
                byPrompt.computeIfAbsent(
                                IntBuffer.wrap(s.ids(), 0, shared), key -> new ArrayList<>())
                        .add(i);
            }
        }
        Comparator<Integer> byLength = Comparator.comparingInt(i -> sequences.get(i).inputs());
        byPrompt.forEach(
                (prompt, members) -> {
                    members.sort(byLength);
                    out.add(new Family(members, prompt.remaining()));
                });
        out.sort(Comparator.comparing(f -> f.members.get(f.members.size() - 1), byLength));
        return out;
    }

    private static MicroBatch of(
            List<Family> families, List<TrainingSequence> sequences, Purpose purpose) {
        int fewest = purpose == Purpose.SCORING ? 1 : 2; // members for which a prefix is split off
        List<Row> prefixes = new ArrayList<>();
        List<Row> rows = new ArrayList<>();
        for (Family f : families) {
            boolean shared = f.prefix > 0 && f.members.size() >= fewest;
            if (shared) {
                prefixes.add(new Row(f.members.get(0), 0, f.prefix, -1, false));
            }
            for (int m : f.members) {
                int length = sequences.get(m).inputs();
                rows.add(
                        shared
                                ? new Row(m, f.prefix, length, prefixes.size() - 1, true)
                                : new Row(m, 0, length, -1, true));
            }
        }
        rows.sort(
                purpose == Purpose.SCORING
                        ? Comparator.comparingInt(MicroBatch::width)
                                .thenComparingInt(MicroBatch::first)
                        : Comparator.comparingInt(Row::kind).thenComparingInt(Row::to));
        prefixes.addAll(rows);
        return new MicroBatch(prefixes, purpose);
    }

    /** Indices of the sequences in the order in which {@code kept} has their targets. */
    int[] members() {
        return rows.stream().filter(Row::targets).mapToInt(Row::sequence).toArray();
    }

    /**
     * @param quantum tokens and targets come in multiples of this, filled up with ones that nobody
     *     looks at
     * @param rowsAtLeast rows of an attention group, filled up likewise
     */
    Tensors tensors(
            Script script,
            PtNDManager scope,
            List<TrainingSequence> sequences,
            int quantum,
            int rowsAtLeast) {
        int used = rows.stream().mapToInt(Row::tokens).sum();
        int count = 0;
        for (int m : members()) {
            count += sequences.get(m).positions().length;
        }
        List<Row> all = new ArrayList<>(rows);
        all.add(new Row(-1, 0, Batching.up(used + 1, quantum) - used, -1, false));
        int tokens = Batching.up(used + 1, quantum);
        long[] ids = new long[tokens];
        long[] positions = new long[tokens];
        long[] kept = new long[Batching.up(count, quantum)];
        long[] target = new long[kept.length];
        int[] start = new int[all.size()]; // token 0 of each row's sequence, were it in this row
        int at = 0;
        int k = 0;
        for (int r = 0; r < start.length; r++) {
            Row row = all.get(r);
            start[r] = at - row.from;
            for (int t = row.from; t < row.to; t++) {
                ids[at] = row.sequence < 0 ? 0 : sequences.get(row.sequence).ids()[t];
                positions[at++] = row.sequence < 0 ? 0 : t; // a short context has no place 95
            }
            if (row.targets) {
                TrainingSequence s = sequences.get(row.sequence);
                for (int t : s.positions()) {
                    kept[k] = start[r] + t - 1;
                    target[k++] = s.ids()[t];
                }
            }
        }
        Arrays.fill(
                kept, k, kept.length, tokens - 1); // the last filling token, whatever it predicts
        List<Group> groups = new ArrayList<>();
        for (int from = 0; from < start.length; from = groups.get(groups.size() - 1).end) {
            groups.add(group(all, from, rowsAtLeast));
        }
        return new Tensors(
                Script.array(scope, ids, tokens),
                Script.array(scope, positions, tokens),
                groups.stream()
                        .flatMapToLong(g -> LongStream.of(g.rows(), g.width, g.queries()))
                        .toArray(),
                layout(script, scope, all, start, groups, tokens),
                Script.array(scope, kept, kept.length),
                Script.array(scope, target, target.length));
    }

    /** Keys of a scored row. */
    private static int width(Row row) {
        return Batching.width(row.to);
    }

    /** The first query of a scored row. */
    private static int first(Row row) {
        return row.from / Batching.SEQUENCE * Batching.SEQUENCE;
    }

    /**
     * Rows begin to end attend together, and as many more as are missing: keys in places 0 to
     * width, queries in those from first.
     */
    private record Group(int begin, int end, int rows, int width, int first) {
        int queries() {
            return width - first;
        }
    }

    /**
     * Neighbours share a group while padding stays below an eighth of it, at their end and, of
     * queries, at their beginning.
     */
    private Group group(List<Row> rows, int begin, int rowsAtLeast) {
        Row row = rows.get(begin);
        if (purpose == Purpose.SCORING) {
            int end = begin + 1;
            while (end < rows.size()
                    && width(rows.get(end)) == width(row)
                    && first(rows.get(end)) == first(row)) {
                end++;
            }
            return new Group(
                    begin, end, Math.max(rowsAtLeast, end - begin), width(row), first(row));
        }
        int leastFrom = row.from;
        int mostFrom = row.from;
        int leastTo = row.to;
        int mostTo = row.to;
        int end = begin + 1;
        for (; end < rows.size() && rows.get(end).kind() == row.kind(); end++) {
            int from1 = Math.min(leastFrom, rows.get(end).from);
            int from2 = Math.max(mostFrom, rows.get(end).from);
            int to1 = Math.min(leastTo, rows.get(end).to);
            int to2 = Math.max(mostTo, rows.get(end).to);
            if (to2 - to1 > to2 / 8 || from2 - from1 > to2 / 8) {
                break;
            }
            leastFrom = from1;
            mostFrom = from2;
            leastTo = to1;
            mostTo = to2;
        }
        return new Group(begin, end, Math.max(rowsAtLeast, end - begin), mostTo, leastFrom);
    }

    /** Which token is in each place, as decoder.py has it. */
    private static PtNDArray[] layout(
            Script script,
            PtNDManager scope,
            List<Row> rows,
            int[] start,
            List<Group> groups,
            int tokens) {
        long[] keys = new long[groups.stream().mapToInt(g -> g.rows() * g.width).sum()];
        long[] queries = new long[groups.stream().mapToInt(g -> g.rows() * g.queries()).sum()];
        float[] valid = new float[queries.length];
        long[] keyPlace = new long[tokens];
        long[] queryPlace = new long[tokens];
        int shared = rows.stream().filter(r -> r.prefix >= 0).mapToInt(Row::from).sum();
        long[] twins = new long[shared];
        long[] twinTokens = new long[shared];
        int key = 0;
        int query = 0;
        int twin = 0;
        for (Group group : groups) {
            for (int r = group.begin; r < group.end; r++) {
                Row row = rows.get(r);
                for (int t = 0; t < row.from; t++) {
                    keys[key + t] = start[row.prefix] + t;
                    twins[twin] = key + t;
                    twinTokens[twin++] = start[row.prefix] + t;
                }
                for (int t = row.from; t < row.to; t++) {
                    int token = start[r] + t;
                    keys[key + t] = token;
                    keyPlace[token] = key + t;
                    int place = query + t - group.first;
                    queries[place] = token;
                    queryPlace[token] = place;
                    valid[place] = 1;
                }
                key += group.width;
                query += group.queries();
            }
            key += (group.rows - group.end + group.begin) * group.width;
            query += (group.rows - group.end + group.begin) * group.queries();
        }
        PtNDArray[] out = new PtNDArray[8];
        Arrays.fill(out, script.none());
        out[7] = Script.array(scope, rows(rows, start), rows.size(), 4);
        if (keys.length == tokens) {
            return out; // tokens lie in the order of the places
        }
        out[0] = Script.array(scope, queries, queries.length);
        out[1] = Script.array(scope, keys, keys.length);
        out[2] = Script.array(scope, queryPlace, tokens);
        out[3] = Script.array(scope, keyPlace, tokens);
        if (shared > 0) {
            out[4] = Script.array(scope, twins, shared);
            out[5] = Script.array(scope, twinTokens, shared);
        }
        if (queries.length > tokens) {
            out[6] = Script.array(scope, valid, valid.length);
        }
        return out;
    }

    /** Begin and number of each row's own tokens, and of its prompt's that lie in another row. */
    private static long[] rows(List<Row> rows, int[] start) {
        long[] out = new long[4 * rows.size()];
        for (int r = 0; r < start.length; r++) {
            Row row = rows.get(r);
            out[4 * r] = start[r] + row.from;
            out[4 * r + 1] = row.tokens();
            if (row.prefix >= 0) {
                out[4 * r + 2] = start[row.prefix];
                out[4 * r + 3] = row.from;
            }
        }
        return out;
    }
}
