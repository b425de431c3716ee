package dev.forkpoint.service.stream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.SummarizeRequest;
import dev.forkpoint.proto.entropy.v1.SummarizeResponse;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StrictBindingTest {

    private final List<SummarizeRequest> received = new ArrayList<>();
    private final List<Throwable> failures = new ArrayList<>();
    private @Nullable Status closed;

    private final class Service extends EntropyServiceGrpc.EntropyServiceImplBase {
        @Override
        public StreamObserver<SummarizeRequest> summarize(StreamObserver<SummarizeResponse> out) {
            return new StreamObserver<>() {
                @Override
                public void onNext(SummarizeRequest value) {
                    received.add(value);
                }

                @Override
                public void onError(Throwable t) {
                    failures.add(t);
                }

                @Override
                public void onCompleted() {
                    out.onNext(SummarizeResponse.getDefaultInstance());
                    out.onCompleted();
                }
            };
        }
    }

    private final class Call extends ServerCall<SummarizeRequest, SummarizeResponse> {
        private final MethodDescriptor<SummarizeRequest, SummarizeResponse> method;

        Call(MethodDescriptor<SummarizeRequest, SummarizeResponse> method) {
            this.method = method;
        }

        @Override
        public void request(int messages) {}

        @Override
        public void sendHeaders(Metadata headers) {}

        @Override
        public void sendMessage(SummarizeResponse message) {}

        @Override
        public void close(Status status, Metadata trailers) {
            assertThat(closed).as("closed once").isNull();
            closed = status;
        }

        @Override
        public boolean isCancelled() {
            return false;
        }

        @Override
        public MethodDescriptor<SummarizeRequest, SummarizeResponse> getMethodDescriptor() {
            return method;
        }
    }

    /** The messages as bytes, as the server would hand them over; then the half-close. */
    @SuppressWarnings("unchecked")
    private void call(byte[]... messages) {
        ServerServiceDefinition strict = StrictBinding.of(new Service().bindService());
        ServerMethodDefinition<SummarizeRequest, SummarizeResponse> method =
                (ServerMethodDefinition<SummarizeRequest, SummarizeResponse>)
                        strict.getMethod("forkpoint.entropy.v1.EntropyService/Summarize");
        var listener =
                method.getServerCallHandler()
                        .startCall(new Call(method.getMethodDescriptor()), new Metadata());
        for (byte[] message : messages) {
            listener.onMessage(
                    method.getMethodDescriptor().parseRequest(new ByteArrayInputStream(message)));
        }
        listener.onHalfClose();
    }

    private static byte[] good(float entropy) {
        return SummarizeRequest.newBuilder().addEntropies(entropy).build().toByteArray();
    }

    @Test
    void undecodableMessageEndsTheCallAndTellsTheService() {
        call(good(1), new byte[] {-1, -1, 1}, good(2));
        Status closed = Objects.requireNonNull(this.closed);
        assertThat(closed.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(closed.getDescription()).contains("EntropyService/Summarize");
        assertThat(received).hasSize(1);
        assertThat(failures).as("a cancel").hasSize(1);
    }

    @Test
    void goodAndEmptyMessagesPass() {
        call(good(1), new byte[0], good(2));
        assertThat(Objects.requireNonNull(closed).isOk()).isTrue();
        assertThat(received).hasSize(3);
    }
}
