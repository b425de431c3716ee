package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.forkpoint.policy.checkpoint.AtomicFiles;
import dev.forkpoint.policy.checkpoint.Manifest;
import dev.forkpoint.policy.checkpoint.Safetensors;
import dev.forkpoint.policy.checkpoint.WeightFiles;
import dev.forkpoint.policy.tensor.Script;
import dev.forkpoint.policy.tensor.Workers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
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

    private static final long PART_ELEMENTS = 16L << 20;

    private final Policy policy;
    private final TrainerOptions options;
    private final Script script;
    private final Workers workers;
    private final PtNDManager scope;
    private final long[] dims;
    private final double epsilon;
    private final int headChunk;
    private final PtNDArray[]
            workerGradients; // of the folded weights, one a worker, zero between calls
    private final PtNDArray gradient;
    private final long size; // of values
    private final PtNDArray firstMoment;
    private final PtNDArray secondMoment;
    private final Optional<Adapter> adapter;
    private final List<Trained> trained;
    private final PtNDArray values; // what is trained: all weights, or the adapter
    private final PtNDArray
            weightGradient; // of all weights: the gradient itself, or what the adapter's comes from
    private @Nullable IValue folded;
    private long updates;

    public Trainer(Policy policy, TrainerOptions options) {
        this.policy = policy;
        this.options = options;
        script = policy.script();
        workers = new Workers(policy.threads(options.threads()), "forkpoint-trainer");
        scope = script.newScope();
        dims = policy.dims();
        epsilon = policy.config().normEpsilon();
        headChunk = Math.min(1024, Scorer.headChunk(policy.config().vocabularySize()));
        Script.prepareThread();
        workerGradients = new PtNDArray[workers.count()];
        for (int w = 0; w < workerGradients.length; w++) {
            workerGradients[w] = zeros(policy.parameters().size());
        }
        adapter = policy.adapter().or(() -> options.lora().map(policy::newAdapter));
        trained = adapter.map(Trainer::trained).orElseGet(() -> trained(policy));
        values = adapter.map(Adapter::theta).orElse(policy.flat());
        size = adapter.map(Adapter::size).orElse(policy.parameters().size());
        gradient = zeros(size);
        weightGradient = adapter.isPresent() ? zeros(policy.parameters().size()) : gradient;
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
                MicroBatch.cut(sequences, options.tokensPerMicroBatch(), workers.count());
        if (batches.isEmpty()) {
            return;
        }
        IValue weights = weights();
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
                                    workerGradients[worker]));
        } catch (RuntimeException | Error e) {
            for (PtNDArray g : workerGradients) {
                script.run("clear", g);
            }
            throw e;
        }
        script.run("collect", policy.flat(), workerGradients, weightGradient, dims);
        adapter.ifPresent(a -> a.addGradient(weightGradient, gradient));
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
            MicroBatch.Tensors t = batch.tensors(script, local, sequences);
            try (IValue result =
                    script.call(
                            "train_forward",
                            weights,
                            policy.rotations(),
                            t.ids(),
                            t.positions(),
                            t.shapes(),
                            t.index(),
                            t.inverse(),
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
                            t.index(),
                            t.inverse(),
                            t.valid(),
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
            float[] logProb = java.util.Arrays.copyOfRange(logProbAndEntropy, at, at + n);
            float[] entropy =
                    java.util.Arrays.copyOfRange(logProbAndEntropy, count + at, count + at + n);
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
        long[] ranges =
                trained.stream().flatMapToLong(t -> LongStream.of(t.begin(), t.size())).toArray();
        try (PtNDManager local = script.newScope()) {
            double[] norms = script.tensor(local, "norms", gradient, ranges).toDoubleArray();
            for (int i = 0; i < norms.length; i++) {
                if (!Double.isFinite(norms[i])) {
                    throw new NonFiniteException(trained.get(i).name());
                }
            }
            return norms;
        }
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
        adapter.ifPresent(Adapter::merge);
        updates = step;
        return new UpdateStatistics(norm, scale, updates);
    }

    /**
     * Begin, end and whether it decays, of runs of like parameters, none longer than a worker's
     * fair piece.
     */
    private List<long[]> parts() {
        List<long[]> out = new ArrayList<>();
        for (Trained t : trained) {
            long end = t.begin() + t.size();
            for (long a = t.begin(); a < end; a += PART_ELEMENTS / 16) {
                out.add(new long[] {a, Math.min(end, a + PART_ELEMENTS / 16), t.decays() ? 1 : 0});
            }
        }
        return out;
    }

    /** Clears the gathered gradient. */
    public void discardGradient() {
        script.run("clear", gradient);
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
            long restored = in.map(counter, 0, Long.BYTES).getLong();
            for (Map.Entry<String, PtNDArray> a : arrays.entrySet()) {
                Safetensors.Entry e =
                        java.util.Objects.requireNonNull(in.entries().get(a.getKey()));
                for (long at = 0; at < n; at += PART_ELEMENTS) {
                    try (PtNDManager local = script.newScope()) {
                        long size = Math.min(PART_ELEMENTS, n - at);
                        ByteBuffer bytes = in.map(e, at * Float.BYTES, size * Float.BYTES);
                        script.run("put", a.getValue(), at, Script.array(local, bytes, 1, size), 0);
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

    /** The gradient gathered so far, as {@link Policy#flat}. */
    PtNDArray gradient() {
        return gradient;
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
