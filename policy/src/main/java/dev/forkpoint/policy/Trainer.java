package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.forkpoint.policy.checkpoint.AtomicFiles;
import dev.forkpoint.policy.checkpoint.FloatFormat;
import dev.forkpoint.policy.checkpoint.Manifest;
import dev.forkpoint.policy.checkpoint.Safetensors;
import dev.forkpoint.policy.checkpoint.WeightFiles;
import dev.forkpoint.policy.tensor.NativeHeap;
import dev.forkpoint.policy.tensor.Script;
import dev.forkpoint.policy.tensor.Workers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Trains a policy in place: gradients of sparse objectives gathered over micro-batches, then AdamW.
 * Not thread-safe: one caller at a time. {@link Generator}s and {@link Scorer}s made after an
 * update see the new weights; those made before must be closed first.
 */
public final class Trainer implements AutoCloseable {

    private static final long PART_ELEMENTS = 1L << 20;

    /** oneDNN compiles and keeps a kernel for each count of rows it meets. */
    private static final int QUANTUM = 32;

    private final Policy policy;
    private final TrainerOptions options;
    private final Script script;
    private final Workers workers;
    private final PtNDManager scope;
    private final long[] dims;
    private final double epsilon;
    private final int headChunk;
    private final Deque<PtNDArray> cleared = new ArrayDeque<>(); // zeros, as long as the weights
    private final long size; // of values
    private final PtNDArray firstMoment;
    private final PtNDArray secondMoment;
    private final Optional<Adapter> adapter;
    private final List<Trained> trained;
    private final PtNDArray values; // what is trained: all weights, or the adapter
    private @Nullable PtNDArray gathered; // gradient of values; none: zero
    private @Nullable IValue folded;
    private long updates;

    public Trainer(Policy policy, TrainerOptions options) {
        this.policy = policy;
        this.options = options;
        script =
                options.bfloat16Autocast()
                        ? Script.ofBfloat16(policy.options().device())
                        : policy.script();
        workers = new Workers(policy.threads(options.threads()), "forkpoint-trainer");
        scope = script.newScope();
        dims = policy.dims();
        epsilon = policy.config().normEpsilon();
        headChunk = Math.min(1024, Scorer.headChunk(policy.config().vocabularySize()));
        Script.prepareThread();
        adapter = policy.adapter().or(() -> options.lora().map(policy::newAdapter));
        trained = adapter.map(Trainer::trained).orElseGet(() -> trained(policy));
        values = adapter.map(Adapter::theta).orElse(policy.flat());
        size = adapter.map(Adapter::size).orElse(policy.parameters().size());
        firstMoment = zeros(size);
        secondMoment = zeros(size);
    }

    /** One trained tensor: where it lies in {@code values}, and whether it decays. */
    private record Trained(String name, String group, long begin, long size, boolean decays) {}

    private static List<Trained> trained(Policy policy) {
        return policy.parameters().all().stream()
                .map(p -> new Trained(p.name(), p.group(), p.begin(), p.size(), p.matrix()))
                .toList();
    }

    private static List<Trained> trained(Adapter adapter) {
        return adapter.parts().stream()
                .map(
                        p ->
                                new Trained(
                                        p.name(),
                                        p.matrix().target().group(),
                                        p.begin(),
                                        p.matrix().size(p.which()),
                                        true))
                .toList();
    }

    private PtNDArray zeros(long n) {
        return script.tensor(scope, "zeros", n, policy.flat());
    }

    /**
     * Adds the gradient of the objective over these sequences to the one gathered so far. However
     * sequences are cut into calls and micro-batches, the sum is the same to rounding (relative
     * difference ≤ 1e-5).
     *
     * @param temperature logits are divided by it, above 0; log-probs and entropies are at it
     * @throws IllegalArgumentException naming sequence and index if an id lies outside the
     *     vocabulary, or a sequence is too long
     */
    public void accumulate(
            List<TrainingSequence> sequences, double temperature, SparseObjective objective) {
        Scorer.checkTemperature(temperature);
        for (int s = 0; s < sequences.size(); s++) {
            Scorer.checkSequence(policy, s, sequences.get(s).ids());
        }
        List<MicroBatch> batches =
                MicroBatch.cut(
                        sequences,
                        options.tokensPerMicroBatch(),
                        workers.count(),
                        MicroBatch.Purpose.TRAINING);
        if (batches.isEmpty()) {
            return;
        }
        IValue weights = weights();
        PtNDArray[] gradients = new PtNDArray[Math.min(workers.count(), batches.size())];
        Arrays.setAll(gradients, w -> takeCleared());
        try {
            workers.runFixed(
                    batches.size(),
                    (worker, part) ->
                            accumulate(
                                    weights,
                                    sequences,
                                    batches.get(part),
                                    temperature,
                                    objective,
                                    gradients[worker]));
        } catch (RuntimeException | Error e) {
            for (PtNDArray g : gradients) {
                script.run("clear", g);
                cleared.push(g);
            }
            throw e;
        }
        for (int w = 1; w < gradients.length; w++) {
            move(gradients[w], gradients[0]);
        }
        script.run("unfold", policy.flat(), gradients[0], dims);
        if (adapter.isPresent()) {
            adapter.get().addGradient(gradients[0], gradient());
            cleared.push(gradients[0]);
        } else if (gathered == null) {
            gathered = gradients[0];
        } else {
            move(gradients[0], gathered);
        }
    }

    /** Adds one gradient of all weights to another, and clears it. */
    private void move(PtNDArray source, PtNDArray into) {
        long n = policy.parameters().size();
        workers.run(
                (int) ((n + PART_ELEMENTS - 1) / PART_ELEMENTS),
                (worker, part) -> {
                    long begin = part * PART_ELEMENTS;
                    script.run(
                            "move_gradient",
                            source,
                            into,
                            begin,
                            Math.min(n, begin + PART_ELEMENTS));
                });
        cleared.push(source);
    }

    /**
     * A gradient of all weights that is zero. They are as large as the weights, so none is kept
     * beyond the most that were used at once.
     */
    private PtNDArray takeCleared() {
        PtNDArray present = cleared.poll();
        return present == null ? zeros(policy.parameters().size()) : present;
    }

    /** The gradient gathered so far, of what is trained. */
    PtNDArray gradient() {
        PtNDArray present = gathered;
        if (present == null) {
            present = adapter.isPresent() ? zeros(size) : takeCleared();
            gathered = present;
        }
        return present;
    }

    /** What was gathered has been cleared: another may use its place. */
    private void gradientCleared() {
        if (gathered != null && adapter.isEmpty()) {
            cleared.push(gathered);
            gathered = null;
        }
    }

    private IValue weights() {
        IValue present = folded;
        if (present == null) {
            present = script.call("fold", policy.flat(), dims);
            folded = present;
        }
        return present;
    }

    private void weightsChanged() {
        if (folded != null) {
            folded.close();
            folded = null;
        }
    }

    private void accumulate(
            IValue weights,
            List<TrainingSequence> sequences,
            MicroBatch batch,
            double temperature,
            SparseObjective objective,
            PtNDArray into) {
        try (PtNDManager local = script.newScope()) {
            MicroBatch.Tensors t = batch.tensors(script, local, sequences, QUANTUM, 1);
            try (IValue result =
                    script.call(
                            "train_forward",
                            weights,
                            policy.rotations(),
                            t.ids(),
                            t.positions(),
                            t.shapes(),
                            t.layout(),
                            t.kept(),
                            t.target(),
                            temperature,
                            headChunk,
                            options.gradientCheckpointing(),
                            dims,
                            epsilon)) {
                IValue[] parts = result.toIValueTuple();
                try (IValue values = parts[0];
                        IValue saved = parts[1]) {
                    float[] logProbAndEntropy = values.toTensor(local).toFloatArray();
                    int count = logProbAndEntropy.length / 2;
                    float[] dLogProb = new float[count];
                    float[] dEntropy = new float[count];
                    evaluate(sequences, batch, objective, logProbAndEntropy, dLogProb, dEntropy);
                    boolean entropyUsed = anyNonZero(dEntropy);
                    if (!entropyUsed && !anyNonZero(dLogProb)) {
                        return;
                    }
                    script.run(
                            "train_backward",
                            weights,
                            policy.rotations(),
                            t.ids(),
                            t.positions(),
                            t.shapes(),
                            t.layout(),
                            t.kept(),
                            t.target(),
                            Script.array(local, dLogProb, count),
                            entropyUsed ? Script.array(local, dEntropy, count) : script.none(),
                            temperature,
                            headChunk,
                            options.gradientCheckpointing(),
                            saved,
                            into,
                            dims,
                            epsilon);
                }
            }
        }
    }

    private static void evaluate(
            List<TrainingSequence> sequences,
            MicroBatch batch,
            SparseObjective objective,
            float[] logProbAndEntropy,
            float[] dLogProb,
            float[] dEntropy) {
        int count = dLogProb.length;
        int at = 0;
        for (int s : batch.members()) {
            int n = sequences.get(s).positions().length;
            float[] logProb = Arrays.copyOfRange(logProbAndEntropy, at, at + n);
            float[] entropy = Arrays.copyOfRange(logProbAndEntropy, count + at, count + at + n);
            float[] dl = new float[n];
            float[] dh = new float[n];
            objective.evaluate(s, logProb, entropy, dl, dh);
            System.arraycopy(dl, 0, dLogProb, at, n);
            System.arraycopy(dh, 0, dEntropy, at, n);
            at += n;
        }
    }

    private static boolean anyNonZero(float[] values) {
        for (float v : values) {
            if (v != 0) { // NaN too
                return true;
            }
        }
        return false;
    }

    /**
     * Norms of the gradient gathered so far.
     *
     * @throws NonFiniteException naming the first tensor that is not finite; the gradient stays
     */
    public GradientStatistics gradientStatistics() {
        double[] norms = norms();
        Map<String, Double> groups = new TreeMap<>();
        TreeMap<String, Double> tensors = new TreeMap<>();
        double sum = 0;
        for (int i = 0; i < norms.length; i++) {
            double square = norms[i] * norms[i];
            sum += square;
            groups.merge(trained.get(i).group(), square, Double::sum);
            tensors.put(trained.get(i).name(), norms[i]);
        }
        TreeMap<String, Double> groupNorm = new TreeMap<>();
        groups.forEach((name, square) -> groupNorm.put(name, Math.sqrt(square)));
        return new GradientStatistics(Math.sqrt(sum), groupNorm, tensors);
    }

    private double[] norms() {
        PtNDArray gradient = gradient();
        List<long[]> parts = parts();
        double[] squares = new double[parts.size()];
        int pieces = Math.min(workers.count(), parts.size());
        workers.run(
                pieces,
                (worker, piece) -> {
                    int from = parts.size() * piece / pieces;
                    int to = parts.size() * (piece + 1) / pieces;
                    long[] ranges =
                            parts.subList(from, to).stream()
                                    .flatMapToLong(p -> LongStream.of(p[0], p[1] - p[0]))
                                    .toArray();
                    try (PtNDManager local = script.newScope()) {
                        double[] norms =
                                script.tensor(local, "norms", gradient, ranges).toDoubleArray();
                        for (int i = from; i < to; i++) {
                            squares[i] = norms[i - from] * norms[i - from];
                        }
                    }
                });
        double[] norms = new double[trained.size()];
        for (int i = 0; i < squares.length; i++) {
            norms[(int) parts.get(i)[3]] += squares[i];
        }
        for (int i = 0; i < norms.length; i++) {
            norms[i] = Math.sqrt(norms[i]);
            if (!Double.isFinite(norms[i])) {
                throw new NonFiniteException(trained.get(i).name());
            }
        }
        return norms;
    }

    /**
     * Clips the gathered gradient, steps, and clears it.
     *
     * @throws NonFiniteException naming the first tensor that is not finite; nothing is changed and
     *     the gradient is cleared
     */
    public UpdateStatistics apply(AdamW settings) {
        double sum = 0;
        try {
            for (double norm : norms()) {
                sum += norm * norm;
            }
        } catch (NonFiniteException e) {
            discardGradient();
            throw e;
        }
        double norm = Math.sqrt(sum);
        double scale =
                Math.min(
                        1.0,
                        settings.maxGradientNorm()
                                / (norm + 1e-6)); // as torch.nn.utils.clip_grad_norm_
        long step = updates + 1;
        List<long[]> parts = parts();
        PtNDArray gradient = gradient();
        weightsChanged();
        workers.run(
                parts.size(),
                (worker, part) -> {
                    long[] p = parts.get(part);
                    script.run(
                            "adamw",
                            values,
                            gradient,
                            firstMoment,
                            secondMoment,
                            p[0],
                            p[1],
                            step,
                            settings.learningRate(),
                            settings.beta1(),
                            settings.beta2(),
                            settings.epsilon(),
                            p[2] == 1 ? settings.weightDecay() : 0.0,
                            scale);
                });
        gradientCleared();
        adapter.ifPresent(Adapter::merge);
        updates = step;
        NativeHeap.trimNowAndThen();
        return new UpdateStatistics(norm, scale, updates);
    }

    /** Begin, end, whether it decays, and its number, of each trained tensor or piece of one. */
    private List<long[]> parts() {
        List<long[]> out = new ArrayList<>();
        for (int i = 0; i < trained.size(); i++) {
            Trained t = trained.get(i);
            long end = t.begin() + t.size();
            for (long a = t.begin(); a < end; a += PART_ELEMENTS) {
                out.add(new long[] {a, Math.min(end, a + PART_ELEMENTS), t.decays() ? 1 : 0, i});
            }
        }
        return out;
    }

    /** Clears the gathered gradient. */
    public void discardGradient() {
        if (gathered != null) {
            script.run("clear", gathered);
            gradientCleared();
        }
    }

    /** Parameters that train. */
    public long trainableParameters() {
        return trained.stream().mapToLong(t -> t.size()).sum();
    }

    /** Updates done so far. */
    public long updates() {
        return updates;
    }

    /** Writes trained weights (exact, float32), moments and the update counter, atomically. */
    public void saveState(Path file) throws IOException {
        long n = size;
        Map<String, PtNDArray> arrays = stateArrays();
        List<Safetensors.Entry> entries = new ArrayList<>();
        arrays.keySet()
                .forEach(
                        name ->
                                entries.add(
                                        new Safetensors.Entry(
                                                name, "F32", new long[] {n}, 0, n * Float.BYTES)));
        entries.add(new Safetensors.Entry("updates", "I64", new long[] {1}, 0, Long.BYTES));
        AtomicFiles.file(
                file,
                draft ->
                        WeightFiles.writeFile(
                                draft,
                                entries,
                                (entry, out) -> {
                                    PtNDArray array = arrays.get(entry.name());
                                    if (array == null) {
                                        ByteBuffer counter =
                                                ByteBuffer.allocate(Long.BYTES)
                                                        .order(java.nio.ByteOrder.LITTLE_ENDIAN);
                                        WeightFiles.writeFully(
                                                out, counter.putLong(updates).flip());
                                        return;
                                    }
                                    for (long a = 0; a < n; a += PART_ELEMENTS) {
                                        try (PtNDManager local = script.newScope()) {
                                            long size = Math.min(PART_ELEMENTS, n - a);
                                            WeightFiles.writeFully(
                                                    out,
                                                    script.tensor(
                                                                    local, "take", array, a, 1,
                                                                    size, 0)
                                                            .toByteBuffer());
                                        }
                                    }
                                }));
    }

    private Map<String, PtNDArray> stateArrays() {
        return new TreeMap<>(
                Map.of(
                        "first_moment",
                        firstMoment,
                        "second_moment",
                        secondMoment,
                        "weights",
                        values));
    }

    /**
     * Restores what {@link #saveState} wrote, bit for bit, and clears the gradient.
     *
     * @throws PolicyFormatException if the file is damaged or belongs to another model
     */
    public void restoreState(Path file) throws IOException {
        long n = size;
        Map<String, PtNDArray> arrays = stateArrays();
        try (Safetensors in = Safetensors.open(file)) {
            for (String name : arrays.keySet()) {
                Safetensors.Entry e = in.entries().get(name);
                if (e == null || !e.dtype().equals("F32") || e.size() != n * Float.BYTES) {
                    throw new PolicyFormatException(
                            file
                                    + ": "
                                    + name
                                    + ": "
                                    + (e == null ? "missing" : e.size() + " bytes")
                                    + " (expected: "
                                    + n
                                    + " float32 values, what is trained here)");
                }
            }
            Safetensors.Entry counter = in.entries().get("updates");
            if (counter == null || !counter.dtype().equals("I64") || counter.size() != Long.BYTES) {
                throw new PolicyFormatException(file + ": updates: missing (expected: one I64)");
            }
            long restored = in.read(counter, 0, Long.BYTES).getLong();
            for (Map.Entry<String, PtNDArray> a : arrays.entrySet()) {
                Safetensors.Entry e =
                        java.util.Objects.requireNonNull(in.entries().get(a.getKey()));
                for (long at = 0; at < n; at += PART_ELEMENTS) {
                    try (PtNDManager local = script.newScope()) {
                        long size = Math.min(PART_ELEMENTS, n - at);
                        float[] part =
                                FloatFormat.FLOAT32.toFloats(
                                        in.read(e, at * Float.BYTES, size * Float.BYTES));
                        script.run("put", a.getValue(), at, Script.array(local, part, 1, size), 0);
                    }
                }
            }
            updates = restored;
        }
        adapter.ifPresent(Adapter::merge);
        weightsChanged();
        discardGradient();
    }

    /**
     * Writes the policy as a Hugging Face folder (an adapter as a PEFT folder) with a {@link
     * Manifest}: all of it, or nothing.
     *
     * @param directory must not exist
     * @param dtype {@code float32}, {@code bfloat16} or {@code float16}
     */
    public void publish(Path directory, String dtype) throws IOException {
        if (adapter.isPresent()) {
            policy.saveAdapter(directory, dtype);
        } else {
            policy.save(directory, dtype);
        }
    }

    /** What is trained, flat. */
    PtNDArray values() {
        return values;
    }

    /** Replaces what is trained. */
    void setValues(float[] replacement) {
        try (PtNDManager local = script.newScope()) {
            script.run(
                    "put", values, 0, Script.array(local, replacement, 1, replacement.length), 0);
        }
        adapter.ifPresent(Adapter::merge);
        weightsChanged();
    }

    /** The policy being trained. */
    public Policy policy() {
        return policy;
    }

    @Override
    public void close() {
        workers.close();
        weightsChanged();
        scope.close();
    }
}
