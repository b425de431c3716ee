package dev.forkpoint.service.error;

import com.google.rpc.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.Callable;
import org.jboss.logging.Logger;

/** The one place where exceptions become status: a caller never sees a stack trace. */
public final class ErrorMapping {

    private static final Logger LOG = Logger.getLogger(ErrorMapping.class);

    private ErrorMapping() {}

    /**
     * A ServiceException as it is; an IllegalArgumentException, thrown by checks that name the
     * field, as INVALID_ARGUMENT; all else as INTERNAL, logged with its stack trace.
     */
    public static ServiceException toServiceException(Throwable t) {
        if (t instanceof ServiceException e) {
            return e;
        }
        if (t instanceof IllegalArgumentException) {
            return new ServiceException(
                    Code.INVALID_ARGUMENT, "INVALID_FIELD", String.valueOf(t.getMessage()), t);
        }
        if (t instanceof StatusRuntimeException s) {
            return new ServiceException(
                    Code.forNumber(s.getStatus().getCode().value()),
                    "PEER_FAILED",
                    s.getStatus().getDescription() == null
                            ? s.getStatus().getCode().name()
                            : s.getStatus().getDescription(),
                    s);
        }
        LOG.error("unexpected failure", t);
        return new ServiceException(
                Code.INTERNAL,
                "INTERNAL",
                "internal error (" + t.getClass().getSimpleName() + "); see the service's log",
                t);
    }

    /** Answers a unary call with the value or the mapped failure. */
    public static <A> void answer(StreamObserver<A> observer, Callable<A> call) {
        A value;
        try {
            value = call.call();
        } catch (Exception | StackOverflowError | OutOfMemoryError e) {
            observer.onError(toServiceException(e).toGrpc());
            return;
        }
        observer.onNext(value);
        observer.onCompleted();
    }
}
