package dev.forkpoint.rollout.engine;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Settings of the rollout service. */
@ConfigMapping(prefix = "forkpoint.rollout")
public interface EngineConfig {

    /**
     * {@code triton}, {@code direct} or {@code remote}. Absent: {@code triton} where it runs
     * (linux-x86_64), else {@code direct}.
     */
    Optional<String> engine();

    /** URI of a policy to serve from the start. */
    Optional<String> policy();

    /** {@code cpu} or {@code cuda:N}. */
    @WithDefault("cpu")
    String device();

    /** Worker threads; 0: the visible CPU quota. */
    @WithDefault("0")
    int threads();

    /** Most sequences decoded side by side. */
    @WithDefault("512")
    int maxRows();

    /** Most MiB of key/value cache. */
    @WithDefault("2048")
    long kvBudgetMib();

    /** Most sequences waiting; further ones are shed. */
    @WithDefault("8192")
    int maxQueued();

    /** Most unanswered requests of one stream; further ones wait with the caller. */
    @WithDefault("4096")
    int streamWindow();

    /**
     * How long a replaced policy of the {@code direct} engine may take to finish what it began;
     * absent: 10 minutes. Triton waits for as long as requests of the old version run.
     */
    Optional<Duration> drainTimeout();

    /** Remote Triton servers, {@code host:port}. */
    Remote remote();

    /** The remote engine. */
    interface Remote {
        /** Addresses of KServe v2 gRPC endpoints. */
        Optional<List<String>> addresses();

        /** Absent: plain text. */
        Optional<PemFiles> tls();
    }

    /** Paces answers as an accelerator would; only for tests of several replicas on one machine. */
    Simulation simulation();

    /** The accelerator that is not there. */
    interface Simulation {
        /** Time for one token of one sequence. Absent: nothing is simulated. */
        Optional<Duration> tokenTime();

        /** Sequences that it decodes side by side. */
        @WithDefault("16")
        int rows();
    }

    /** The endpoint at which other KServe v2 clients reach the engine {@code triton}. */
    Kserve kserve();

    /** Where, and what may be asked there beside rollouts. */
    interface Kserve {
        /** Absent: there is none. 0: a free port. */
        Optional<Integer> port();

        /** Interface to listen on. */
        @WithDefault("127.0.0.1")
        String host();

        /** Folders under which a remote load may name policies; absent: there is no remote load. */
        Optional<List<Path>> policyRoots();

        /** Absent: plain text. */
        Optional<PemFiles> tls();
    }

    /** Certificates of a connection in which both sides show one. */
    interface PemFiles {
        /** Ours, leaf first. */
        Path certificates();

        /** Its private key, PKCS #8. */
        Path key();

        /** Authorities of the other side. */
        Path trusted();
    }
}
