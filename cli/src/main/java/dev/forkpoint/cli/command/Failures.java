package dev.forkpoint.cli.command;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.ServiceDiedException;
import dev.forkpoint.cli.output.Console;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** From exceptions and statuses to messages and exit codes. */
public final class Failures {

    /** Reasons of google.rpc.ErrorInfo for which the caller's input is to blame. */
    private static final Set<String> INPUT_REASONS =
            Set.of(
                    "INVALID_FIELD",
                    "INVALID_SPEC",
                    "CONTEXT_EXCEEDED",
                    "DUPLICATE_REQUEST_ID",
                    "URI_NOT_ALLOWED",
                    "POLICY_INVALID",
                    "DATA_INVALID",
                    "RUN_DIRECTORY",
                    "RUN_STATE",
                    "UNKNOWN_RUN",
                    "UNKNOWN_VERIFIER",
                    "UNKNOWN_TASK");

    private Failures() {}

    /** Tells a person what went wrong and returns the exit code. */
    public static int report(Console console, Throwable failure) {
        if (failure instanceof UsageException) {
            console.error(failure.getMessage());
            return ExitCode.USAGE;
        }
        if (failure instanceof FailureException || failure instanceof ServiceDiedException) {
            console.error(failure.getMessage());
            return ExitCode.FAILED;
        }
        if (isInterrupt(failure)) {
            console.note("interrupted");
            return ExitCode.INTERRUPTED;
        }
        if (failure instanceof StatusRuntimeException call) {
            Status status = status(call);
            console.error(describe(status));
            return isInput(status) ? ExitCode.USAGE : ExitCode.FAILED;
        }
        console.error("a defect: " + failure);
        failure.printStackTrace(new PrintStream(console.err(), true));
        return ExitCode.FAILED;
    }

    /** Whether the thread was asked to end; gRPC wraps that in a status of its own. */
    static boolean isInterrupt(@Nullable Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof InterruptedException) {
                return true;
            }
        }
        return false;
    }

    /** The rich status of a failed call. */
    static Status status(StatusRuntimeException failure) {
        Status status = StatusProto.fromThrowable(failure);
        if (status != null && status.getDetailsCount() > 0) {
            return status;
        }
        String message =
                Optional.ofNullable(failure.getStatus().getDescription())
                        .map(text -> text.equals("io exception") ? "" : text)
                        .orElse("");
        // What gRPC calls "io exception" is said by its cause: which address refused.
        String cause =
                failure.getCause() == null
                        ? ""
                        : Optional.ofNullable(failure.getCause().getMessage()).orElse("");
        return Status.newBuilder()
                .setCode(failure.getStatus().getCode().value())
                .setMessage(
                        message.isEmpty() || cause.isEmpty()
                                ? message + cause
                                : message + ": " + cause)
                .build();
    }

    /** One message with code, reason and every field named. */
    static String describe(Status status) {
        List<String> lines = new ArrayList<>();
        String code = io.grpc.Status.fromCodeValue(status.getCode()).getCode().name();
        String reason =
                detail(status, ErrorInfo.class)
                        .map(info -> " (" + info.getReason() + ")")
                        .orElse("");
        lines.add(
                status.getMessage().isEmpty()
                        ? code + reason
                        : Console.printable(status.getMessage()) + reason);
        detail(status, BadRequest.class)
                .ifPresent(
                        bad ->
                                bad.getFieldViolationsList().stream()
                                        .map(
                                                v ->
                                                        Console.printable(
                                                                v.getField()
                                                                        + ": "
                                                                        + v.getDescription()))
                                        // A single violation is often the message itself.
                                        .filter(text -> !lines.get(0).contains(text))
                                        .forEach(lines::add));
        if (status.getCode() == io.grpc.Status.Code.DEADLINE_EXCEEDED.value()) {
            lines.set(0, "the service did not answer in time: " + lines.get(0));
        }
        if (status.getCode() == io.grpc.Status.Code.UNAVAILABLE.value()) {
            lines.set(0, "service unavailable: " + lines.get(0));
        }
        return String.join("\n  ", lines);
    }

    /** Whether the caller gave something wrong, rather than a service failing. */
    static boolean isInput(Status status) {
        Optional<ErrorInfo> info = detail(status, ErrorInfo.class);
        return info.map(error -> INPUT_REASONS.contains(error.getReason()))
                .orElse(status.getCode() == io.grpc.Status.Code.INVALID_ARGUMENT.value());
    }

    /** How long to wait before asking again, when asking again makes sense. */
    static Optional<Duration> retryDelay(Status status) {
        return status.getCode() == io.grpc.Status.Code.RESOURCE_EXHAUSTED.value()
                        && detail(status, ErrorInfo.class)
                                .map(info -> info.getReason().equals("OVERLOADED"))
                                .orElse(false)
                ? Optional.of(
                        detail(status, RetryInfo.class)
                                .map(
                                        info ->
                                                Duration.ofSeconds(
                                                        info.getRetryDelay().getSeconds(),
                                                        info.getRetryDelay().getNanos()))
                                .orElse(Duration.ofMillis(200)))
                : Optional.empty();
    }

    /** As an exception that carries the right exit code; {@code where} names the row. */
    static RuntimeException exception(Status status, String where) {
        String message = where + ": " + describe(status);
        return isInput(status) ? new UsageException(message) : new FailureException(message);
    }

    private static <T extends com.google.protobuf.Message> Optional<T> detail(
            Status status, Class<T> type) {
        for (Any any : status.getDetailsList()) {
            if (any.is(type)) {
                try {
                    return Optional.of(any.unpack(type));
                } catch (InvalidProtocolBufferException e) {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }
}
