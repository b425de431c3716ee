package dev.forkpoint.triton.kserve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import dev.forkpoint.proto.kserve.v2.GRPCInferenceServiceGrpc;
import dev.forkpoint.proto.kserve.v2.ModelConfig;
import dev.forkpoint.proto.kserve.v2.ModelConfigRequest;
import dev.forkpoint.proto.kserve.v2.ModelConfigResponse;
import dev.forkpoint.proto.kserve.v2.ModelInferRequest;
import dev.forkpoint.proto.kserve.v2.ModelInferResponse;
import dev.forkpoint.proto.kserve.v2.ModelMetadataRequest;
import dev.forkpoint.proto.kserve.v2.ModelMetadataResponse;
import dev.forkpoint.proto.kserve.v2.ModelReadyRequest;
import dev.forkpoint.proto.kserve.v2.ModelReadyResponse;
import dev.forkpoint.proto.kserve.v2.ModelRepositoryParameter;
import dev.forkpoint.proto.kserve.v2.ModelStatisticsRequest;
import dev.forkpoint.proto.kserve.v2.ModelStatisticsResponse;
import dev.forkpoint.proto.kserve.v2.ModelStreamInferResponse;
import dev.forkpoint.proto.kserve.v2.RepositoryIndexRequest;
import dev.forkpoint.proto.kserve.v2.RepositoryIndexResponse;
import dev.forkpoint.proto.kserve.v2.RepositoryModelLoadRequest;
import dev.forkpoint.proto.kserve.v2.RepositoryModelLoadResponse;
import dev.forkpoint.proto.kserve.v2.RepositoryModelUnloadRequest;
import dev.forkpoint.proto.kserve.v2.RepositoryModelUnloadResponse;
import dev.forkpoint.proto.kserve.v2.ServerLiveRequest;
import dev.forkpoint.proto.kserve.v2.ServerLiveResponse;
import dev.forkpoint.proto.kserve.v2.ServerMetadataRequest;
import dev.forkpoint.proto.kserve.v2.ServerMetadataResponse;
import dev.forkpoint.proto.kserve.v2.ServerReadyRequest;
import dev.forkpoint.proto.kserve.v2.ServerReadyResponse;
import dev.forkpoint.triton.Tensor;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonServer;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The calls of KServe v2, on a {@link TritonServer}. */
final class KserveService extends GRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase {

    private static final JsonFormat.Parser JSON = JsonFormat.parser().ignoringUnknownFields();

    private static final ObjectMapper CONFIGS = new ObjectMapper();

    /** Parameters of a model's configuration that name directories of this machine. */
    private static final List<String> DIRECTORIES =
            List.of("policy_directory", "adapter_directory");

    private final TritonServer triton;
    private final KserveServer.Options options;
    private final Executor senders;
    private final AtomicLong buffered = new AtomicLong();

    KserveService(TritonServer triton, KserveServer.Options options, Executor senders) {
        this.triton = triton;
        this.options = options;
        this.senders = senders;
    }

    @Override
    public void serverLive(ServerLiveRequest request, StreamObserver<ServerLiveResponse> out) {
        answer(out, () -> ServerLiveResponse.newBuilder().setLive(triton.live()).build());
    }

    @Override
    public void serverReady(ServerReadyRequest request, StreamObserver<ServerReadyResponse> out) {
        answer(out, () -> ServerReadyResponse.newBuilder().setReady(triton.ready()).build());
    }

    @Override
    public void modelReady(ModelReadyRequest request, StreamObserver<ModelReadyResponse> out) {
        answer(
                out,
                () ->
                        ModelReadyResponse.newBuilder()
                                .setReady(triton.modelReady(request.getName()))
                                .build());
    }

    @Override
    public void serverMetadata(
            ServerMetadataRequest request, StreamObserver<ServerMetadataResponse> out) {
        answer(
                out,
                () -> parsed(triton.serverMetadata(), ServerMetadataResponse.newBuilder()).build());
    }

    @Override
    public void modelMetadata(
            ModelMetadataRequest request, StreamObserver<ModelMetadataResponse> out) {
        answer(
                out,
                () ->
                        parsed(
                                        triton.metadata(request.getName()),
                                        ModelMetadataResponse.newBuilder())
                                .build());
    }

    @Override
    public void modelConfig(ModelConfigRequest request, StreamObserver<ModelConfigResponse> out) {
        answer(
                out,
                () ->
                        ModelConfigResponse.newBuilder()
                                .setConfig(
                                        parsed(
                                                triton.config(request.getName()),
                                                ModelConfig.newBuilder()))
                                .build());
    }

    @Override
    public void modelStatistics(
            ModelStatisticsRequest request, StreamObserver<ModelStatisticsResponse> out) {
        answer(
                out,
                () ->
                        parsed(
                                        triton.statistics(request.getName()),
                                        ModelStatisticsResponse.newBuilder())
                                .build());
    }

    @Override
    public void repositoryIndex(
            RepositoryIndexRequest request, StreamObserver<RepositoryIndexResponse> out) {
        answer(
                out,
                () -> {
                    RepositoryIndexResponse all =
                            parsed(
                                            "{\"models\":" + triton.index() + "}",
                                            RepositoryIndexResponse.newBuilder())
                                    .build();
                    return request.getReady()
                            ? RepositoryIndexResponse.newBuilder()
                                    .addAllModels(
                                            all.getModelsList().stream()
                                                    .filter(m -> m.getState().equals("READY"))
                                                    .toList())
                                    .build()
                            : all;
                });
    }

    @Override
    public void repositoryModelLoad(
            RepositoryModelLoadRequest request, StreamObserver<RepositoryModelLoadResponse> out) {
        answer(
                out,
                () -> {
                    requireModelControl();
                    load(request);
                    return RepositoryModelLoadResponse.getDefaultInstance();
                });
    }

    private void load(RepositoryModelLoadRequest request) {
        String config = null;
        Map<String, byte[]> files = new HashMap<>();
        for (Map.Entry<String, ModelRepositoryParameter> p :
                request.getParametersMap().entrySet()) {
            if (p.getKey().equals("config")) {
                config = p.getValue().getStringParam();
            } else if (p.getKey().startsWith("file:")) {
                files.put(
                        p.getKey().substring("file:".length()),
                        p.getValue().getBytesParam().toByteArray());
            } else {
                throw new TritonException(
                        Code.INVALID_ARGUMENT,
                        "parameters." + p.getKey() + " (allowed: config, file:<path>)");
            }
        }
        if (config == null) {
            if (!files.isEmpty()) {
                throw new TritonException(
                        Code.INVALID_ARGUMENT, "parameters.config: missing beside file:<path>");
            }
            triton.load(request.getModelName());
            return;
        }
        JsonNode json = json(config);
        if (!json.path("backend").asText().equals("forkpoint") || !files.isEmpty()) {
            // another backend's configuration and files may be code
            throw new TritonException(
                    Code.UNSUPPORTED,
                    "parameters: a configuration of backend '"
                            + json.path("backend").asText()
                            + "', "
                            + files.size()
                            + " files (allowed: of backend forkpoint, without files)");
        }
        for (String name : DIRECTORIES) {
            JsonNode directory = json.path("parameters").path(name).path("string_value");
            if (!directory.isMissingNode()) {
                requireUnderRoots(name, directory.asText());
            }
        }
        // what was checked, not the text: another parser might read that otherwise
        triton.load(request.getModelName(), json.toString(), files);
    }

    private static JsonNode json(String config) {
        try {
            return CONFIGS.readTree(config);
        } catch (JsonProcessingException e) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT, "parameters.config: " + e.getOriginalMessage(), e);
        }
    }

    private void requireUnderRoots(String name, String directory) {
        try {
            Path real = Path.of(directory).toRealPath(); // links and ".." resolved
            for (Path root : options.policyRoots()) {
                if (real.startsWith(root.toRealPath())) {
                    return;
                }
            }
        } catch (IOException | java.nio.file.InvalidPathException e) {
            // refused like one outside: what exists there is nobody's business
        }
        throw new TritonException(
                Code.INVALID_ARGUMENT,
                "parameters.config."
                        + name
                        + ": '"
                        + directory
                        + "' (allowed: directories under the server's roots)");
    }

    @Override
    public void repositoryModelUnload(
            RepositoryModelUnloadRequest request,
            StreamObserver<RepositoryModelUnloadResponse> out) {
        answer(
                out,
                () -> {
                    requireModelControl();
                    triton.unload(request.getModelName());
                    return RepositoryModelUnloadResponse.getDefaultInstance();
                });
    }

    private void requireModelControl() {
        if (options.policyRoots().isEmpty()) {
            throw new TritonException(
                    Code.UNSUPPORTED, "this server takes no remote load or unload");
        }
    }

    @Override
    public void modelInfer(ModelInferRequest request, StreamObserver<ModelInferResponse> out) {
        try {
            if (parsed(triton.config(request.getModelName()), ModelConfig.newBuilder())
                    .getModelTransactionPolicy()
                    .getDecoupled()) {
                throw new TritonException(
                        Code.UNSUPPORTED,
                        "model '"
                                + request.getModelName()
                                + "' is decoupled (allowed: ModelStreamInfer)");
            }
            triton.infer(
                    request.getModelName(),
                    request.getId(),
                    Messages.inputs(request),
                    StreamCall.timeoutMicros(request),
                    new Single(request, out));
        } catch (TritonException e) {
            out.onError(Statuses.toGrpc(e));
        }
    }

    /** The one response of a model that is not decoupled. */
    private static final class Single implements TritonServer.Listener {
        private final ModelInferRequest request;
        private final StreamObserver<ModelInferResponse> out;
        private @Nullable TritonException error;
        private @Nullable ModelInferResponse response;

        Single(ModelInferRequest request, StreamObserver<ModelInferResponse> out) {
            this.request = request;
            this.out = out;
        }

        @Override
        public void onResponse(List<Tensor> outputs, boolean last) {
            ModelInferResponse.Builder builder =
                    ModelInferResponse.newBuilder()
                            .setModelName(request.getModelName())
                            .setId(request.getId());
            Messages.addOutputs(builder, request, outputs);
            response = builder.build();
        }

        @Override
        public void onError(TritonException e) {
            error = e;
        }

        @Override
        public void onEnd() {
            if (error != null || response == null) {
                out.onError(
                        Statuses.toGrpc(
                                error == null
                                        ? new TritonException(Code.INTERNAL, "no response")
                                        : error));
            } else {
                out.onNext(response);
                out.onCompleted();
            }
        }
    }

    @Override
    public StreamObserver<ModelInferRequest> modelStreamInfer(
            StreamObserver<ModelStreamInferResponse> out) {
        return new StreamCall(
                triton,
                options,
                senders,
                buffered,
                (ServerCallStreamObserver<ModelStreamInferResponse>) out);
    }

    private static <B extends Message.Builder> B parsed(String json, B builder) {
        try {
            JSON.merge(json, builder);
            return builder;
        } catch (InvalidProtocolBufferException e) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT, "not the JSON expected: " + e.getMessage(), e);
        }
    }

    private static <T> void answer(StreamObserver<T> out, Supplier<T> result) {
        T message;
        try {
            message = result.get();
        } catch (TritonException e) {
            out.onError(Statuses.toGrpc(e));
            return;
        }
        out.onNext(message);
        out.onCompleted();
    }
}
