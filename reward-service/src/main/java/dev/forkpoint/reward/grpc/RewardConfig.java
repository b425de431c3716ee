package dev.forkpoint.reward.grpc;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Settings of the reward service. */
@ConfigMapping(prefix = "forkpoint.reward")
public interface RewardConfig {

    /** Threads of each cost class; 0: the visible CPU quota. */
    @WithDefault("0")
    int threads();

    /** Most items waiting in each cost class; further ones are shed. */
    @WithDefault("65536")
    int maxQueued();

    /** Most unanswered items of one stream; further ones wait with the caller. */
    @WithDefault("8192")
    int streamWindow();
}
