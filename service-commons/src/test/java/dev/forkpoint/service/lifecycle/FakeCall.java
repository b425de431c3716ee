package dev.forkpoint.service.lifecycle;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.Optional;

/** A call of texts that nobody reads, and how it was closed. */
final class FakeCall extends ServerCall<String, String> {
    private static final MethodDescriptor.Marshaller<String> TEXT =
            new MethodDescriptor.Marshaller<>() {
                @Override
                public InputStream stream(String value) {
                    return new ByteArrayInputStream(new byte[0]);
                }

                @Override
                public String parse(InputStream stream) {
                    return "";
                }
            };

    private final MethodDescriptor<String, String> method;

    /** Absent while it is open. */
    Optional<Status> closed = Optional.empty();

    Metadata trailers = new Metadata();

    FakeCall(String name, MethodDescriptor.MethodType type) {
        method =
                MethodDescriptor.newBuilder(TEXT, TEXT)
                        .setType(type)
                        .setFullMethodName(name)
                        .build();
    }

    @Override
    public void request(int numMessages) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(String message) {}

    @Override
    public void close(Status status, Metadata trailers) {
        closed = Optional.of(status);
        this.trailers = trailers;
    }

    @Override
    public boolean isCancelled() {
        return false;
    }

    @Override
    public MethodDescriptor<String, String> getMethodDescriptor() {
        return method;
    }
}
