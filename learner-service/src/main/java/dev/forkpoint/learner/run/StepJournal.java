package dev.forkpoint.learner.run;

import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.Rollout;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * What has arrived of one step: rollouts, scores and verdicts, stored as they come, so that a
 * resumed step asks only for the rest. Records are (kind, length, CRC-32C, message); a torn or
 * damaged tail is dropped. Thread-safe.
 */
final class StepJournal implements AutoCloseable {

    private static final int ROLLOUT = 1;
    private static final int VERIFICATION = 2;
    private static final int SCORES = 3;
    private static final int MAX_BYTES = 1 << 28;

    private final Map<String, Rollout> rollouts = new HashMap<>();
    private final Map<String, Verification> verifications = new HashMap<>();
    private final Map<String, TokenScores> scores = new HashMap<>();
    private final OutputStream out;

    StepJournal(Path file) throws IOException {
        long good = Files.exists(file) ? read(file) : 0;
        if (Files.exists(file) && Files.size(file) > good) {
            try (var channel = java.nio.channels.FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(good);
            }
        }
        out =
                new BufferedOutputStream(
                        Files.newOutputStream(
                                file, StandardOpenOption.CREATE, StandardOpenOption.APPEND),
                        1 << 16);
    }

    /** Reads what is whole; returns its length in bytes. */
    private long read(Path file) throws IOException {
        long good = 0;
        try (DataInputStream in =
                new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            while (true) {
                int kind = in.readByte();
                int length = in.readInt();
                int crc = in.readInt();
                if (length < 0 || length > MAX_BYTES) {
                    return good;
                }
                byte[] bytes = in.readNBytes(length);
                if (bytes.length < length || crc(bytes) != crc) {
                    return good;
                }
                switch (kind) {
                    case ROLLOUT -> {
                        GenerateResponse r = GenerateResponse.parseFrom(bytes);
                        rollouts.put(r.getRequestId(), r.getRollout());
                    }
                    case VERIFICATION -> {
                        VerifyResponse r = VerifyResponse.parseFrom(bytes);
                        verifications.put(r.getRequestId(), r.getVerification());
                    }
                    case SCORES -> {
                        ScoreResponse r = ScoreResponse.parseFrom(bytes);
                        scores.put(r.getRequestId(), r.getScores());
                    }
                    default -> {
                        return good;
                    }
                }
                good += 9 + length;
            }
        } catch (EOFException e) {
            return good;
        }
    }

    private static int crc(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private synchronized void append(int kind, byte[] bytes) {
        int crc = crc(bytes);
        byte[] head = {
            (byte) kind,
            (byte) (bytes.length >>> 24),
            (byte) (bytes.length >>> 16),
            (byte) (bytes.length >>> 8),
            (byte) bytes.length,
            (byte) (crc >>> 24),
            (byte) (crc >>> 16),
            (byte) (crc >>> 8),
            (byte) crc
        };
        try {
            out.write(head);
            out.write(bytes);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    synchronized java.util.Optional<Rollout> rollout(String id) {
        return java.util.Optional.ofNullable(rollouts.get(id));
    }

    synchronized java.util.Optional<Verification> verification(String id) {
        return java.util.Optional.ofNullable(verifications.get(id));
    }

    synchronized java.util.Optional<TokenScores> scores(String id) {
        return java.util.Optional.ofNullable(scores.get(id));
    }

    Rollout store(String id, Rollout rollout) {
        append(
                ROLLOUT,
                GenerateResponse.newBuilder()
                        .setRequestId(id)
                        .setRollout(rollout)
                        .build()
                        .toByteArray());
        return rollout;
    }

    Verification store(String id, Verification verification) {
        append(
                VERIFICATION,
                VerifyResponse.newBuilder()
                        .setRequestId(id)
                        .setVerification(verification)
                        .build()
                        .toByteArray());
        return verification;
    }

    TokenScores store(String id, TokenScores s) {
        append(
                SCORES,
                ScoreResponse.newBuilder().setRequestId(id).setScores(s).build().toByteArray());
        return s;
    }

    @Override
    public synchronized void close() throws IOException {
        out.close();
    }
}
