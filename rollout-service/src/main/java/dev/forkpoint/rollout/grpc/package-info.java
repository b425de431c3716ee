/** Translation between the contract and the engine. */
@NullMarked
package dev.forkpoint.rollout.grpc;

import org.jspecify.annotations.NullMarked;
