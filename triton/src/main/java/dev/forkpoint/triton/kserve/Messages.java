package dev.forkpoint.triton.kserve;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.forkpoint.proto.kserve.v2.InferTensorContents;
import dev.forkpoint.proto.kserve.v2.ModelInferRequest;
import dev.forkpoint.proto.kserve.v2.ModelInferResponse;
import dev.forkpoint.triton.Tensor;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tensors as KServe v2 messages, and back. What we send is raw and not copied; what we take may be
 * typed lists too.
 */
final class Messages {

    private Messages() {}

    static ModelInferRequest request(String model, String id, List<Tensor> inputs) {
        ModelInferRequest.Builder request =
                ModelInferRequest.newBuilder().setModelName(model).setId(id);
        for (Tensor input : inputs) {
            request.addInputsBuilder()
                    .setName(input.name())
                    .setDatatype(input.type().name())
                    .addAllShape(shape(input.shape()));
            request.addRawInputContents(raw(input));
        }
        return request.build();
    }

    /** The outputs that were asked for, or all of them where none were named. */
    static void addOutputs(
            ModelInferResponse.Builder response, ModelInferRequest request, List<Tensor> outputs) {
        for (Tensor output : outputs) {
            if (request.getOutputsCount() > 0
                    && request.getOutputsList().stream()
                            .noneMatch(o -> o.getName().equals(output.name()))) {
                continue;
            }
            response.addOutputsBuilder()
                    .setName(output.name())
                    .setDatatype(output.type().name())
                    .addAllShape(shape(output.shape()));
            response.addRawOutputContents(raw(output));
        }
    }

    private static List<Long> shape(long[] dims) {
        return Arrays.stream(dims).boxed().toList();
    }

    private static ByteString raw(Tensor tensor) {
        return UnsafeByteOperations.unsafeWrap(tensor.data().duplicate().rewind());
    }

    static List<Tensor> inputs(ModelInferRequest request) {
        boolean raw = request.getRawInputContentsCount() > 0;
        if (raw && request.getRawInputContentsCount() != request.getInputsCount()) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT,
                    "raw_input_contents: "
                            + request.getRawInputContentsCount()
                            + " entries (allowed: one an input, "
                            + request.getInputsCount()
                            + ")");
        }
        List<Tensor> tensors = new ArrayList<>(request.getInputsCount());
        for (int i = 0; i < request.getInputsCount(); i++) {
            ModelInferRequest.InferInputTensor input = request.getInputs(i);
            Tensor.Type type = type(input.getName(), input.getDatatype());
            if (raw && input.hasContents()) {
                throw new TritonException(
                        Code.INVALID_ARGUMENT,
                        "inputs["
                                + i
                                + "].contents: beside raw_input_contents (allowed: one of the two)");
            }
            tensors.add(
                    new Tensor(
                            input.getName(),
                            type,
                            shape(input.getName(), input.getShapeList()),
                            raw
                                    ? littleEndian(request.getRawInputContents(i))
                                    : typed(input.getName(), type, input.getContents())));
        }
        return tensors;
    }

    static List<Tensor> outputs(ModelInferResponse response) {
        if (response.getRawOutputContentsCount() != response.getOutputsCount()) {
            throw new TritonException(
                    Code.INTERNAL,
                    "raw_output_contents: "
                            + response.getRawOutputContentsCount()
                            + " entries beside "
                            + response.getOutputsCount()
                            + " outputs");
        }
        List<Tensor> tensors = new ArrayList<>(response.getOutputsCount());
        for (int i = 0; i < response.getOutputsCount(); i++) {
            ModelInferResponse.InferOutputTensor output = response.getOutputs(i);
            tensors.add(
                    new Tensor(
                            output.getName(),
                            type(output.getName(), output.getDatatype()),
                            shape(output.getName(), output.getShapeList()),
                            littleEndian(response.getRawOutputContents(i))));
        }
        return tensors;
    }

    private static long[] shape(String name, List<Long> dims) {
        for (long d : dims) {
            if (d < 0 || d > Integer.MAX_VALUE) {
                throw new TritonException(
                        Code.INVALID_ARGUMENT,
                        name + ": shape " + dims + " (allowed: dimensions from 0 up)");
            }
        }
        return dims.stream().mapToLong(d -> d).toArray();
    }

    private static Tensor.Type type(String name, String datatype) {
        try {
            return Tensor.Type.valueOf(datatype);
        } catch (IllegalArgumentException e) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT,
                    name
                            + ": datatype '"
                            + datatype
                            + "' (allowed: "
                            + Arrays.toString(Tensor.Type.values())
                            + ")",
                    e);
        }
    }

    private static ByteBuffer littleEndian(ByteString bytes) {
        return ByteBuffer.wrap(bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer typed(String name, Tensor.Type type, InferTensorContents c) {
        return switch (type) {
            case BOOL -> {
                ByteBuffer b = allocate(c.getBoolContentsCount(), 1);
                c.getBoolContentsList().forEach(v -> b.put((byte) (v ? 1 : 0)));
                yield b.flip();
            }
            case INT8 -> {
                ByteBuffer b = allocate(c.getIntContentsCount(), 1);
                c.getIntContentsList().forEach(v -> b.put(v.byteValue()));
                yield b.flip();
            }
            case INT16 -> {
                ByteBuffer b = allocate(c.getIntContentsCount(), 2);
                c.getIntContentsList().forEach(v -> b.putShort(v.shortValue()));
                yield b.flip();
            }
            case INT32 -> {
                ByteBuffer b = allocate(c.getIntContentsCount(), 4);
                c.getIntContentsList().forEach(b::putInt);
                yield b.flip();
            }
            case INT64 -> {
                ByteBuffer b = allocate(c.getInt64ContentsCount(), 8);
                c.getInt64ContentsList().forEach(b::putLong);
                yield b.flip();
            }
            case UINT8 -> {
                ByteBuffer b = allocate(c.getUintContentsCount(), 1);
                c.getUintContentsList().forEach(v -> b.put(v.byteValue()));
                yield b.flip();
            }
            case UINT16 -> {
                ByteBuffer b = allocate(c.getUintContentsCount(), 2);
                c.getUintContentsList().forEach(v -> b.putShort(v.shortValue()));
                yield b.flip();
            }
            case UINT32 -> {
                ByteBuffer b = allocate(c.getUintContentsCount(), 4);
                c.getUintContentsList().forEach(b::putInt);
                yield b.flip();
            }
            case UINT64 -> {
                ByteBuffer b = allocate(c.getUint64ContentsCount(), 8);
                c.getUint64ContentsList().forEach(b::putLong);
                yield b.flip();
            }
            case FP32 -> {
                ByteBuffer b = allocate(c.getFp32ContentsCount(), 4);
                c.getFp32ContentsList().forEach(b::putFloat);
                yield b.flip();
            }
            case FP64 -> {
                ByteBuffer b = allocate(c.getFp64ContentsCount(), 8);
                c.getFp64ContentsList().forEach(b::putDouble);
                yield b.flip();
            }
            case BYTES -> {
                int size = c.getBytesContentsList().stream().mapToInt(v -> 4 + v.size()).sum();
                ByteBuffer b = allocate(size, 1);
                c.getBytesContentsList().forEach(v -> b.putInt(v.size()).put(v.toByteArray()));
                yield b.flip();
            }
            case FP16, BF16 ->
                    throw new TritonException(
                            Code.INVALID_ARGUMENT,
                            name + ": " + type + " as a typed list (allowed: raw_input_contents)");
        };
    }

    private static ByteBuffer allocate(int count, int width) {
        return ByteBuffer.allocate(Math.multiplyExact(count, width)).order(ByteOrder.LITTLE_ENDIAN);
    }
}
