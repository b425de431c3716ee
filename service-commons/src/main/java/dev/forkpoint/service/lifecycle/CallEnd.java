package dev.forkpoint.service.lifecycle;

import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.ServerCall;

/** What is due when a call has been answered or cancelled. */
final class CallEnd {

    private CallEnd() {}

    /** The listener, and the task after its last word. */
    static <Q> ServerCall.Listener<Q> then(ServerCall.Listener<Q> listener, Runnable task) {
        return new SimpleForwardingServerCallListener<>(listener) {
            @Override
            public void onCancel() {
                try {
                    super.onCancel();
                } finally {
                    task.run();
                }
            }

            @Override
            public void onComplete() {
                try {
                    super.onComplete();
                } finally {
                    task.run();
                }
            }
        };
    }
}
