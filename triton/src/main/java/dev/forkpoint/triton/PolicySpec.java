package dev.forkpoint.triton;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A policy version to serve.
 *
 * @param version stamped on every token it samples; at least 0
 * @param directory of the policy, in Hugging Face layout
 * @param adapter directory of a LoRA adapter in PEFT layout, or null
 */
public record PolicySpec(long version, Path directory, @Nullable Path adapter) {

    public PolicySpec {
        RolloutRequest.require(version >= 0, "policy_version", version, "at least 0");
    }

    public PolicySpec(long version, Path directory) {
        this(version, directory, null);
    }
}
