package dev.forkpoint.triton.kserve;

import com.google.protobuf.ByteString;
import dev.forkpoint.proto.kserve.v2.GRPCInferenceServiceGrpc;
import dev.forkpoint.proto.kserve.v2.InferParameter;
import dev.forkpoint.proto.kserve.v2.ModelConfig;
import dev.forkpoint.proto.kserve.v2.ModelConfigRequest;
import dev.forkpoint.proto.kserve.v2.ModelInferRequest;
import dev.forkpoint.proto.kserve.v2.ModelMetadataRequest;
import dev.forkpoint.proto.kserve.v2.ModelMetadataResponse;
import dev.forkpoint.proto.kserve.v2.ModelReadyRequest;
import dev.forkpoint.proto.kserve.v2.ModelRepositoryParameter;
import dev.forkpoint.proto.kserve.v2.ModelStreamInferResponse;
import dev.forkpoint.proto.kserve.v2.RepositoryModelLoadRequest;
import dev.forkpoint.proto.kserve.v2.RepositoryModelUnloadRequest;
import dev.forkpoint.proto.kserve.v2.ServerLiveRequest;
import dev.forkpoint.proto.kserve.v2.ServerReadyRequest;
import dev.forkpoint.triton.RolloutHandle;
import dev.forkpoint.triton.Tensor;
import dev.forkpoint.triton.TensorContract;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import dev.forkpoint.triton.TritonServer;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A client of one server that speaks KServe v2 over gRPC, Triton's or ours. Thread-safe. */
public final class KserveClient implements AutoCloseable {

    private static final String FINAL = "triton_final_response";
    private static final String EMPTY_FINAL = "triton_enable_empty_final_response";

    /** How much longer than a request's timeout we wait for the server to say so itself. */
    private static final long DEADLINE_GRACE_MICROS = 1_000_000;

    private final String address;
    private final ManagedChannel channel;
    private final Duration timeout;

    /**
     * @param address host:port
     * @param tls null: plain text
     * @param timeout of each call but streams and loads
     */
    public KserveClient(String address, @Nullable Tls tls, Duration timeout) {
        this.address = address;
        this.timeout = timeout;
        try {
            channel =
                    Grpc.newChannelBuilder(
                                    address,
                                    tls == null
                                            ? InsecureChannelCredentials.create()
                                            : tls.channel())
                            .keepAliveTime(20, TimeUnit.SECONDS)
                            .maxInboundMessageSize(64 << 20)
                            .build();
        } catch (IOException e) {
            throw new TritonException(
                    Code.INVALID_ARGUMENT, "TLS files for " + address + ": " + e.getMessage(), e);
        }
    }

    public String address() {
        return address;
    }

    public boolean live() {
        return call(() -> stub().serverLive(ServerLiveRequest.getDefaultInstance()).getLive());
    }

    public boolean ready() {
        return call(() -> stub().serverReady(ServerReadyRequest.getDefaultInstance()).getReady());
    }

    public boolean modelReady(String model) {
        return call(
                () ->
                        stub().modelReady(ModelReadyRequest.newBuilder().setName(model).build())
                                .getReady());
    }

    public ModelConfig config(String model) {
        return call(
                () ->
                        stub().modelConfig(ModelConfigRequest.newBuilder().setName(model).build())
                                .getConfig());
    }

    /**
     * Holds a model to the tensor contract, by its metadata and configuration.
     *
     * @return the configuration
     * @throws TritonException UNSUPPORTED, naming the tensor, if it does not fit
     */
    public ModelConfig checkContract(String model) {
        ModelConfig config = config(model);
        ModelMetadataResponse metadata =
                call(
                        () ->
                                stub().modelMetadata(
                                                ModelMetadataRequest.newBuilder()
                                                        .setName(model)
                                                        .build()));
        TensorContract.check(
                model,
                config.containsParameters(TensorContract.VERSION_PARAMETER)
                        ? config.getParametersOrThrow(TensorContract.VERSION_PARAMETER)
                                .getStringValue()
                        : null,
                config.getModelTransactionPolicy().getDecoupled(),
                declared(metadata.getInputsList()),
                declared(metadata.getOutputsList()));
        return config;
    }

    private static List<TensorContract.Declared> declared(
            List<ModelMetadataResponse.TensorMetadata> tensors) {
        List<TensorContract.Declared> all = new ArrayList<>(tensors.size());
        for (ModelMetadataResponse.TensorMetadata t : tensors) {
            all.add(new TensorContract.Declared(t.getName(), t.getDatatype(), t.getShapeList()));
        }
        return all;
    }

    /**
     * Loads or replaces a model.
     *
     * @param configJson its configuration; null: the one on the server's disk
     * @param files its files by path, which need a configuration
     */
    public void load(String model, @Nullable String configJson, Map<String, byte[]> files) {
        RepositoryModelLoadRequest.Builder request =
                RepositoryModelLoadRequest.newBuilder().setModelName(model);
        if (configJson != null) {
            request.putParameters(
                    "config",
                    ModelRepositoryParameter.newBuilder().setStringParam(configJson).build());
        }
        files.forEach(
                (path, data) ->
                        request.putParameters(
                                "file:" + path,
                                ModelRepositoryParameter.newBuilder()
                                        .setBytesParam(ByteString.copyFrom(data))
                                        .build()));
        call(
                () ->
                        GRPCInferenceServiceGrpc.newBlockingStub(channel)
                                .repositoryModelLoad(request.build()));
    }

    public void unload(String model) {
        call(
                () ->
                        stub().repositoryModelUnload(
                                        RepositoryModelUnloadRequest.newBuilder()
                                                .setModelName(model)
                                                .build()));
    }

    /**
     * Sends one request on a stream of its own, so that cancelling it cancels nothing else. Never
     * throws for the server's sake: everything goes to the listener, on gRPC's threads.
     *
     * @param timeoutMicros 0: none
     */
    public RolloutHandle infer(
            String model,
            String id,
            List<Tensor> inputs,
            long timeoutMicros,
            TritonServer.Listener listener) {
        ModelInferRequest.Builder request = Messages.request(model, id, inputs).toBuilder();
        request.putParameters(EMPTY_FINAL, InferParameter.newBuilder().setBoolParam(true).build());
        GRPCInferenceServiceGrpc.GRPCInferenceServiceStub stub =
                GRPCInferenceServiceGrpc.newStub(channel);
        if (timeoutMicros > 0) {
            request.putParameters(
                    "timeout", InferParameter.newBuilder().setInt64Param(timeoutMicros).build());
            stub =
                    stub.withDeadlineAfter(
                            timeoutMicros + DEADLINE_GRACE_MICROS, TimeUnit.MICROSECONDS);
        }
        Responses responses = new Responses(listener);
        var requests = stub.modelStreamInfer(responses);
        requests.onNext(request.build());
        requests.onCompleted();
        return responses;
    }

    private final class Responses
            implements ClientResponseObserver<ModelInferRequest, ModelStreamInferResponse>,
                    RolloutHandle {

        private final TritonServer.Listener listener;
        private volatile @Nullable ClientCallStreamObserver<ModelInferRequest> requests;

        Responses(TritonServer.Listener listener) {
            this.listener = listener;
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<ModelInferRequest> stream) {
            requests = stream;
        }

        @Override
        public void cancel() {
            ClientCallStreamObserver<ModelInferRequest> stream = requests;
            if (stream != null) {
                stream.cancel("cancelled by the caller", null);
            }
        }

        @Override
        public void onNext(ModelStreamInferResponse message) {
            if (!message.getErrorMessage().isEmpty()) {
                listener.onError(TritonException.ofWireText(message.getErrorMessage()));
                return;
            }
            boolean last =
                    message.getInferResponse()
                            .getParametersOrDefault(FINAL, InferParameter.getDefaultInstance())
                            .getBoolParam();
            if (message.getInferResponse().getOutputsCount() == 0) {
                return; // the bare end; the call's completion follows
            }
            try {
                listener.onResponse(Messages.outputs(message.getInferResponse()), last);
            } catch (TritonException e) {
                listener.onError(e);
                cancel();
            }
        }

        @Override
        public void onError(Throwable error) {
            listener.onError(Statuses.fromGrpc(address, error));
            listener.onEnd();
        }

        @Override
        public void onCompleted() {
            listener.onEnd();
        }
    }

    private GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub stub() {
        return GRPCInferenceServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    private <T> T call(Supplier<T> call) {
        try {
            return call.get();
        } catch (StatusRuntimeException e) {
            throw Statuses.fromGrpc(address, e);
        }
    }

    /** Ends what runs with an error. */
    @Override
    public void close() {
        channel.shutdownNow();
    }
}
