/**
 * NVIDIA Triton Inference Server inside this JVM, with policies served by a Java engine as its
 * backend, and as a remote server over KServe v2 gRPC ({@link dev.forkpoint.triton.kserve}).
 *
 * <p>Three ways to the same rollout, all through {@link dev.forkpoint.triton.RolloutRequest} and
 * {@link dev.forkpoint.triton.RolloutSink}: a {@link dev.forkpoint.triton.TokenEngine} called
 * directly, a {@link dev.forkpoint.triton.TritonPolicy} on a {@link
 * dev.forkpoint.triton.TritonServer} of this process, and a {@link
 * dev.forkpoint.triton.kserve.RemoteTriton}. What travels between them is the {@link
 * dev.forkpoint.triton.TensorContract}.
 */
@NullMarked
package dev.forkpoint.triton;

import org.jspecify.annotations.NullMarked;
