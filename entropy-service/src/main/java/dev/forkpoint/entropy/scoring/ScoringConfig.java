package dev.forkpoint.entropy.scoring;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.Optional;

/** Settings of the entropy service. */
@ConfigMapping(prefix = "forkpoint.entropy")
public interface ScoringConfig {

    /** URI of a policy to load at the start. */
    Optional<String> policy();

    /** {@code cpu} or {@code cuda:N}. */
    @WithDefault("cpu")
    String device();

    /** Worker threads; 0: the visible CPU quota. */
    @WithDefault("0")
    int threads();

    /** Most MiB that the weights of all loaded versions may take. */
    @WithDefault("4096")
    long policyBudgetMib();

    /** Most versions of one lineage in memory, pinned ones left out; the oldest leaves. */
    @WithDefault("3")
    int versionsKept();

    /** Tokens of the sequences scored in one go. */
    @WithDefault("16384")
    int tokensPerRound();

    /** Most sequences waiting; further ones are shed. */
    @WithDefault("16384")
    int maxQueued();

    /** Most unanswered requests of one stream; further ones wait with the caller. */
    @WithDefault("4096")
    int streamWindow();
}
