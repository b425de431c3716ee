package dev.forkpoint.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.forkpoint.policy.checkpoint.ConfigFile;
import dev.forkpoint.policy.checkpoint.FloatFormat;
import dev.forkpoint.policy.checkpoint.HuggingFaceFolder;
import dev.forkpoint.policy.checkpoint.Manifest;
import dev.forkpoint.policy.checkpoint.Safetensors;
import dev.forkpoint.policy.checkpoint.WeightFiles;
import dev.forkpoint.policy.decoder.Parameters;
import dev.forkpoint.policy.decoder.Parameters.Parameter;
import dev.forkpoint.policy.tensor.NativeHeap;
import dev.forkpoint.policy.tensor.Script;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** Weights, configuration and tokenizer of one policy in memory. Thread-safe for reading. */
public final class Policy implements AutoCloseable {

    /** Bytes of weights converted at once while loading and writing. */
    private static final long PART_BYTES = 4L << 20;

    /** Slots of a cache come in sixteens, so the last may lie beyond the context. */
    private static final int POSITIONS_BEYOND = 64;

    private final Path directory;
    private final PolicyOptions options;
    private final ModelConfig config;
    private final Tokenizer tokenizer;
    private final HuggingFaceFolder folder;
    private final Parameters parameters;
    private final Script script;
    private final PtNDManager scope;
    private final PtNDArray flat;
    private final PtNDArray rotations;
    private final AtomicBoolean closed = new AtomicBoolean();
    private @Nullable Adapter adapter;

    private Policy(
            Path directory,
            PolicyOptions options,
            ModelConfig config,
            Tokenizer tokenizer,
            HuggingFaceFolder folder,
            Script script,
            PtNDManager scope) {
        this.directory = directory;
        this.options = options;
        this.config = config;
        this.tokenizer = tokenizer;
        this.folder = folder;
        this.script = script;
        this.scope = scope;
        parameters = Parameters.of(config);
        flat = script.tensor(scope, "zeros", parameters.size(), script.none());
        ModelConfig.RopeScaling s =
                config.ropeScaling().orElse(new ModelConfig.RopeScaling("none", 1, 1, 1, 0));
        int kind = s.type().equals("linear") ? 1 : s.type().equals("llama3") ? 2 : 0;
        rotations =
                script.tensor(
                        scope,
                        "rotations",
                        config.maxPositions() + POSITIONS_BEYOND,
                        config.headDimension(),
                        config.ropeTheta(),
                        kind,
                        s.factor(),
                        s.lowFrequencyFactor(),
                        s.highFrequencyFactor(),
                        s.originalMaxPositions(),
                        script.none());
    }

    /**
     * Loads a Hugging Face checkpoint. When the folder has a manifest, every file is checked
     * against it first.
     *
     * @throws PolicyFormatException if a file is missing, truncated or does not match, or the model
     *     is not supported; the message names the file, the tensor or field, what was found and
     *     what is allowed
     * @throws IllegalArgumentException if the device is not there
     */
    public static Policy load(Path directory, PolicyOptions options) throws PolicyFormatException {
        if (!Files.isDirectory(directory)) {
            throw new PolicyFormatException(directory + ": no such folder");
        }
        if (Manifest.presentIn(directory)) {
            Manifest.read(directory).verify(directory);
        }
        ModelConfig config = ConfigFile.read(directory);
        Script script = Script.on(options.device());
        HuggingFaceFolder folder = HuggingFaceFolder.read(directory);
        try (WeightFiles weights = WeightFiles.open(directory)) {
            checkTensors(directory, weights, Parameters.of(config), config);
            Tokenizer tokenizer = Tokenizer.load(directory);
            PtNDManager scope = script.newScope();
            try {
                if (tokenizer.vocabularySize() > config.vocabularySize()) {
                    throw new PolicyFormatException(
                            directory.resolve("tokenizer.json")
                                    + ": ids up to "
                                    + (tokenizer.vocabularySize() - 1)
                                    + " (expected: below vocab_size of config.json, "
                                    + config.vocabularySize()
                                    + ")");
                }
                Policy policy =
                        new Policy(directory, options, config, tokenizer, folder, script, scope);
                policy.read(weights);
                if (options.adapter().isPresent()) {
                    policy.adapter =
                            Adapter.load(
                                    script,
                                    scope,
                                    options.adapter().get(),
                                    policy.parameters,
                                    policy.flat);
                }
                return policy;
            } catch (PolicyFormatException | RuntimeException e) {
                scope.close();
                tokenizer.close();
                throw e;
            }
        }
    }

    /**
     * Every tensor there, of the right shape and a known type, and none that the decoder would
     * silently leave out.
     */
    private static void checkTensors(
            Path directory, WeightFiles weights, Parameters parameters, ModelConfig config)
            throws PolicyFormatException {
        for (Parameter p : parameters.all()) {
            WeightFiles.Located found = weights.tensors().get(p.name());
            if (found == null) {
                throw new PolicyFormatException(
                        directory + ": " + p.name() + ": missing from the weight files");
            }
            Safetensors.Entry e = found.entry();
            if (!Arrays.equals(e.shape(), p.shape())) {
                throw new PolicyFormatException(
                        found.file().file()
                                + ": "
                                + p.name()
                                + ": shape "
                                + Arrays.toString(e.shape())
                                + " (expected: "
                                + Arrays.toString(p.shape())
                                + ", by config.json)");
            }
            if (!FloatFormat.knows(e.dtype())) {
                throw new PolicyFormatException(
                        found.file().file()
                                + ": "
                                + p.name()
                                + ": dtype "
                                + e.dtype()
                                + " (expected: F32, BF16 or F16)");
            }
        }
        for (Map.Entry<String, WeightFiles.Located> e : weights.tensors().entrySet()) {
            boolean redundant =
                    e.getKey().endsWith(".rotary_emb.inv_freq")
                            || config.tiedEmbeddings() && e.getKey().equals("lm_head.weight");
            if (!parameters.has(e.getKey()) && !redundant) {
                throw new PolicyFormatException(
                        e.getValue().file().file()
                                + ": "
                                + e.getKey()
                                + ": not a tensor of a "
                                + config.modelType()
                                + " model of "
                                + config.layers()
                                + " layers");
            }
        }
    }

    private void read(WeightFiles weights) throws PolicyFormatException {
        for (Parameter p : parameters.all()) {
            WeightFiles.Located located = Objects.requireNonNull(weights.tensors().get(p.name()));
            Safetensors.Entry e = located.entry();
            FloatFormat format = FloatFormat.ofSafetensors(e.dtype());
            try (PtNDManager local = script.newScope()) {
                for (long row = 0, rows = rowsAtOnce(p); row < p.shape()[0]; row += rows) {
                    long n = Math.min(rows, p.shape()[0] - row);
                    long bytesARow = e.size() / p.shape()[0];
                    ByteBuffer part = located.file().read(e, row * bytesARow, n * bytesARow);
                    PtNDArray tensor = Script.array(local, format.toFloats(part), n, p.columns());
                    script.run("put", flat, p.begin() + row * p.columns(), tensor, p.rotary());
                    tensor.close();
                }
            } catch (IOException x) {
                throw new PolicyFormatException(
                        located.file().file()
                                + ": "
                                + p.name()
                                + ": cannot be read: "
                                + x.getMessage(),
                        x);
            }
        }
    }

    /** Whole heads, so that rotary pairs stay together. */
    private static long rowsAtOnce(Parameter p) {
        long rows = Math.max(1, PART_BYTES / Float.BYTES / p.columns());
        return p.rotary() == 0 ? rows : Math.max(1, rows / p.rotary()) * p.rotary();
    }

    /**
     * Writes a Hugging Face folder with a manifest: all of it, or nothing.
     *
     * @param directory must not exist
     * @param dtype {@code float32}, {@code bfloat16} or {@code float16}
     */
    public void save(Path directory, String dtype) throws IOException {
        save(directory, dtype, WeightFiles.MAX_SHARD_BYTES);
    }

    void save(Path directory, String dtype, long maxShardBytes) throws IOException {
        FloatFormat format = FloatFormat.ofTorch(dtype);
        List<Safetensors.Entry> tensors = new ArrayList<>();
        for (Parameter p : parameters.all()) {
            tensors.add(
                    new Safetensors.Entry(
                            p.name(),
                            format.safetensorsName(),
                            p.shape(),
                            0,
                            p.size() * format.bytes()));
        }
        folder.write(
                directory,
                dtype,
                tensors,
                maxShardBytes,
                (e, out) -> write(parameters.get(e.name()), format, out));
    }

    private void write(Parameter p, FloatFormat format, FileChannel out) throws IOException {
        for (long row = 0, rows = rowsAtOnce(p); row < p.shape()[0]; row += rows) {
            long n = Math.min(rows, p.shape()[0] - row);
            try (PtNDManager local = script.newScope()) {
                PtNDArray part =
                        script.tensor(
                                local,
                                "take",
                                flat,
                                p.begin() + row * p.columns(),
                                n,
                                n * p.columns(),
                                p.rotary());
                WeightFiles.writeFully(out, format.fromFloats(part.toByteBuffer().asFloatBuffer()));
            }
        }
    }

    /** The adapter among the weights, where there is one. */
    Optional<Adapter> adapter() {
        return Optional.ofNullable(adapter);
    }

    /** Begins a new adapter, which changes nothing until it is trained. */
    Adapter newAdapter(LoraSettings settings) {
        Adapter fresh =
                Adapter.fresh(script, scope, settings, parameters, flat, directory.toString());
        adapter = fresh;
        return fresh;
    }

    /**
     * Writes the adapter alone, as a PEFT folder with a manifest: all of it, or nothing. {@link
     * #save} writes it merged.
     *
     * @throws IllegalStateException if there is none
     */
    public void saveAdapter(Path folder, String dtype) throws IOException {
        adapter()
                .orElseThrow(() -> new IllegalStateException("the policy has no adapter"))
                .save(folder, dtype);
    }

    /** What the model looks like. */
    public ModelConfig config() {
        return config;
    }

    /** Its tokenizer. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The folder it was loaded from. */
    public Path directory() {
        return directory;
    }

    /** What it was loaded with. */
    public PolicyOptions options() {
        return options;
    }

    Script script() {
        return script;
    }

    Parameters parameters() {
        return parameters;
    }

    /** All parameters, as decoder.py's views lay them out. */
    PtNDArray flat() {
        return flat;
    }

    /** Rotations by position. */
    PtNDArray rotations() {
        return rotations;
    }

    long[] dims() {
        return Parameters.dims(config);
    }

    int threads(int asked) {
        return asked > 0 ? asked : options.resolvedThreads();
    }

    void checkIds(String field, int[] ids) {
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= config.vocabularySize()) {
                throw new IllegalArgumentException(
                        field
                                + "["
                                + i
                                + "]: "
                                + ids[i]
                                + " (expected: 0 to "
                                + (config.vocabularySize() - 1)
                                + ", the model's vocabulary)");
            }
        }
    }

    /** Frees the weights. What was built on the policy must be closed before. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            scope.close();
            tokenizer.close();
            NativeHeap.trimNowAndThen();
        }
    }
}
