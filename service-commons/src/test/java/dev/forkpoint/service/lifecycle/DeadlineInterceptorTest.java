package dev.forkpoint.service.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeadlineInterceptorTest {

    @ParameterizedTest
    @CsvSource({
        "1H,3600000000000",
        "2M,120000000000",
        "3S,3000000000",
        "250m,250000000",
        "7u,7000",
        "99999999n,99999999"
    })
    void readsEveryUnitOfTheProtocol(String timeout, long nanos) {
        assertThat(DeadlineInterceptor.nanos(timeout)).isEqualTo(nanos);
    }

    @Test
    void anAnsweredCallDoesNotStayUntilItsDeadline() {
        DeadlineInterceptor deadlines = new DeadlineInterceptor();
        try {
            Metadata headers = new Metadata();
            headers.put(Metadata.Key.of("grpc-timeout", Metadata.ASCII_STRING_MARSHALLER), "1H");
            ServerCall.Listener<String> call =
                    deadlines.interceptCall(
                            new FakeCall("x.X/Get", MethodDescriptor.MethodType.UNARY),
                            headers,
                            (c, h) -> new ServerCall.Listener<>() {});
            assertThat(deadlines.watched()).isEqualTo(1);
            call.onComplete();
            assertThat(deadlines.watched()).isZero();
        } finally {
            deadlines.close();
        }
    }
}
