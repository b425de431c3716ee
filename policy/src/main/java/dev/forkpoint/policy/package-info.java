/**
 * The language model as a library: load and save, generate, score, train. Knows nothing of gRPC,
 * Quarkus or rewards.
 */
@NullMarked
package dev.forkpoint.policy;

import org.jspecify.annotations.NullMarked;
