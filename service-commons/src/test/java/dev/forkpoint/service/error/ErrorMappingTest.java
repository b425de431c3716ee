package dev.forkpoint.service.error;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.net.URLEncoder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

class ErrorMappingTest {

    private static final class Recorder implements StreamObserver<String> {
        final List<Object> events = new ArrayList<>();

        @Override
        public void onNext(String value) {
            events.add(value);
        }

        @Override
        public void onError(Throwable t) {
            events.add(t);
        }

        @Override
        public void onCompleted() {
            events.add("end");
        }
    }

    private static List<Object> answer(Callable<String> call) {
        Recorder recorder = new Recorder();
        ErrorMapping.answer(recorder, call);
        return recorder.events;
    }

    private static Status status(Callable<String> failing) {
        List<Object> events = answer(failing);
        assertThat(events).hasSize(1).first().isInstanceOf(StatusRuntimeException.class);
        return StatusProto.fromThrowable((StatusRuntimeException) events.get(0));
    }

    @Test
    void whatIsToldFitsIntoTheHeadersOfAnAnswer() {
        List<ServiceException.FieldViolation> many = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            many.add(new ServiceException.FieldViolation("field" + i, "(".repeat(3000)));
        }
        for (ServiceException e :
                List.of(
                        ServiceException.invalidFields("INVALID_FIELD", many),
                        ServiceException.invalidField("policy.uri", "x".repeat(9000), "a URI"),
                        new ServiceException(Code.INTERNAL, "INTERNAL", "y".repeat(9000)))) {
            int bytes =
                    e.toStatus().getMessage().length() + e.toStatus().getSerializedSize() * 4 / 3;
            assertThat(bytes).isLessThan(7000);
            assertThat(e.getMessage()).contains(" … ");
        }
    }

    /**
     * HTTP/2 clients take 8 KiB of headers; beyond, they see a broken stream instead of a reason.
     */
    @Test
    void textThatIsLongWhenEncodedFitsToo() {
        String key = "\\boxed{" + "(".repeat(3000) + "}";
        for (String text :
                List.of(
                        "\u20ac".repeat(2000),
                        "\ud83e\udd16".repeat(2000),
                        "%\u0000".repeat(2000))) {
            for (ServiceException e :
                    List.of(
                            ServiceException.invalidField(key, text, "a known option"),
                            ServiceException.invalidFields(
                                    "INVALID_FIELD",
                                    List.of(
                                            new ServiceException.FieldViolation(key, text),
                                            new ServiceException.FieldViolation(key, text))),
                            new ServiceException(Code.NOT_FOUND, "NO_TASK", text))) {
                // encodes a little more than gRPC does
                int message = URLEncoder.encode(e.toStatus().getMessage(), UTF_8).length();
                assertThat(message + e.toStatus().getSerializedSize() * 4 / 3).isLessThan(8000);
            }
        }
    }

    @Test
    void answersAValue() {
        assertThat(answer(() -> "value")).containsExactly("value", "end");
    }

    @Test
    void namesEveryFieldAtOnce() throws Exception {
        Status status =
                status(
                        () -> {
                            throw ServiceException.invalidFields(
                                    "INVALID_SPEC",
                                    List.of(
                                            new ServiceException.FieldViolation("a", "1"),
                                            new ServiceException.FieldViolation("b", "2")));
                        });
        assertThat(status.getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
        assertThat(status.getMessage()).isEqualTo("a: 1; b: 2");
        assertThat(status.getDetails(0).unpack(ErrorInfo.class))
                .isEqualTo(
                        ErrorInfo.newBuilder()
                                .setDomain("forkpoint.dev")
                                .setReason("INVALID_SPEC")
                                .build());
        assertThat(status.getDetails(1).unpack(BadRequest.class).getFieldViolationsList())
                .extracting(BadRequest.FieldViolation::getField)
                .containsExactly("a", "b");
    }

    @Test
    void overloadSaysWhenToComeAgain() throws Exception {
        Status status =
                status(
                        () -> {
                            throw ServiceException.overloaded("full", Duration.ofMillis(1500));
                        });
        assertThat(status.getCode()).isEqualTo(Code.RESOURCE_EXHAUSTED_VALUE);
        RetryInfo retry = status.getDetails(1).unpack(RetryInfo.class);
        assertThat(retry.getRetryDelay().getSeconds()).isEqualTo(1);
        assertThat(retry.getRetryDelay().getNanos()).isEqualTo(500_000_000);
    }

    @Test
    void checksOfFieldsAreTheCallersFault() {
        assertThat(ErrorMapping.toServiceException(new IllegalArgumentException("n: -1")).code())
                .isEqualTo(Code.INVALID_ARGUMENT);
    }

    @Test
    void defectsTellNoDetailOfTheCode() {
        Status status =
                status(
                        () -> {
                            throw new IllegalStateException("secret path /root/x");
                        });
        assertThat(status.getCode()).isEqualTo(Code.INTERNAL_VALUE);
        assertThat(status.toString()).doesNotContain("secret").doesNotContain("at dev.");
    }

    @Test
    void evenAnExhaustedStackIsAnswered() {
        assertThat(
                        status(
                                        () -> {
                                            throw new StackOverflowError();
                                        })
                                .getCode())
                .isEqualTo(Code.INTERNAL_VALUE);
    }

    @Test
    void peersFailureKeepsItsCodeAndAlwaysHasAText() {
        ServiceException e =
                ErrorMapping.toServiceException(io.grpc.Status.ABORTED.asRuntimeException());
        assertThat(e.code()).isEqualTo(Code.ABORTED);
        assertThat(e).hasMessage("ABORTED");
    }
}
