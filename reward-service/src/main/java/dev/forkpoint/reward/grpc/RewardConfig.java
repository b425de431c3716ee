package dev.forkpoint.reward.grpc;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.OptionalInt;

/** Settings of the reward service. */
@ConfigMapping(prefix = "forkpoint.reward")
public interface RewardConfig {
    /** Unanswered items of one stream; more wait with the caller. */
    @WithDefault("2048")
    int streamWindow();

    /** Items that may wait in each cost class; more are refused as OVERLOADED. */
    @WithDefault("65536")
    int queueCapacity();

    /** Threads for cheap and for computing verifiers, each; default: the cores. */
    OptionalInt threads();

    /** Threads for verifiers that wait for other processes. */
    @WithDefault("16")
    int externalThreads();
}
