/**
 * KServe v2 over gRPC: the way to Triton servers in other processes, and from other processes to
 * the one in this one.
 */
@NullMarked
package dev.forkpoint.triton.kserve;

import org.jspecify.annotations.NullMarked;
