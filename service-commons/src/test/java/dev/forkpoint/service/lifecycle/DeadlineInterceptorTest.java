package dev.forkpoint.service.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

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
}
