package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.ModelConfig;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;

/** The policy that new requests are served by. */
public record ServedPolicy(PolicySnapshot snapshot, ModelConfig config, Tokenizer tokenizer) {}
