package dev.forkpoint.service.error;

import com.google.protobuf.Any;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A failure that a caller is told about: a code, a machine-readable reason from the service's error
 * table, and a message that names the field, what was found and what is allowed.
 */
public final class ServiceException extends RuntimeException {

    /** Domain of every ErrorInfo. */
    public static final String DOMAIN = "forkpoint.dev";

    private static final long serialVersionUID = 1;

    /** A failure travels in HTTP headers, of which clients take 8 KiB. */
    private static final int LONGEST = 1500;

    /** A field that is wrong. */
    public record FieldViolation(String field, String description) {}

    private final Code code;
    private final String reason;
    private final transient List<FieldViolation> violations;
    private final @Nullable Duration retryAfter;

    public ServiceException(Code code, String reason, String message) {
        this(code, reason, message, List.of(), null, null);
    }

    public ServiceException(Code code, String reason, String message, @Nullable Throwable cause) {
        this(code, reason, message, List.of(), null, cause);
    }

    private ServiceException(
            Code code,
            String reason,
            String message,
            List<FieldViolation> violations,
            @Nullable Duration retryAfter,
            @Nullable Throwable cause) {
        super(shortened(message, LONGEST), cause);
        this.code = code;
        this.reason = reason;
        this.violations = violations;
        this.retryAfter = retryAfter;
    }

    /** The text, or its beginning and its end, in at most so many bytes of an HTTP header. */
    private static String shortened(String text, int most) {
        int head = 0;
        int room = most / 2;
        while (head < text.length() && room >= encoded(text.charAt(head))) {
            room -= encoded(text.charAt(head++));
        }
        int tail = text.length();
        room += most - most / 2;
        while (tail > head && room >= encoded(text.charAt(tail - 1))) {
            room -= encoded(text.charAt(--tail));
        }
        return head == tail ? text : text.substring(0, head) + " … " + text.substring(tail);
    }

    /** Bytes that gRPC's percent encoding makes of a character, or of half a surrogate pair. */
    private static int encoded(char c) {
        if (c >= ' ' && c <= '~' && c != '%') {
            return 1;
        }
        return c < 0x80 ? 3 : c < 0x800 || Character.isSurrogate(c) ? 6 : 9;
    }

    /** INVALID_ARGUMENT for one field: {@code field: found (expected: allowed)}. */
    public static ServiceException invalidField(String field, Object found, String allowed) {
        return invalidFields(
                "INVALID_FIELD",
                List.of(new FieldViolation(field, found + " (expected: " + allowed + ")")));
    }

    /** INVALID_ARGUMENT for all that is wrong at once. */
    public static ServiceException invalidFields(String reason, List<FieldViolation> violations) {
        List<String> lines = new ArrayList<>();
        List<FieldViolation> told = new ArrayList<>();
        int length = 0;
        for (FieldViolation any : violations) {
            String text = shortened(any.description(), LONGEST / 3);
            String field = shortened(any.field(), LONGEST / 6); // may be a key of the caller's
            FieldViolation v = new FieldViolation(field, text);
            length += text.length() + field.length();
            if (length > LONGEST && !told.isEmpty()) {
                break;
            }
            told.add(v);
            lines.add(v.field() + ": " + v.description());
        }
        return new ServiceException(
                Code.INVALID_ARGUMENT, reason, String.join("; ", lines), told, null, null);
    }

    /** RESOURCE_EXHAUSTED with a hint when to come again. */
    public static ServiceException overloaded(String message, Duration retryAfter) {
        return new ServiceException(
                Code.RESOURCE_EXHAUSTED, "OVERLOADED", message, List.of(), retryAfter, null);
    }

    public Code code() {
        return code;
    }

    public String reason() {
        return reason;
    }

    /** As google.rpc.Status, with ErrorInfo and, where there are any, BadRequest and RetryInfo. */
    public Status toStatus() {
        Status.Builder status =
                Status.newBuilder()
                        .setCode(code.getNumber())
                        .setMessage(String.valueOf(getMessage()))
                        .addDetails(
                                Any.pack(
                                        ErrorInfo.newBuilder()
                                                .setDomain(DOMAIN)
                                                .setReason(reason)
                                                .build()));
        if (!violations.isEmpty()) {
            BadRequest.Builder bad = BadRequest.newBuilder();
            for (FieldViolation v : violations) {
                bad.addFieldViolationsBuilder().setField(v.field()).setDescription(v.description());
            }
            status.addDetails(Any.pack(bad.build()));
        }
        if (retryAfter != null) {
            status.addDetails(
                    Any.pack(
                            RetryInfo.newBuilder()
                                    .setRetryDelay(Durations.fromMillis(retryAfter.toMillis()))
                                    .build()));
        }
        return status.build();
    }

    /** As the exception that ends a call. */
    public StatusRuntimeException toGrpc() {
        return StatusProto.toStatusRuntimeException(toStatus());
    }
}
