package dev.forkpoint.rollout.engine;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Settings of the rollout service. */
@ConfigMapping(prefix = "forkpoint.rollout")
public interface EngineConfig {

    /** {@code direct}, {@code triton} or {@code remote}. */
    @WithDefault("direct")
    String engine();

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

    /** How long a replaced policy may take to finish what it began. */
    @WithDefault("10m")
    Duration drainTimeout();

    /** Remote Triton servers, {@code host:port}. */
    Remote remote();

    /** The remote engine. */
    interface Remote {
        /** Addresses of KServe v2 gRPC endpoints. */
        Optional<List<String>> addresses();
    }
}
