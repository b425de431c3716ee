package dev.forkpoint.service.stream;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import java.io.InputStream;

/**
 * Refuses request messages that are none. Vert.x' server leaves a message out that cannot be
 * decoded: a request on a stream would never be answered, and a call that sends several would go on
 * for ever, or over what is left.
 */
public final class StrictBinding {

    private StrictBinding() {}

    /** The same service, whose calls end with INVALID_ARGUMENT at such a message. */
    public static ServerServiceDefinition of(ServerServiceDefinition service) {
        ServiceDescriptor.Builder descriptor =
                ServiceDescriptor.newBuilder(service.getServiceDescriptor().getName())
                        .setSchemaDescriptor(service.getServiceDescriptor().getSchemaDescriptor());
        var methods = service.getMethods().stream().map(StrictBinding::strict).toList();
        methods.forEach(method -> descriptor.addMethod(method.getMethodDescriptor()));
        ServerServiceDefinition.Builder out = ServerServiceDefinition.builder(descriptor.build());
        methods.forEach(out::addMethod);
        return out.build();
    }

    private static <Q, A> ServerMethodDefinition<Q, A> strict(ServerMethodDefinition<Q, A> method) {
        MethodDescriptor<Q, A> descriptor = method.getMethodDescriptor();
        MethodDescriptor.Marshaller<Q> marshaller = descriptor.getRequestMarshaller();
        // an instance of its own, known by identity: it stands for what could not be decoded
        Q undecodable = marshaller.parse(InputStream.nullInputStream());
        MethodDescriptor.Marshaller<Q> lenient =
                new MethodDescriptor.Marshaller<>() {
                    @Override
                    public InputStream stream(Q value) {
                        return marshaller.stream(value);
                    }

                    @Override
                    public Q parse(InputStream stream) {
                        try {
                            return marshaller.parse(stream);
                        } catch (RuntimeException e) {
                            return undecodable;
                        }
                    }
                };
        return ServerMethodDefinition.create(
                descriptor.toBuilder().setRequestMarshaller(lenient).build(),
                new Handler<>(method.getServerCallHandler(), undecodable));
    }

    private record Handler<Q, A>(ServerCallHandler<Q, A> next, Q undecodable)
            implements ServerCallHandler<Q, A> {

        @Override
        public ServerCall.Listener<Q> startCall(ServerCall<Q, A> call, Metadata headers) {
            return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
                private boolean refused;

                @Override
                @SuppressWarnings("ReferenceEquality")
                public void onMessage(Q message) {
                    if (refused) {
                        return;
                    }
                    if (message != undecodable) {
                        super.onMessage(message);
                        return;
                    }
                    refused = true;
                    super.onCancel(); // the service forgets what it began
                    call.close(
                            Status.INVALID_ARGUMENT.withDescription(
                                    "request message of "
                                            + call.getMethodDescriptor().getFullMethodName()
                                            + ": bytes that are no such message"),
                            new Metadata());
                }

                @Override
                public void onHalfClose() {
                    if (!refused) {
                        super.onHalfClose();
                    }
                }

                @Override
                public void onReady() {
                    if (!refused) {
                        super.onReady();
                    }
                }

                @Override
                public void onCancel() {
                    if (!refused) {
                        super.onCancel();
                    }
                }

                @Override
                public void onComplete() {
                    if (!refused) {
                        super.onComplete();
                    }
                }
            };
        }
    }
}
