package dev.forkpoint.service.stream;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayList;
import java.util.List;

/** The server's view of one call, with flow control in the test's hands. */
final class FakeServerCall<A> extends ServerCallStreamObserver<A> {

    final List<A> sent = new ArrayList<>();
    int requested;
    boolean completed;
    boolean broken;
    private boolean ready = true;
    private Runnable onReady = () -> {};
    private Runnable onCancel = () -> {};

    void setReady(boolean now) {
        ready = now;
        if (now) {
            onReady.run();
        }
    }

    void cancelByClient() {
        onCancel.run();
    }

    @Override
    public synchronized void onNext(A value) {
        if (completed) {
            throw new IllegalStateException("an answer after the end");
        }
        if (broken) {
            throw new IllegalStateException("not written: " + value);
        }
        sent.add(value);
    }

    @Override
    public synchronized void onCompleted() {
        completed = true;
    }

    @Override
    public boolean isReady() {
        return ready;
    }

    @Override
    public synchronized void request(int count) {
        requested += count;
    }

    @Override
    public void setOnReadyHandler(Runnable handler) {
        onReady = handler;
    }

    @Override
    public void setOnCancelHandler(Runnable handler) {
        onCancel = handler;
    }

    @Override
    public boolean isCancelled() {
        return false;
    }

    @Override
    public void onError(Throwable t) {
        throw new AssertionError(t);
    }

    @Override
    public void disableAutoInboundFlowControl() {}

    @Override
    public void disableAutoRequest() {}

    @Override
    public void setCompression(String compression) {}

    @Override
    public void setMessageCompression(boolean enable) {}
}
