package dev.forkpoint.triton.kserve;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.triton.FinishReason;
import dev.forkpoint.triton.PolicySpec;
import dev.forkpoint.triton.RolloutChunk;
import dev.forkpoint.triton.RolloutRequest;
import dev.forkpoint.triton.RolloutSink;
import dev.forkpoint.triton.Tensor;
import dev.forkpoint.triton.TensorContract;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonPolicy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The control requests of the vLLM model (model.py of the vLLM model repository): its weights
 * change in place, since a reload by Triton would want room for a second engine on the GPU.
 */
final class VllmControl {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** How long a weights update may take, microseconds. */
    private static final long TIMEOUT_MICROS = 600_000_000;

    private VllmControl() {}

    /** Has the model serve another policy version, and waits until it does. */
    static void update(KserveClient client, String model, PolicySpec policy) {
        ObjectNode control = JSON.createObjectNode();
        control.put("op", "load").put("policy_version", policy.version());
        control.put("policy_directory", policy.directory().toString());
        if (policy.adapter() != null) {
            control.put("adapter_directory", policy.adapter().toString());
        }
        send(client, model, control);
    }

    /** The policy version that new rollouts are served by. */
    static long version(KserveClient client, String model) {
        return send(client, model, JSON.createObjectNode().put("op", "status"));
    }

    /** Every control request is answered with one token of no meaning, stamped with the version. */
    private static long send(KserveClient client, String model, ObjectNode control) {
        List<Tensor> inputs =
                new ArrayList<>(
                        TensorContract.encode(RolloutRequest.of("control", new int[] {0}, 0, 1)));
        byte[] text = control.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer data = ByteBuffer.allocate(4 + text.length).order(ByteOrder.LITTLE_ENDIAN);
        data.putInt(text.length).put(text).flip();
        inputs.add(new Tensor("control", Tensor.Type.BYTES, new long[] {1}, data));
        Answer answer = new Answer();
        var unused =
                client.infer(
                        model,
                        "control",
                        inputs,
                        TIMEOUT_MICROS,
                        new TritonPolicy.SinkListener(answer));
        try {
            return answer.version.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof TritonException t ? t : e;
        }
    }

    private static final class Answer implements RolloutSink {
        private final CompletableFuture<Long> version = new CompletableFuture<>();

        @Override
        public void onTokens(RolloutChunk chunk) {
            version.complete(chunk.policyVersions()[0]);
        }

        @Override
        public void onFinished(FinishReason reason, Stats stats) {
            onFailed(
                    new TritonException(
                            Code.UNAVAILABLE,
                            "a control request ended without an answer: " + reason));
        }

        @Override
        public void onFailed(TritonException error) {
            version.completeExceptionally(error); // a no-op where it was answered
        }
    }
}
