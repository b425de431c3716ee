package dev.forkpoint.learner.run;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Settings of the learner service. */
@ConfigMapping(prefix = "forkpoint.learner")
public interface LearnerConfig {

    /** Folder of all runs' directories. */
    @WithDefault("runs")
    Path runRoot();

    /** Rollout replicas, {@code host:port}. */
    @WithDefault("127.0.0.1:7101")
    List<String> rollout();

    /** Entropy replicas, {@code host:port}. */
    @WithDefault("127.0.0.1:7102")
    List<String> entropy();

    /** Reward replicas, {@code host:port}. */
    @WithDefault("127.0.0.1:7103")
    List<String> reward();

    /**
     * Base of the URIs under which other services reach this one's policies, such as {@code
     * https://learner:7104/policies/}; empty: {@code file:} URIs, for services on this machine.
     */
    Optional<String> policyBaseUri();

    /** From asking a peer until the request fails, all attempts together. */
    @WithDefault("2m")
    Duration requestTimeout();

    /** Without any answer for this long a stream counts as lost, and its requests go elsewhere. */
    @WithDefault("30s")
    Duration attemptTimeout();

    /** Most trainers of external drivers at a time. */
    @WithDefault("2")
    int maxTrainers();
}
