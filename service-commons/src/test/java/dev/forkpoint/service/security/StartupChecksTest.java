package dev.forkpoint.service.security;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StartupChecksTest {

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "localhost", "::1", "127.8.8.8"})
    void loopbackNeedsNothing(String host) {
        assertThatCode(() -> StartupChecks.requireSecure(host, false, false, false))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({
        "false,false,'no TLS (quarkus.profile=tls) and there are no tokens'",
        "true,false,'and there are no tokens'",
        "false,true,'and there is no TLS'"
    })
    void otherAddressesNeedTlsAndTokens(boolean tls, boolean tokens, String missing) {
        assertThatThrownBy(() -> StartupChecks.requireSecure("0.0.0.0", tls, tokens, false))
                .hasMessageContaining("quarkus.http.host: 0.0.0.0")
                .hasMessageContaining(missing)
                .hasMessageContaining("forkpoint.insecure=true");
        assertThatCode(() -> StartupChecks.requireSecure("0.0.0.0", tls, tokens, true))
                .doesNotThrowAnyException();
    }

    @Test
    void tlsAndTokensOpenAnyAddress() {
        assertThatCode(() -> StartupChecks.requireSecure("0.0.0.0", true, true, false))
                .doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource({
        "forkpoint.rolout.engine,forkpoint.rollout.…",
        "forkpoint.policy.allowed-uri,forkpoint.policy.allowed-uris",
        "forkpoint.security.tokenfile,forkpoint.security.token-file",
        "forkpoint.insecur,forkpoint.insecure"
    })
    void misspeltKeysAreNamedWithTheNearest(String key, String nearest) {
        assertThatThrownBy(() -> StartupChecks.requireKnown(key))
                .hasMessageContaining(key + ": no such key (nearest: " + nearest + ")");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "forkpoint.policy.allowed-uris",
                "forkpoint.reward.queue-capacity",
                "quarkus.http.port",
                "FORKPOINT_HOME"
            })
    void knownKeysPass(String key) {
        assertThatCode(() -> StartupChecks.requireKnown(key)).doesNotThrowAnyException();
    }
}
