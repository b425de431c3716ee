package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.forkpoint.policy.checkpoint.AdapterFolder;
import dev.forkpoint.policy.checkpoint.AdapterFolder.Matrix;
import dev.forkpoint.policy.checkpoint.FloatFormat;
import dev.forkpoint.policy.checkpoint.Manifest;
import dev.forkpoint.policy.checkpoint.Safetensors;
import dev.forkpoint.policy.checkpoint.WeightFiles;
import dev.forkpoint.policy.decoder.Parameters;
import dev.forkpoint.policy.sampling.Seeds;
import dev.forkpoint.policy.sampling.Uniform;
import dev.forkpoint.policy.tensor.Script;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * A LoRA adapter in memory: its matrices in one flat array, and the base's as they were before it.
 * The policy's scope owns both.
 */
final class Adapter {

    private final Script script;
    private final AdapterFolder shape;
    private final PtNDArray flat;
    private final PtNDArray base;
    private final PtNDArray theta;

    private Adapter(Script script, PtNDManager scope, AdapterFolder shape, PtNDArray flat) {
        this.script = script;
        this.shape = shape;
        this.flat = flat;
        base = script.tensor(scope, "adapted_weights", flat, shapes());
        theta = script.tensor(scope, "zeros", size(), flat);
    }

    /** Reads an adapter and merges it into the weights. */
    static Adapter load(
            Script script, PtNDManager scope, Path folder, Parameters parameters, PtNDArray flat)
            throws PolicyFormatException {
        if (Manifest.presentIn(folder)) {
            Manifest.read(folder).verify(folder);
        }
        try (Safetensors weights = Safetensors.open(AdapterFolder.weights(folder))) {
            Adapter adapter =
                    new Adapter(
                            script, scope, AdapterFolder.read(folder, parameters, weights), flat);
            adapter.read(weights);
            adapter.merge();
            return adapter;
        } catch (PolicyFormatException e) {
            throw e;
        } catch (IOException e) {
            throw new PolicyFormatException(folder + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /** A new one that changes nothing yet: A as PEFT draws it, U(−1/√in, 1/√in), B zero. */
    static Adapter fresh(
            Script script,
            PtNDManager scope,
            LoraSettings settings,
            Parameters parameters,
            PtNDArray flat,
            String baseName) {
        Adapter adapter =
                new Adapter(script, scope, AdapterFolder.of(settings, parameters, baseName), flat);
        for (Part p : adapter.parts()) {
            if (p.which == 'A') {
                long stream = Seeds.derive(settings.seed(), p.begin, 1);
                double bound = 1 / Math.sqrt(p.matrix.target().shape()[1]);
                float[] values = new float[(int) p.matrix.size('A')];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (bound * (2 * Uniform.at(stream, i) - 1));
                }
                try (PtNDManager local = script.newScope()) {
                    script.run(
                            "put",
                            adapter.theta,
                            p.begin,
                            Script.array(local, values, p.matrix.shape('A')),
                            0);
                }
            }
        }
        return adapter;
    }

    /** A or B of one matrix, and where it begins in {@link #theta}. */
    record Part(Matrix matrix, char which, long begin) {

        String name() {
            return matrix.tensor(which);
        }

        /** Rows of B are outputs, which for queries and keys lie in rotary pairs. */
        int rotary() {
            return which == 'B' ? matrix.target().rotary() : 0;
        }
    }

    List<Part> parts() {
        List<Part> out = new ArrayList<>();
        long at = 0;
        for (Matrix m : shape.matrices()) {
            for (char which : new char[] {'A', 'B'}) {
                out.add(new Part(m, which, at));
                at += m.size(which);
            }
        }
        return out;
    }

    private void read(Safetensors weights) throws IOException {
        for (Part p : parts()) {
            Safetensors.Entry e = Objects.requireNonNull(weights.entries().get(p.name()));
            try (PtNDManager local = script.newScope()) {
                script.run(
                        "put",
                        theta,
                        p.begin,
                        Script.array(
                                local,
                                FloatFormat.ofSafetensors(e.dtype())
                                        .toFloats(weights.read(e, 0, e.size())),
                                e.shape()),
                        p.rotary());
            }
        }
    }

    void save(Path folder, String dtype) throws IOException {
        FloatFormat format = FloatFormat.ofTorch(dtype);
        List<Part> parts = parts();
        shape.write(
                folder,
                format,
                (entry, out) -> {
                    Part p =
                            parts.stream()
                                    .filter(x -> x.name().equals(entry.name()))
                                    .findFirst()
                                    .orElseThrow();
                    try (PtNDManager local = script.newScope()) {
                        PtNDArray values =
                                script.tensor(
                                        local,
                                        "take",
                                        theta,
                                        p.begin,
                                        entry.shape()[0],
                                        p.matrix.size(p.which),
                                        p.rotary());
                        WeightFiles.writeFully(
                                out, format.fromFloats(values.toByteBuffer().asFloatBuffer()));
                    }
                });
    }

    /** Writes W + s B A into the policy's weights. */
    void merge() {
        script.run("merge_adapter", flat, base, theta, shapes(), scales());
    }

    /**
     * Turns the gradient of the weights, which it clears, into that of {@link #theta}, and adds it.
     */
    void addGradient(PtNDArray ofWeights, PtNDArray into) {
        script.run("adapter_gradient", ofWeights, theta, shapes(), scales(), into);
    }

    /** A and B of each matrix, one after the other. */
    PtNDArray theta() {
        return theta;
    }

    long size() {
        return shape.matrices().stream().mapToLong(m -> m.size('A') + m.size('B')).sum();
    }

    private long[] shapes() {
        return shape.matrices().stream()
                .flatMapToLong(
                        m ->
                                java.util.stream.LongStream.of(
                                        m.target().begin(),
                                        m.target().shape()[0],
                                        m.target().shape()[1],
                                        m.rank()))
                .toArray();
    }

    private double[] scales() {
        return shape.matrices().stream().mapToDouble(Matrix::scale).toArray();
    }
}
