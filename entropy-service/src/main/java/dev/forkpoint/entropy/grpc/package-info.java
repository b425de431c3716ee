/** Translation between the contract and scoring. */
@NullMarked
package dev.forkpoint.entropy.grpc;

import org.jspecify.annotations.NullMarked;
