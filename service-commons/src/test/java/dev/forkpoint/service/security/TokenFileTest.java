package dev.forkpoint.service.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenFileTest {

    private static final String NEW = "new-token-0123456789";
    private static final String OLD = "old-token-0123456789";

    @TempDir Path folder;

    private Path file(String content) throws IOException {
        return Files.writeString(folder.resolve("token"), content);
    }

    @Test
    void acceptsEveryLineAndShowsTheFirst() throws IOException {
        TokenFile tokens = new TokenFile("k", file(NEW + "\n\n" + OLD + "\n"));
        assertThat(tokens.current()).isEqualTo(NEW);
        assertThat(tokens.accepts(NEW)).isTrue();
        assertThat(tokens.accepts(OLD)).isTrue();
        assertThat(tokens.accepts(NEW.substring(1))).isFalse();
        assertThat(tokens.accepts("")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n \n", "short", "with space in the middle"})
    void refusesAFileWithoutAUsableToken(String content) throws IOException {
        Path file = file(content);
        assertThatThrownBy(() -> new TokenFile("forkpoint.security.token-file", file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("forkpoint.security.token-file: " + file);
    }

    @Test
    void aTokenIsNotShownInPlainText() throws IOException {
        Path file = file(NEW);
        assertThatThrownBy(() -> new PeerSecurity(Optional.empty(), Optional.of(file)))
                .hasMessageContaining("forkpoint.peers.trust");
    }
}
