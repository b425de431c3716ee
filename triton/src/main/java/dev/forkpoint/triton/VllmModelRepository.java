package dev.forkpoint.triton;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes the model repository by which NVIDIA's Triton, with its Python backend and vLLM, serves a
 * policy under the tensor contract: configuration, model.py and the mix-in of vLLM's workers
 * (docs/how-to/triton.md).
 */
public final class VllmModelRepository {

    /**
     * @param model name of the Triton model
     * @param policy what it serves first
     * @param exactEntropy entropies from the whole vocabulary, which crosses from the GPU for each
     *     token: exact and slow. False marks them absent
     * @param rawLogProbs vLLM's raw log-probs: temperature 0 or 1, any filter. False: its processed
     *     ones, any temperature, no filter
     * @param engineArguments further arguments of vLLM's AsyncEngineArgs, as a JSON object
     */
    public record Settings(
            String model,
            PolicySpec policy,
            boolean exactEntropy,
            boolean rawLogProbs,
            String engineArguments) {

        public Settings {
            TritonServer.requireName(model);
            TensorContract.parse(engineArguments);
        }
    }

    private VllmModelRepository() {}

    /** Writes the model's directory into a repository, over one that is there. */
    public static void write(Path repository, Settings settings) {
        try {
            Path version =
                    Files.createDirectories(repository.resolve(settings.model()).resolve("1"));
            Files.writeString(
                    version.resolveSibling("config.pbtxt"), protobufText(config(settings)));
            for (String file : new String[] {"model.py", "forkpoint_worker.py"}) {
                try (InputStream in =
                        VllmModelRepository.class.getResourceAsStream("/vllm/" + file)) {
                    if (in == null) {
                        throw new IllegalStateException("no vllm/" + file + " on the class path");
                    }
                    Files.copy(in, version.resolve(file), StandardCopyOption.REPLACE_EXISTING);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "the model repository " + repository + " cannot be written", e);
        }
    }

    static ObjectNode config(Settings settings) {
        Map<String, String> parameters = new LinkedHashMap<>();
        parameters.put(JvmBackend.VERSION_PARAMETER, Long.toString(settings.policy().version()));
        parameters.put(JvmBackend.DIRECTORY_PARAMETER, settings.policy().directory().toString());
        Path adapter = settings.policy().adapter();
        if (adapter != null) {
            parameters.put(JvmBackend.ADAPTER_PARAMETER, adapter.toString());
        }
        parameters.put(
                TensorContract.ENTROPY_PARAMETER, settings.exactEntropy() ? "exact" : "absent");
        parameters.put(TensorContract.DETERMINISTIC_PARAMETER, "false");
        parameters.put("logprobs_mode", settings.rawLogProbs() ? "raw" : "processed");
        parameters.put("engine_arguments", settings.engineArguments());
        ObjectNode config =
                TensorContract.parse(
                        TensorContract.modelConfig(
                                settings.model(), "python", "KIND_MODEL", parameters));
        ObjectNode control = config.withArray("input").addObject();
        control.put("name", "control").put("data_type", "TYPE_STRING").put("optional", true);
        control.putArray("dims").add(1);
        return config;
    }

    /** A model configuration in the text form that Triton reads from config.pbtxt. */
    static String protobufText(ObjectNode config) {
        StringBuilder text = new StringBuilder();
        config.properties().forEach(field -> append(text, "", field.getKey(), field.getValue()));
        return text.toString();
    }

    private static void append(StringBuilder text, String indent, String name, JsonNode value) {
        if (value.isArray()) {
            value.forEach(element -> append(text, indent, name, element));
        } else if (name.equals("parameters")) {
            value.properties()
                    .forEach(
                            entry -> {
                                text.append(indent).append("parameters {\n");
                                scalar(text, indent + "  ", "key", quoted(entry.getKey()));
                                append(text, indent + "  ", "value", entry.getValue());
                                text.append(indent).append("}\n");
                            });
        } else if (value.isObject()) {
            text.append(indent).append(name).append(" {\n");
            value.properties()
                    .forEach(
                            field -> append(text, indent + "  ", field.getKey(), field.getValue()));
            text.append(indent).append("}\n");
        } else {
            boolean bare = !value.isTextual() || name.equals("data_type") || name.equals("kind");
            scalar(text, indent, name, bare ? value.asText() : quoted(value.textValue()));
        }
    }

    private static void scalar(StringBuilder text, String indent, String name, String value) {
        text.append(indent).append(name).append(": ").append(value).append('\n');
    }

    private static String quoted(@Nullable String value) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : String.valueOf(value).toCharArray()) {
            switch (c) {
                case '"', '\\' -> quoted.append('\\').append(c);
                case '\n' -> quoted.append("\\n");
                default -> quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }

    /**
     * {@code REPOSITORY POLICY_DIR [--model NAME] [--version N] [--adapter DIR] [--exact-entropy]
     * [--raw-log-probs] [--engine-arguments JSON]}
     */
    public static void main(String[] args) {
        if (args.length < 2) {
            System.err.println(
                    "usage: REPOSITORY POLICY_DIR [--model NAME] [--version N] [--adapter DIR] [--exact-entropy]"
                            + " [--raw-log-probs] [--engine-arguments JSON]");
            System.exit(2);
        }
        String model = "policy";
        long version = 0;
        Path adapter = null;
        boolean exactEntropy = false;
        boolean rawLogProbs = false;
        String engineArguments = "{}";
        for (int i = 2; i < args.length; i++) {
            switch (args[i]) {
                case "--exact-entropy" -> exactEntropy = true;
                case "--raw-log-probs" -> rawLogProbs = true;
                case "--model" -> model = args[++i];
                case "--version" -> version = Long.parseLong(args[++i]);
                case "--adapter" -> adapter = Path.of(args[++i]);
                case "--engine-arguments" -> engineArguments = args[++i];
                default -> throw new IllegalArgumentException("unknown option " + args[i]);
            }
        }
        write(
                Path.of(args[0]),
                new Settings(
                        model,
                        new PolicySpec(version, Path.of(args[1]), adapter),
                        exactEntropy,
                        rawLogProbs,
                        engineArguments));
    }
}
