/** The gRPC face of the reward service: translation and scheduling, no judgement. */
@NullMarked
package dev.forkpoint.reward.grpc;

import org.jspecify.annotations.NullMarked;
