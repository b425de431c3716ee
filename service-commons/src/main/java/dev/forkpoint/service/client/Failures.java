package dev.forkpoint.service.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/** What the details of a failure ask a client to do. */
final class Failures {

    private static final Duration DEFAULT_REST = Duration.ofMillis(200);
    private static final Duration LONGEST_REST = Duration.ofSeconds(30);
    private static final Set<String> UNPREPARED =
            Set.of("POLICY_NOT_LOADED", "STALE_POLICY_VERSION");

    private Failures() {}

    /** How long to leave a replica alone that sheds load: its own hint, within bounds. */
    static Duration retryDelay(Status failure) {
        return detail(failure, RetryInfo.class)
                .map(info -> Duration.ofMillis(Durations.toMillis(info.getRetryDelay())))
                .filter(delay -> !delay.isNegative())
                .map(delay -> delay.compareTo(LONGEST_REST) > 0 ? LONGEST_REST : delay)
                .orElse(DEFAULT_REST);
    }

    /** Whether the replica lacks the policy that a dispatcher prepares it with. */
    static boolean isUnprepared(Status failure) {
        return failure.getCode() == Code.FAILED_PRECONDITION_VALUE
                && detail(failure, ErrorInfo.class)
                        .map(info -> UNPREPARED.contains(info.getReason()))
                        .orElse(false);
    }

    private static <M extends Message> Optional<M> detail(Status failure, Class<M> type) {
        for (Any any : failure.getDetailsList()) {
            if (any.is(type)) {
                try {
                    return Optional.of(any.unpack(type));
                } catch (InvalidProtocolBufferException e) {
                    return Optional.empty(); // a damaged hint is no hint
                }
            }
        }
        return Optional.empty();
    }
}
