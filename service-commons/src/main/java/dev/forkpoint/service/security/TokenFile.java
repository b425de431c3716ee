package dev.forkpoint.service.security;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.List;

/**
 * Bearer tokens in a file, one a line, the newest first: a service accepts all of them, a client
 * shows the first, so tokens can be replaced without a moment in which none holds. The file is read
 * again every ten seconds. Thread-safe.
 */
public final class TokenFile {

    private static final long REREAD_NANOS = Duration.ofSeconds(10).toNanos();
    private static final int SHORTEST = 16;

    private final String key;
    private final Path file;
    private List<String> tokens;
    private long readAt;

    /**
     * @param key configuration key that names the file, for messages
     * @throws IllegalArgumentException if the file cannot be read or holds no token of 16
     *     characters or more
     */
    public TokenFile(String key, Path file) {
        this.key = key;
        this.file = file;
        tokens = read();
        readAt = System.nanoTime();
    }

    private List<String> read() {
        List<String> found;
        try {
            found =
                    Files.readAllLines(file, StandardCharsets.UTF_8).stream()
                            .map(String::strip)
                            .filter(line -> !line.isEmpty())
                            .toList();
        } catch (IOException | UncheckedIOException e) {
            throw new IllegalArgumentException(key + ": cannot read " + file + ": " + e, e);
        }
        if (found.isEmpty()
                || found.stream().anyMatch(t -> !t.matches("[!-~]{" + SHORTEST + ",}"))) {
            throw new IllegalArgumentException(
                    key
                            + ": "
                            + file
                            + " (expected: tokens of at least "
                            + SHORTEST
                            + " printable ASCII characters, one a line)");
        }
        return found;
    }

    private synchronized List<String> tokens() {
        long now = System.nanoTime();
        if (now - readAt > REREAD_NANOS) {
            readAt = now;
            try {
                tokens = read();
            } catch (IllegalArgumentException e) {
                // half-written or gone for a moment: the old tokens hold
                org.jboss.logging.Logger.getLogger(TokenFile.class).warn(e.getMessage());
            }
        }
        return tokens;
    }

    /** The token to show. */
    public String current() {
        return tokens().get(0);
    }

    /** Whether the token is one of them; takes as long for a wrong one as for a right one. */
    public boolean accepts(String token) {
        byte[] shown = token.getBytes(StandardCharsets.UTF_8);
        boolean found = false;
        for (String known : tokens()) {
            found |= MessageDigest.isEqual(known.getBytes(StandardCharsets.UTF_8), shown);
        }
        return found;
    }
}
