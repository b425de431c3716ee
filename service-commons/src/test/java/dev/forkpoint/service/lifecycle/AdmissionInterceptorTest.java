package dev.forkpoint.service.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AdmissionInterceptorTest {

    private final AdmissionInterceptor admission = new AdmissionInterceptor(2);
    private final List<ServerCall<String, String>> begun = new ArrayList<>();
    private final ServerCallHandler<String, String> service =
            (call, headers) -> {
                begun.add(call);
                return new ServerCall.Listener<>() {};
            };

    private static FakeCall unary() {
        return new FakeCall("forkpoint.x.v1.X/Get", MethodDescriptor.MethodType.UNARY);
    }

    private ServerCall.Listener<String> begin(FakeCall call) {
        return admission.interceptCall(call, new Metadata(), service);
    }

    @Test
    void refusesOneTooManyAtOnceAndSaysWhenToComeAgain() throws Exception {
        var unused = List.of(begin(unary()), begin(unary()));
        FakeCall third = unary();
        var ignored = begin(third);
        assertThat(begun).hasSize(2);
        Status refusal = third.closed.orElseThrow();
        assertThat(refusal.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        com.google.rpc.Status told = StatusProto.fromStatusAndTrailers(refusal, third.trailers);
        assertThat(told.getDetailsList()).anyMatch(detail -> detail.is(RetryInfo.class));
    }

    @Test
    void anEndedCallMakesRoomForOneMoreHoweverItEnded() {
        ServerCall.Listener<String> first = begin(unary());
        ServerCall.Listener<String> second = begin(unary());
        begun.get(0).close(Status.OK, new Metadata());
        first.onComplete(); // the same end once more
        FakeCall third = unary();
        FakeCall fourth = unary();
        var unused = List.of(begin(third), begin(fourth));
        assertThat(third.closed).isEmpty();
        assertThat(fourth.closed).isPresent();

        second.onCancel();
        FakeCall fifth = unary();
        FakeCall sixth = unary();
        var more = List.of(begin(fifth), begin(sixth));
        assertThat(fifth.closed).isEmpty();
        assertThat(sixth.closed).isPresent();
    }

    @Test
    void aCallThatCannotBeginTakesNoRoom() {
        for (int i = 0; i < 5; i++) {
            assertThatThrownBy(
                            () ->
                                    admission.interceptCall(
                                            unary(),
                                            new Metadata(),
                                            (call, headers) -> {
                                                throw new IllegalStateException("no");
                                            }))
                    .isInstanceOf(IllegalStateException.class);
        }
        FakeCall next = unary();
        var unused = begin(next);
        assertThat(next.closed).isEmpty();
    }

    @Test
    void streamsAndHealthAreNotCounted() {
        for (int i = 0; i < 5; i++) {
            FakeCall health =
                    new FakeCall("grpc.health.v1.Health/Check", MethodDescriptor.MethodType.UNARY);
            FakeCall stream =
                    new FakeCall("forkpoint.x.v1.X/Do", MethodDescriptor.MethodType.BIDI_STREAMING);
            var unused = List.of(begin(health), begin(stream));
            assertThat(health.closed).isEmpty();
            assertThat(stream.closed).isEmpty();
        }
        assertThat(begun).hasSize(10);
    }
}
