package dev.forkpoint.triton.kserve;

import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/** Triton's codes as gRPC's, and back. */
final class Statuses {

    private Statuses() {}

    static Status of(TritonException error) {
        Status status =
                switch (error.code()) {
                    case UNKNOWN -> Status.UNKNOWN;
                    case INTERNAL -> Status.INTERNAL;
                    case NOT_FOUND -> Status.NOT_FOUND;
                    case INVALID_ARGUMENT -> Status.INVALID_ARGUMENT;
                    case UNAVAILABLE -> Status.UNAVAILABLE;
                    case UNSUPPORTED -> Status.UNIMPLEMENTED;
                    case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
                    case CANCELLED -> Status.CANCELLED;
                    case DEADLINE_EXCEEDED -> Status.DEADLINE_EXCEEDED;
                    case RESOURCE_EXHAUSTED -> Status.RESOURCE_EXHAUSTED;
                };
        return status.withDescription(error.getMessage());
    }

    static StatusRuntimeException toGrpc(TritonException error) {
        return of(error).asRuntimeException();
    }

    /**
     * @param server named in the message
     */
    static TritonException fromGrpc(String server, Throwable error) {
        Status status = Status.fromThrowable(error);
        Code code =
                switch (status.getCode()) {
                    case CANCELLED -> Code.CANCELLED;
                    case INVALID_ARGUMENT, OUT_OF_RANGE, FAILED_PRECONDITION ->
                            Code.INVALID_ARGUMENT;
                    case DEADLINE_EXCEEDED -> Code.DEADLINE_EXCEEDED;
                    case NOT_FOUND -> Code.NOT_FOUND;
                    case ALREADY_EXISTS -> Code.ALREADY_EXISTS;
                    case PERMISSION_DENIED, UNAUTHENTICATED, UNIMPLEMENTED -> Code.UNSUPPORTED;
                    case RESOURCE_EXHAUSTED -> Code.RESOURCE_EXHAUSTED;
                    case UNAVAILABLE, ABORTED -> Code.UNAVAILABLE;
                    case INTERNAL, DATA_LOSS -> Code.INTERNAL;
                    case UNKNOWN, OK -> Code.UNKNOWN;
                };
        return new TritonException(
                code,
                "Triton server "
                        + server
                        + ": "
                        + status.getCode()
                        + ": "
                        + status.getDescription(),
                error);
    }
}
