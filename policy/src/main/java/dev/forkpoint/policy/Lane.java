package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.forkpoint.policy.sampling.Uniform;
import dev.forkpoint.policy.tensor.Script;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The rows that one worker thread decodes side by side. Each row's keys and values begin at slot 0
 * of its own part of the cache, so a row computes the same bits whatever stands beside it. Used by
 * one thread.
 */
final class Lane implements AutoCloseable {

    /** Prompt tokens, padding included, computed at once. */
    private static final int PREFILL_TOKENS = 2048;

    /** In place of a uniform number. */
    private static final float LIKELIEST = -1;

    private final Policy policy;
    private final Script script;
    private final IValue weights;
    private final int steps;
    private final long bytesPerSlot;
    private final long[] dims;
    private final double epsilon;
    private final int vocabulary;

    private @Nullable Response[] rows = new Response[0];
    private int slots;
    private int active;
    private @Nullable IValue cache;

    Lane(Policy policy, IValue weights, int steps) {
        this.policy = policy;
        this.weights = weights;
        this.steps = steps;
        script = policy.script();
        dims = policy.dims();
        epsilon = policy.config().normEpsilon();
        vocabulary = policy.config().vocabularySize();
        bytesPerSlot = bytesPerSlot(policy.config());
    }

    static long bytesPerSlot(ModelConfig c) {
        return 2L * c.layers() * c.keyValueHeads() * c.headDimension() * Float.BYTES;
    }

    /** Slots that a response of this prompt and most tokens may come to need. */
    static int slots(int promptTokens, int limit, ModelConfig c) {
        return Batching.slots(promptTokens - 1 + limit, c);
    }

    /** Bytes of a cache for so many responses of so many slots. */
    static long cacheBytes(int responses, int slots, ModelConfig c) {
        return Batching.rows(responses, c) * (long) slots * bytesPerSlot(c);
    }

    int active() {
        return active;
    }

    /** Bytes that the cache would take with these responses beside the running ones. */
    long bytesWith(List<Response> more, Response another) {
        int needed = Math.max(another.slots, slotsNeeded(more));
        return Batching.rows(active + more.size() + 1, policy.config())
                * (long) needed
                * bytesPerSlot;
    }

    private int slotsNeeded(List<Response> more) {
        int needed = 0;
        for (Response r : rows) {
            needed = r == null ? needed : Math.max(needed, r.slots);
        }
        for (Response r : more) {
            needed = Math.max(needed, r.slots);
        }
        return needed;
    }

    /**
     * Takes in new responses: prompts are computed once each, or copied from a row that has the
     * same.
     */
    void admit(List<Response> arrivals) {
        if (arrivals.isEmpty()) {
            return;
        }
        layOut(active + arrivals.size(), slotsNeeded(arrivals));
        int[] rowOf = new int[arrivals.size()];
        int free = 0;
        for (int i = 0; i < rowOf.length; i++) {
            while (rows[free] != null) {
                free++;
            }
            rowOf[i] = free++;
        }
        List<Response> leaders = new ArrayList<>(); // first of each new prompt
        int[] leaderOf = new int[rowOf.length];
        List<long[]> copies = new ArrayList<>(); // {to, from, tokens}
        for (int i = 0; i < rowOf.length; i++) {
            Response r = arrivals.get(i);
            int twin = runningTwin(r);
            leaderOf[i] = -1;
            if (twin >= 0) {
                copies.add(new long[] {rowOf[i], twin, r.promptLength() - 1});
                continue;
            }
            for (int j = 0; j < leaders.size() && leaderOf[i] < 0; j++) {
                leaderOf[i] = leaders.get(j).samePrompt(r) ? j : -1;
            }
            if (leaderOf[i] < 0) {
                leaderOf[i] = leaders.size();
                leaders.add(r);
            }
        }
        try (PtNDManager scope = script.newScope()) {
            for (long[] c : copies) {
                if (c[2] > 0) {
                    place(scope, new long[] {c[0]}, liveCache(), new long[] {c[1]}, c[2]);
                }
            }
        }
        prefill(leaders, leaderOf, rowOf);
        for (int i = 0; i < rowOf.length; i++) {
            rows[rowOf[i]] = arrivals.get(i);
        }
        active += rowOf.length;
    }

    private int runningTwin(Response r) {
        for (int i = 0; i < rows.length; i++) {
            Response other = rows[i];
            if (other != null && other.samePrompt(r)) {
                return i;
            }
        }
        return -1;
    }

    /**
     * Each new prompt once, without its last token, which the first decode step reads; prompts of
     * one width together.
     */
    private void prefill(List<Response> leaders, int[] leaderOf, int[] rowOf) {
        Integer[] order = new Integer[leaders.size()];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, java.util.Comparator.comparingInt(i -> leaders.get(i).promptLength()));
        int from = 0;
        while (from < order.length) {
            int width = Batching.width(leaders.get(order[from]).promptLength() - 1);
            int to = from + 1;
            while (to < order.length
                    && Batching.width(leaders.get(order[to]).promptLength() - 1) == width
                    && (to + 1 - from) * width <= PREFILL_TOKENS) {
                to++;
            }
            if (width > 0) {
                prefill(leaders, Arrays.copyOfRange(order, from, to), width, leaderOf, rowOf);
            }
            from = to;
        }
    }

    private void prefill(
            List<Response> leaders, Integer[] members, int width, int[] leaderOf, int[] rowOf) {
        int batch = Batching.sequences(members.length, width);
        long[] ids = new long[batch * width];
        long[] lengths = new long[batch];
        int[] placeOf = new int[leaders.size()];
        Arrays.fill(placeOf, -1);
        for (int b = 0; b < members.length; b++) {
            int[] prompt = leaders.get(members[b]).request.promptIds();
            lengths[b] = prompt.length - 1;
            for (int t = 0; t < lengths[b]; t++) {
                ids[b * width + t] = prompt[t];
            }
            placeOf[members[b]] = b;
        }
        int count = 0;
        long[] to = new long[rowOf.length];
        long[] source = new long[rowOf.length];
        for (int i = 0; i < rowOf.length; i++) {
            if (leaderOf[i] >= 0 && placeOf[leaderOf[i]] >= 0) {
                to[count] = rowOf[i];
                source[count++] = placeOf[leaderOf[i]];
            }
        }
        try (PtNDManager scope = script.newScope();
                IValue computed =
                        script.call(
                                "prefill",
                                weights,
                                policy.rotations(),
                                Script.array(scope, ids, batch, width),
                                Script.array(scope, lengths, batch),
                                dims,
                                epsilon)) {
            place(scope, Arrays.copyOf(to, count), computed, Arrays.copyOf(source, count), width);
        }
    }

    private void place(PtNDManager scope, long[] to, IValue source, long[] from, long used) {
        script.run(
                "place",
                liveCache(),
                Script.array(scope, to, to.length),
                source,
                Script.array(scope, from, from.length),
                used);
    }

    /**
     * Room for so many responses of so many slots: keeps what fits, else moves the running rows
     * together into a cache that does.
     */
    private void layOut(int responses, int slotsNeeded) {
        int wanted = Batching.rows(responses, policy.config());
        boolean wasteful = (long) rows.length * slots > 2L * wanted * slotsNeeded;
        if (cache == null || rows.length < wanted || slots < slotsNeeded || wasteful) {
            move(wanted, slotsNeeded);
        }
    }

    private void move(int rowsWanted, int slotsWanted) {
        @Nullable Response[] next = new Response[rowsWanted];
        long[] picked = new long[rowsWanted];
        int at = 0;
        int used = 0;
        for (int i = 0; i < rows.length; i++) {
            Response r = rows[i];
            if (r != null) {
                picked[at] = i;
                next[at++] = r;
                used = Math.max(used, r.position());
            }
        }
        if (cache != null && at > 0) {
            try (PtNDManager scope = script.newScope()) {
                script.run(
                        "reshape_cache",
                        cache,
                        Script.array(scope, picked, rowsWanted),
                        used,
                        slotsWanted);
            }
        } else {
            free();
            cache = script.call("cache", rowsWanted, slotsWanted, dims, script.none());
        }
        rows = next;
        slots = slotsWanted;
    }

    /** Ends responses that were cancelled or are late. */
    void dropUnwanted() {
        for (int i = 0; i < rows.length; i++) {
            Response r = rows[i];
            if (r != null && r.cancelled) {
                end(i, FinishReason.CANCELLED);
            } else if (r != null && r.late()) {
                rows[i] = null;
                active--;
                r.tellLate();
            }
        }
    }

    private void end(int row, FinishReason reason) {
        Response r = Objects.requireNonNull(rows[row]);
        rows[row] = null;
        active--;
        r.tellFinished(reason);
    }

    /** The next tokens of every row. Does nothing when there is none. */
    void decode() {
        if (active == 0) {
            return;
        }
        int n = rows.length;
        int remaining = 0;
        int last = 0;
        boolean scaled = false;
        boolean filtered = false;
        for (Response r : rows) {
            if (r != null) {
                SamplingParameters s = r.request.sampling();
                remaining = Math.max(remaining, r.limit - r.length());
                last = Math.max(last, r.position());
                scaled |= s.temperature() != 0 && s.temperature() != 1;
                filtered |= s.filters();
            }
        }
        int count = Math.min(steps, remaining);
        long[] next = new long[n];
        long[] at = new long[n];
        long[] prefixes = new long[2 * n];
        float[] uniform = new float[n * count];
        float[] temperature = new float[scaled ? n : 0];
        float[] filters = new float[filtered ? 3 * n : 0];
        Arrays.fill(temperature, 1);
        for (int b = 0; b < n; b++) {
            Response r = rows[b];
            if (filtered) {
                filters[3 * b] = vocabulary;
                filters[3 * b + 1] = 1;
            }
            prefixes[2 * b] = b;
            if (r == null) {
                continue;
            }
            int twin = runningTwin(r); // the first of those with this prompt
            prefixes[2 * b] = twin;
            prefixes[2 * b + 1] = twin == b ? 0 : r.promptLength() - 1;
            SamplingParameters s = r.request.sampling();
            next[b] = r.lastToken();
            at[b] = r.position();
            for (int step = 0; step < count; step++) {
                uniform[b * count + step] =
                        s.temperature() == 0
                                ? LIKELIEST
                                : Uniform.at(r.request.seed(), r.length() + step);
            }
            if (scaled && s.temperature() != 0) {
                temperature[b] = (float) s.temperature();
            }
            if (filtered) {
                filters[3 * b] = s.topK() == 0 ? vocabulary : s.topK();
                filters[3 * b + 1] = (float) s.topP();
                filters[3 * b + 2] = (float) s.minP();
            }
        }
        try (PtNDManager scope = script.newScope();
                IValue result =
                        script.call(
                                "decode",
                                weights,
                                liveCache(),
                                policy.rotations(),
                                Script.array(scope, next, n),
                                Script.array(scope, at, n),
                                Script.array(scope, prefixes, n, 2),
                                last,
                                Script.array(scope, uniform, n, count),
                                optional(scope, temperature, temperature.length),
                                filtered ? Script.array(scope, filters, n, 3) : script.none(),
                                dims,
                                epsilon)) {
            IValue[] parts = result.toIValueTuple();
            try (IValue tokens = parts[0];
                    IValue statistics = parts[1]) {
                deliver(
                        tokens.toTensor(scope).toLongArray(),
                        statistics.toTensor(scope).toFloatArray(),
                        n,
                        count);
            }
        }
    }

    private PtNDArray optional(PtNDManager scope, float[] values, int n) {
        return n == 0 ? script.none() : Script.array(scope, values, n);
    }

    /**
     * @param tokens [steps, rows]
     * @param statistics log-prob, entropy, collision probability, [steps, 3, rows]
     */
    private void deliver(long[] tokens, float[] statistics, int n, int count) {
        for (int b = 0; b < n; b++) {
            Response r = rows[b];
            if (r == null) {
                continue;
            }
            int before = r.length();
            boolean ended = false;
            for (int s = 0; s < count && !ended; s++) {
                int at = 3 * s * n + b;
                ended =
                        r.append(
                                (int) tokens[s * n + b],
                                statistics[at],
                                statistics[at + n],
                                statistics[at + 2 * n]);
            }
            if (ended) {
                end(b, r.stopped() ? FinishReason.STOP : FinishReason.LENGTH);
            } else {
                r.tellTokens(before);
            }
        }
        int wanted = Batching.rows(active, policy.config());
        if (active > 0
                && wanted <= rows.length * 3 / 4) { // a smaller batch pays for moving its rows
            move(wanted, slots);
        }
    }

    private IValue liveCache() {
        return Objects.requireNonNull(cache);
    }

    /** Fails every row. */
    void failAll(Throwable cause) {
        for (int i = 0; i < rows.length; i++) {
            Response r = rows[i];
            if (r != null) {
                rows[i] = null;
                active--;
                r.tellFailed(cause);
            }
        }
    }

    private void free() {
        if (cache != null) {
            cache.close();
            cache = null;
        }
    }

    @Override
    public void close() {
        free();
        rows = new Response[0];
    }
}
