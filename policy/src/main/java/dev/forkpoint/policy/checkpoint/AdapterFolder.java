package dev.forkpoint.policy.checkpoint;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.forkpoint.policy.LoraSettings;
import dev.forkpoint.policy.PolicyFormatException;
import dev.forkpoint.policy.decoder.Parameters;
import dev.forkpoint.policy.decoder.Parameters.Parameter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A LoRA adapter in PEFT's layout: adapter_config.json and adapter_model.safetensors. Kinds of
 * adapter other than plain LoRA are refused by name.
 *
 * @param matrices what is adapted, in the order of the parameters
 * @param settings as in adapter_config.json
 * @param baseName {@code base_model_name_or_path}
 */
public record AdapterFolder(List<Matrix> matrices, LoraSettings settings, String baseName) {

    private static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapter_model.safetensors";
    private static final String PREFIX = "base_model.model.";

    /** Tensors by name in adapter_model.safetensors. */
    private static final Pattern TENSOR =
            Pattern.compile("base_model\\.model\\.(.+)\\.lora_([AB])\\.weight");

    /**
     * Settings that change what an adapter computes, and the only value of each that this library
     * computes.
     */
    private static final Map<String, String> ONLY =
            Map.ofEntries(
                    Map.entry("peft_type", "\"LORA\""),
                    Map.entry("bias", "\"none\""),
                    Map.entry("fan_in_fan_out", "false"),
                    Map.entry("lora_bias", "false"),
                    Map.entry("use_dora", "false"),
                    Map.entry("use_qalora", "false"),
                    Map.entry("use_bdlora", "null"),
                    Map.entry("alora_invocation_tokens", "null"),
                    Map.entry("arrow_config", "null"),
                    Map.entry("kasa_config", "null"),
                    Map.entry("monteclora_config", "null"),
                    Map.entry("layer_replication", "null"),
                    Map.entry("modules_to_save", "null"),
                    Map.entry("target_parameters", "null"),
                    Map.entry("trainable_token_indices", "null"));

    /** Initialisations that also change the base's weights. */
    private static final Pattern CHANGES_BASE =
            Pattern.compile("(pissa.*|olora|loftq|corda|lora_ga)");

    /**
     * One adapted matrix W + s B A.
     *
     * @param target the matrix
     * @param rank rows of A
     * @param scale s
     */
    public record Matrix(Parameter target, int rank, double scale) {

        /** Name of A's or B's tensor. */
        public String tensor(char which) {
            String name = target.name();
            return PREFIX
                    + name.substring(0, name.length() - ".weight".length())
                    + ".lora_"
                    + which
                    + ".weight";
        }

        /** Rows of A and columns of B, as their shapes: {rank, in} and {out, rank}. */
        public long[] shape(char which) {
            return which == 'A'
                    ? new long[] {rank, target.shape()[1]}
                    : new long[] {target.shape()[0], rank};
        }

        public long size(char which) {
            return shape(which)[0] * shape(which)[1];
        }
    }

    /** What settings adapt in a model. */
    public static AdapterFolder of(LoraSettings settings, Parameters parameters, String baseName) {
        List<Matrix> matrices = new ArrayList<>();
        for (Parameter p : parameters.all()) {
            if (!p.matrix() || !p.name().endsWith(".weight")) {
                continue;
            }
            String module = p.name().substring(0, p.name().length() - ".weight".length());
            if (settings.targetModules().contains(module.substring(module.lastIndexOf('.') + 1))) {
                int rank = matching(settings.rankPattern(), module).orElse(settings.rank());
                matrices.add(new Matrix(p, rank, scale(settings, module, rank)));
            }
        }
        return new AdapterFolder(matrices, settings, baseName);
    }

    private static double scale(LoraSettings settings, String module, int rank) {
        double alpha = matching(settings.alphaPattern(), module).orElse(settings.alpha());
        return alpha / (settings.rankStabilized() ? Math.sqrt(rank) : rank);
    }

    /** As PEFT: a pattern fits a module whose name it ends, from a dot or the beginning. */
    private static <T> Optional<T> matching(Map<String, T> patterns, String module) {
        for (Map.Entry<String, T> e : patterns.entrySet()) {
            if (Pattern.compile("(.*\\.)?(" + e.getKey() + ")$").matcher(module).matches()) {
                return Optional.of(e.getValue());
            }
        }
        return Optional.empty();
    }

    /** Reads and checks the configuration against a model and the tensors. */
    public static AdapterFolder read(Path folder, Parameters parameters, Safetensors weights)
            throws PolicyFormatException {
        Path file = folder.resolve(CONFIG);
        JsonObject json = ConfigFile.parse(file);
        for (Map.Entry<String, String> only : ONLY.entrySet()) {
            JsonElement e = json.get(only.getKey());
            boolean absent =
                    e == null
                            || e.isJsonNull()
                            || e.isJsonArray() && e.getAsJsonArray().isEmpty()
                            || e.toString().equals("false");
            if (!absent && !e.toString().equals(only.getValue())) {
                throw new PolicyFormatException(
                        file
                                + ": "
                                + only.getKey()
                                + ": "
                                + e
                                + " (expected: "
                                + only.getValue()
                                + ")");
            }
        }
        JsonElement initial = json.get("init_lora_weights");
        if (initial != null
                && initial.isJsonPrimitive()
                && CHANGES_BASE.matcher(initial.getAsString()).matches()) {
            throw new PolicyFormatException(
                    file
                            + ": init_lora_weights: "
                            + initial
                            + " (expected: one that leaves the base as it is)");
        }
        LoraSettings settings;
        try {
            settings = settings(json, weights);
        } catch (IllegalArgumentException
                | IllegalStateException
                | NullPointerException
                | UnsupportedOperationException
                | ClassCastException e) {
            throw new PolicyFormatException(file + ": " + e.getMessage(), e);
        }
        JsonElement base = json.get("base_model_name_or_path");
        return new AdapterFolder(
                matrices(file, settings, parameters, weights),
                settings,
                base == null || base.isJsonNull() ? "" : base.getAsString());
    }

    private static LoraSettings settings(JsonObject json, Safetensors weights) {
        Map<String, Integer> ranks = new TreeMap<>();
        Map<String, Double> alphas = new TreeMap<>();
        patterns(json, "rank_pattern").forEach((name, value) -> ranks.put(name, value.getAsInt()));
        patterns(json, "alpha_pattern")
                .forEach((name, value) -> alphas.put(name, value.getAsDouble()));
        TreeSet<String> targets = new TreeSet<>();
        for (String name :
                weights.entries()
                        .keySet()) { // target_modules may be an expression: the tensors say what it
            // meant
            Matcher m = TENSOR.matcher(name);
            if (m.matches()) {
                targets.add(m.group(1).substring(m.group(1).lastIndexOf('.') + 1));
            }
        }
        JsonElement stabilized = json.get("use_rslora");
        return new LoraSettings(
                json.get("r").getAsInt(),
                json.get("lora_alpha").getAsDouble(),
                stabilized != null && !stabilized.isJsonNull() && stabilized.getAsBoolean(),
                new ArrayList<>(targets),
                ranks,
                alphas,
                0);
    }

    private static Map<String, JsonElement> patterns(JsonObject json, String name) {
        JsonElement e = json.get(name);
        Map<String, JsonElement> out = new TreeMap<>();
        if (e != null && e.isJsonObject()) {
            for (Map.Entry<String, JsonElement> p : e.getAsJsonObject().entrySet()) {
                try {
                    Pattern.compile(p.getKey());
                } catch (PatternSyntaxException x) {
                    throw new IllegalArgumentException(
                            name + ": " + p.getKey() + " (expected: a regular expression)", x);
                }
                out.put(p.getKey(), p.getValue());
            }
        }
        return out;
    }

    private static List<Matrix> matrices(
            Path file, LoraSettings settings, Parameters parameters, Safetensors weights)
            throws PolicyFormatException {
        for (String name : weights.entries().keySet()) {
            Matcher m = TENSOR.matcher(name);
            if (!m.matches() || !parameters.has(m.group(1) + ".weight")) {
                throw new PolicyFormatException(
                        weights.file()
                                + ": "
                                + name
                                + ": not the LoRA tensor of a matrix of this model");
            }
        }
        List<Matrix> out = new ArrayList<>();
        for (Matrix wanted : of(settings, parameters, "").matrices) {
            Safetensors.Entry a = weights.entries().get(wanted.tensor('A'));
            Safetensors.Entry b = weights.entries().get(wanted.tensor('B'));
            if (a == null && b == null) {
                continue; // layers_to_transform leaves some layers out
            }
            for (char which : new char[] {'A', 'B'}) {
                Safetensors.Entry e = which == 'A' ? a : b;
                if (e == null
                        || !java.util.Arrays.equals(e.shape(), wanted.shape(which))
                        || !FloatFormat.knows(e.dtype())) {
                    throw new PolicyFormatException(
                            weights.file()
                                    + ": "
                                    + wanted.tensor(which)
                                    + ": "
                                    + (e == null
                                            ? "missing"
                                            : e.dtype()
                                                    + " "
                                                    + java.util.Arrays.toString(e.shape()))
                                    + " (expected: floats of shape "
                                    + java.util.Arrays.toString(wanted.shape(which))
                                    + ", by "
                                    + file.getFileName()
                                    + " and the model)");
                }
            }
            out.add(wanted);
        }
        return out;
    }

    /** The weights' file of an adapter's folder. */
    public static Path weights(Path folder) {
        return folder.resolve(WEIGHTS);
    }

    /** Writes an adapter with its manifest: all of it, or nothing. */
    public void write(Path folder, FloatFormat format, WeightFiles.Source source)
            throws IOException {
        List<Safetensors.Entry> tensors = new ArrayList<>();
        for (Matrix m : matrices) {
            for (char which : new char[] {'A', 'B'}) {
                tensors.add(
                        new Safetensors.Entry(
                                m.tensor(which),
                                format.safetensorsName(),
                                m.shape(which),
                                0,
                                m.size(which) * format.bytes()));
            }
        }
        AtomicFiles.directory(
                folder,
                draft -> {
                    Files.writeString(draft.resolve(CONFIG), configJson());
                    WeightFiles.writeFile(draft.resolve(WEIGHTS), tensors, source);
                    Manifest.of(draft).write(draft);
                });
    }

    private String configJson() {
        JsonObject json = new JsonObject();
        json.addProperty("peft_type", "LORA");
        json.addProperty("task_type", "CAUSAL_LM");
        json.addProperty("base_model_name_or_path", baseName);
        json.addProperty("r", settings.rank());
        json.addProperty("lora_alpha", settings.alpha());
        json.addProperty("use_rslora", settings.rankStabilized());
        JsonArray targets = new JsonArray();
        settings.targetModules().forEach(targets::add);
        json.add("target_modules", targets);
        JsonObject ranks = new JsonObject();
        settings.rankPattern().forEach(ranks::addProperty);
        json.add("rank_pattern", ranks);
        JsonObject alphas = new JsonObject();
        settings.alphaPattern().forEach(alphas::addProperty);
        json.add("alpha_pattern", alphas);
        json.addProperty("bias", "none");
        json.addProperty("lora_dropout", 0.0);
        json.addProperty("fan_in_fan_out", false);
        json.addProperty("inference_mode", true);
        json.addProperty("use_dora", false);
        json.add("modules_to_save", JsonNull.INSTANCE);
        return new GsonBuilder()
                        .setPrettyPrinting()
                        .serializeNulls()
                        .disableHtmlEscaping()
                        .create()
                        .toJson(json)
                + "\n";
    }
}
