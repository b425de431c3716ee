/** Translation between the contract and verifiers and task families. */
@NullMarked
package dev.forkpoint.reward.grpc;

import org.jspecify.annotations.NullMarked;
