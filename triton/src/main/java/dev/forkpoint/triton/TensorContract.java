package dev.forkpoint.triton;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.triton.RolloutRequest.Chunks;
import dev.forkpoint.triton.RolloutRequest.Fork;
import dev.forkpoint.triton.RolloutRequest.Sampling;
import dev.forkpoint.triton.TritonException.Code;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of every Triton-served policy, whatever its backend
 * (docs/reference/triton-tensor-contract.md). No tensor has a batch dimension: the engine batches.
 * The one place where requests and responses become tensors and come back.
 */
public final class TensorContract {

    /**
     * Raised when a tensor is renamed, retyped or removed, or becomes required. New optional inputs
     * do not raise it.
     */
    public static final int VERSION = 1;

    /** Model parameter that names the version of this contract which a model serves. */
    public static final String VERSION_PARAMETER = "tensor_contract";

    /**
     * Model parameter: {@code exact} where every response carries entropies, else {@code absent}.
     */
    public static final String ENTROPY_PARAMETER = "entropy";

    /** Model parameter: {@code true} where the same request always gives the same tokens. */
    public static final String DETERMINISTIC_PARAMETER = "deterministic";

    private static final ObjectMapper JSON = new ObjectMapper();

    private enum Input {
        PROMPT_IDS("prompt_ids", Tensor.Type.INT32, -1, true),
        SEED("seed", Tensor.Type.INT64, 1, true),
        MAX_TOKENS("max_tokens", Tensor.Type.INT32, 1, true),
        TEMPERATURE("temperature", Tensor.Type.FP64, 1, false),
        TOP_P("top_p", Tensor.Type.FP64, 1, false),
        TOP_K("top_k", Tensor.Type.INT32, 1, false),
        MIN_P("min_p", Tensor.Type.FP64, 1, false),
        FORK_TEMPERATURE("fork_temperature", Tensor.Type.FP64, 1, false),
        FORK_ENTROPY("fork_entropy", Tensor.Type.FP64, 1, false),
        STOP_IDS("stop_ids", Tensor.Type.INT32, -1, false),
        IGNORE_EOS("ignore_eos", Tensor.Type.BOOL, 1, false),
        CHUNK_TOKENS("chunk_tokens", Tensor.Type.INT32, 1, false),
        CHUNK_MILLIS("chunk_millis", Tensor.Type.INT32, 1, false),
        PRIORITY("priority", Tensor.Type.INT32, 1, false);

        private static final Input[] ALL = values();

        private final String wire;
        private final Tensor.Type type;
        private final long dim;
        private final boolean required;

        Input(String wire, Tensor.Type type, long dim, boolean required) {
            this.wire = wire;
            this.type = type;
            this.dim = dim;
            this.required = required;
        }

        private String shape() {
            return "[" + (dim < 0 ? "n" : dim) + "]";
        }
    }

    private enum Output {
        TOKEN_IDS("token_ids", Tensor.Type.INT32, -1),
        LOG_PROBS("log_probs", Tensor.Type.FP32, -1),
        ENTROPIES("entropies", Tensor.Type.FP32, -1),
        COLLISION_PROBABILITIES("collision_probabilities", Tensor.Type.FP32, -1),
        POLICY_VERSIONS("policy_versions", Tensor.Type.INT64, -1),
        FINISH_REASON("finish_reason", Tensor.Type.INT32, 1),
        QUEUE_MICROS("queue_micros", Tensor.Type.INT64, 1),
        BATCH_SIZE("batch_size", Tensor.Type.INT32, 1);

        private final String wire;
        private final Tensor.Type type;
        private final long dim;

        Output(String wire, Tensor.Type type, long dim) {
            this.wire = wire;
            this.type = type;
            this.dim = dim;
        }
    }

    private TensorContract() {}

    /** A request as tensors. What stands at its default is left out. */
    public static List<Tensor> encode(RolloutRequest request) {
        List<Tensor> tensors = new ArrayList<>();
        tensors.add(Tensor.ints(Input.PROMPT_IDS.wire, request.promptIds()));
        tensors.add(Tensor.longs(Input.SEED.wire, request.seed()));
        tensors.add(Tensor.ints(Input.MAX_TOKENS.wire, request.maxTokens()));
        Sampling s = request.sampling();
        addUnless(1, tensors, Input.TEMPERATURE, s.temperature());
        addUnless(1, tensors, Input.TOP_P, s.topP());
        addUnless(0, tensors, Input.TOP_K, s.topK());
        addUnless(0, tensors, Input.MIN_P, s.minP());
        if (s.fork() != null) {
            tensors.add(Tensor.doubles(Input.FORK_TEMPERATURE.wire, s.fork().temperature()));
            tensors.add(Tensor.doubles(Input.FORK_ENTROPY.wire, s.fork().entropyNats()));
        }
        if (request.stopIds().length > 0) {
            tensors.add(Tensor.ints(Input.STOP_IDS.wire, request.stopIds()));
        }
        if (request.ignoreEos()) {
            tensors.add(Tensor.bool(Input.IGNORE_EOS.wire, true));
        }
        addUnless(0, tensors, Input.CHUNK_TOKENS, request.chunks().tokens());
        addUnless(0, tensors, Input.CHUNK_MILLIS, request.chunks().millis());
        addUnless(0, tensors, Input.PRIORITY, request.priority());
        return tensors;
    }

    private static void addUnless(double usual, List<Tensor> tensors, Input input, double value) {
        if (value != usual) {
            tensors.add(Tensor.doubles(input.wire, value));
        }
    }

    private static void addUnless(int usual, List<Tensor> tensors, Input input, int value) {
        if (value != usual) {
            tensors.add(Tensor.ints(input.wire, value));
        }
    }

    /**
     * The inverse of {@link #encode}.
     *
     * @throws TritonException INVALID_ARGUMENT, naming the tensor, what was found and what is
     *     allowed
     */
    public static RolloutRequest decode(String id, List<Tensor> tensors, long timeoutMicros) {
        Map<Input, Tensor> byInput = new EnumMap<>(Input.class);
        for (Tensor tensor : tensors) {
            Input input = input(tensor.name());
            if (tensor.shape().length != 1 || (input.dim >= 0 && tensor.shape()[0] != input.dim)) {
                throw RolloutRequest.refused(
                        tensor.name(), "shape " + Arrays.toString(tensor.shape()), input.shape());
            }
            RolloutRequest.require(
                    byInput.put(input, tensor) == null, tensor.name(), "given twice", "once");
        }
        for (Input input : Input.ALL) {
            if (input.required && !byInput.containsKey(input)) {
                throw RolloutRequest.refused(
                        input.wire, "missing", input.type + " of shape " + input.shape());
            }
        }
        boolean fork = byInput.containsKey(Input.FORK_TEMPERATURE);
        if (fork != byInput.containsKey(Input.FORK_ENTROPY)) {
            throw RolloutRequest.refused(
                    fork ? Input.FORK_ENTROPY.wire : Input.FORK_TEMPERATURE.wire,
                    "missing",
                    "both or neither of "
                            + Input.FORK_TEMPERATURE.wire
                            + " and "
                            + Input.FORK_ENTROPY.wire);
        }
        Sampling sampling =
                new Sampling(
                        doubleOf(byInput, Input.TEMPERATURE, 1),
                        doubleOf(byInput, Input.TOP_P, 1),
                        intOf(byInput, Input.TOP_K, 0),
                        doubleOf(byInput, Input.MIN_P, 0),
                        fork
                                ? new Fork(
                                        doubleOf(byInput, Input.FORK_TEMPERATURE, 0),
                                        doubleOf(byInput, Input.FORK_ENTROPY, 0))
                                : null);
        Tensor stopIds = byInput.get(Input.STOP_IDS);
        Tensor ignoreEos = byInput.get(Input.IGNORE_EOS);
        if (ignoreEos != null && ignoreEos.type() != Tensor.Type.BOOL) {
            throw RolloutRequest.refused(Input.IGNORE_EOS.wire, "type " + ignoreEos.type(), "BOOL");
        }
        return new RolloutRequest(
                id,
                required(byInput, Input.PROMPT_IDS).asInts(),
                required(byInput, Input.SEED).asLongs()[0],
                sampling,
                intOf(byInput, Input.MAX_TOKENS, 0),
                stopIds == null ? new int[0] : stopIds.asInts(),
                ignoreEos != null && ignoreEos.data().get(0) != 0,
                new Chunks(
                        intOf(byInput, Input.CHUNK_TOKENS, 0),
                        intOf(byInput, Input.CHUNK_MILLIS, 0)),
                timeoutMicros,
                intOf(byInput, Input.PRIORITY, 0));
    }

    private static Input input(String wire) {
        for (Input input : Input.ALL) {
            if (input.wire.equals(wire)) {
                return input;
            }
        }
        StringJoiner known = new StringJoiner(", ");
        for (Input input : Input.values()) {
            known.add(input.wire);
        }
        throw new TritonException(
                Code.INVALID_ARGUMENT, wire + ": no such input (allowed: " + known + ")");
    }

    private static Tensor required(Map<Input, Tensor> tensors, Input input) {
        Tensor tensor = tensors.get(input);
        if (tensor == null) {
            throw new IllegalStateException(input.wire + " was checked to be there");
        }
        return tensor;
    }

    private static double doubleOf(Map<Input, Tensor> tensors, Input input, double usual) {
        Tensor tensor = tensors.get(input);
        return tensor == null ? usual : tensor.asDoubles()[0];
    }

    private static int intOf(Map<Input, Tensor> tensors, Input input, int usual) {
        Tensor tensor = tensors.get(input);
        return tensor == null ? usual : tensor.asInts()[0];
    }

    /**
     * One response.
     *
     * @param reason NONE unless it is the last
     */
    public record Response(RolloutChunk chunk, FinishReason reason, RolloutSink.Stats stats) {}

    /**
     * Reads a response; an optional output (entropies, collision probabilities, queue time, batch
     * size) that is missing, or has no values beside tokens that have, is absent.
     *
     * @throws TritonException INTERNAL, naming the tensor, if it does not fit the contract
     */
    public static Response decodeResponse(List<Tensor> tensors) {
        Map<String, Tensor> byName = new HashMap<>();
        tensors.forEach(t -> byName.put(t.name(), t));
        try {
            int[] ids = output(byName, Output.TOKEN_IDS).asInts();
            RolloutChunk chunk =
                    new RolloutChunk(
                            ids,
                            output(byName, Output.LOG_PROBS).asFloats(),
                            optional(byName.get(Output.ENTROPIES.wire), ids.length),
                            optional(byName.get(Output.COLLISION_PROBABILITIES.wire), ids.length),
                            output(byName, Output.POLICY_VERSIONS).asLongs());
            Tensor queue = byName.get(Output.QUEUE_MICROS.wire);
            Tensor batch = byName.get(Output.BATCH_SIZE.wire);
            return new Response(
                    chunk,
                    FinishReason.of(output(byName, Output.FINISH_REASON).asInts()[0]),
                    new RolloutSink.Stats(
                            queue == null ? -1 : queue.asLongs()[0],
                            batch == null ? -1 : batch.asInts()[0]));
        } catch (TritonException e) {
            throw new TritonException(
                    Code.INTERNAL,
                    "a response does not fit the tensor contract: " + e.getMessage(),
                    e);
        }
    }

    private static Tensor output(Map<String, Tensor> tensors, Output output) {
        Tensor tensor = tensors.get(output.wire);
        if (tensor == null) {
            throw new TritonException(Code.INTERNAL, output.wire + ": missing");
        }
        return tensor;
    }

    private static float @Nullable [] optional(@Nullable Tensor tensor, int tokens) {
        return tensor == null || (tensor.elements() == 0 && tokens > 0) ? null : tensor.asFloats();
    }

    /**
     * The model configuration of a policy under this contract, as Triton's JSON.
     *
     * @param parameters further model parameters, by name
     */
    public static String modelConfig(
            String model, String backend, String kind, Map<String, String> parameters) {
        ObjectNode config = JSON.createObjectNode();
        config.put("name", model).put("backend", backend).put("max_batch_size", 0);
        config.putObject("model_transaction_policy").put("decoupled", true);
        ArrayNode inputs = config.putArray("input");
        for (Input input : Input.values()) {
            ObjectNode node = tensor(inputs, input.wire, input.type, input.dim);
            if (!input.required) {
                node.put("optional", true);
            }
        }
        ArrayNode outputs = config.putArray("output");
        for (Output output : Output.values()) {
            tensor(outputs, output.wire, output.type, output.dim);
        }
        config.putArray("instance_group").addObject().put("kind", kind).put("count", 1);
        ObjectNode all = config.putObject("parameters");
        parameter(all, VERSION_PARAMETER, Integer.toString(VERSION));
        parameters.forEach((key, value) -> parameter(all, key, value));
        return config.toString();
    }

    static void parameter(ObjectNode parameters, String key, String value) {
        parameters.putObject(key).put("string_value", value);
    }

    private static ObjectNode tensor(ArrayNode list, String name, Tensor.Type type, long dim) {
        ObjectNode node = list.addObject().put("name", name).put("data_type", "TYPE_" + type);
        node.putArray("dims").add(dim);
        return node;
    }

    /**
     * A tensor as a model declares it.
     *
     * @param shape −1 where a dimension varies
     */
    public record Declared(String name, String type, List<Long> shape) {}

    /**
     * Holds a model to this contract.
     *
     * @param contract the model's {@link #VERSION_PARAMETER}, or null where it names none
     * @throws TritonException UNSUPPORTED, naming the tensor or parameter, what was found and what
     *     is needed
     */
    public static void check(
            String model,
            @Nullable String contract,
            boolean decoupled,
            Collection<Declared> inputs,
            Collection<Declared> outputs) {
        fits(
                Integer.toString(VERSION).equals(contract),
                model,
                "parameter " + VERSION_PARAMETER,
                String.valueOf(contract),
                Integer.toString(VERSION));
        fits(decoupled, model, "model_transaction_policy.decoupled", "false", "true");
        for (Input input : Input.values()) {
            fits(model, "input " + input.wire, find(inputs, input.wire), input.type, input.dim);
        }
        for (Output output : Output.values()) {
            fits(
                    model,
                    "output " + output.wire,
                    find(outputs, output.wire),
                    output.type,
                    output.dim);
        }
    }

    private static @Nullable Declared find(Collection<Declared> tensors, String name) {
        return tensors.stream().filter(t -> t.name().equals(name)).findFirst().orElse(null);
    }

    private static void fits(
            String model, String what, @Nullable Declared found, Tensor.Type type, long dim) {
        String needed = type + " [" + dim + "]";
        if (found == null) {
            fits(false, model, what, "none", needed);
            return;
        }
        fits(
                found.type().equals(type.name()) && found.shape().equals(List.of(dim)),
                model,
                what,
                found.type() + " " + found.shape(),
                needed);
    }

    private static void fits(
            boolean holds, String model, String what, String found, String needed) {
        if (!holds) {
            throw new TritonException(
                    Code.UNSUPPORTED,
                    "model '"
                            + model
                            + "' does not serve tensor contract "
                            + VERSION
                            + ": "
                            + what
                            + ": "
                            + found
                            + " (needed: "
                            + needed
                            + ")");
        }
    }

    /** {@link #check} on a model configuration in Triton's JSON. */
    public static void check(String configJson) {
        JsonNode config = parse(configJson);
        check(
                config.path("name").asText(),
                config.path("parameters").path(VERSION_PARAMETER).path("string_value").textValue(),
                config.path("model_transaction_policy").path("decoupled").asBoolean(),
                declared(config.path("input")),
                declared(config.path("output")));
    }

    private static List<Declared> declared(JsonNode tensors) {
        List<Declared> all = new ArrayList<>();
        for (JsonNode tensor : tensors) {
            List<Long> shape = new ArrayList<>();
            tensor.path("dims").forEach(d -> shape.add(d.asLong()));
            String type = tensor.path("data_type").asText();
            all.add(
                    new Declared(
                            tensor.path("name").asText(),
                            type.startsWith("TYPE_") ? type.substring("TYPE_".length()) : type,
                            shape));
        }
        return all;
    }

    /** A model configuration, parsed. */
    static ObjectNode parse(String configJson) {
        try {
            if (JSON.readTree(configJson) instanceof ObjectNode object) {
                return object;
            }
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT, "config: not JSON: " + e.getOriginalMessage(), e);
        }
        throw new TritonException(Code.INVALID_ARGUMENT, "config: not a JSON object");
    }
}
