package dev.forkpoint.rollout.engine;

import dev.forkpoint.policy.GenerationHandle;
import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.Generator;
import dev.forkpoint.policy.GeneratorClosedException;
import dev.forkpoint.policy.GeneratorOptions;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.SamplingParameters;
import dev.forkpoint.policy.TokenChunk;
import dev.forkpoint.triton.FinishReason;
import dev.forkpoint.triton.PolicySpec;
import dev.forkpoint.triton.RolloutChunk;
import dev.forkpoint.triton.RolloutHandle;
import dev.forkpoint.triton.RolloutRequest;
import dev.forkpoint.triton.RolloutSink;
import dev.forkpoint.triton.TokenEngine;
import dev.forkpoint.triton.TritonException;
import dev.forkpoint.triton.TritonException.Code;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.IntSupplier;

/** The policy library's sampler as what Triton's JVM backend calls. */
final class PolicyTokenEngine implements TokenEngine {

    private final Policy policy;
    private final Generator generator;
    private final long version;

    private PolicyTokenEngine(Policy policy, Generator generator, long version) {
        this.policy = policy;
        this.generator = generator;
        this.version = version;
    }

    static PolicyTokenEngine open(
            PolicySpec spec,
            PolicyOptions policyOptions,
            GeneratorOptions generatorOptions,
            IntSupplier arriving)
            throws IOException {
        Policy policy =
                Policy.load(
                        spec.directory(),
                        spec.adapter() == null
                                ? policyOptions
                                : policyOptions.withAdapter(spec.adapter()));
        try {
            return new PolicyTokenEngine(
                    policy, new Generator(policy, generatorOptions, arriving), spec.version());
        } catch (RuntimeException e) {
            policy.close();
            throw e;
        }
    }

    Policy policy() {
        return policy;
    }

    Generator generator() {
        return generator;
    }

    @Override
    public Limits limits() {
        return new Limits(policy.config().vocabularySize(), policy.config().maxPositions());
    }

    @Override
    public boolean deterministic() {
        return policy.options().device().equals("cpu");
    }

    @Override
    public RolloutHandle submit(RolloutRequest request, RolloutSink sink) {
        RolloutRequest.Sampling s = request.sampling();
        if (s.fork() != null) {
            throw new TritonException(
                    Code.UNSUPPORTED,
                    "fork_temperature: this engine has one temperature a response");
        }
        try {
            GenerationHandle handle =
                    generator.submit(
                            new GenerationRequest(
                                    request.promptIds(),
                                    request.seed(),
                                    new SamplingParameters(
                                            request.maxTokens(),
                                            s.temperature(),
                                            s.topP(),
                                            s.topK(),
                                            s.minP(),
                                            request.stopIds(),
                                            request.ignoreEos()),
                                    request.priority(),
                                    0), // the backend cancels what is late
                            new ToSink(sink));
            return handle::cancel;
        } catch (IllegalArgumentException e) {
            throw new TritonException(Code.INVALID_ARGUMENT, String.valueOf(e.getMessage()), e);
        } catch (GeneratorClosedException e) {
            throw unloaded(e);
        }
    }

    private static TritonException unloaded(Throwable cause) {
        return new TritonException(Code.UNAVAILABLE, "the policy was unloaded", cause);
    }

    private final class ToSink implements GenerationListener {

        private final RolloutSink sink;
        private final long submittedNanos = System.nanoTime();
        private long firstNanos;
        private int handedOver;

        ToSink(RolloutSink sink) {
            this.sink = sink;
        }

        @Override
        public void onTokens(TokenChunk chunk) {
            if (firstNanos == 0) {
                firstNanos = System.nanoTime();
            }
            handedOver += chunk.tokenIds().length;
            sink.onTokens(stamped(chunk));
        }

        @Override
        public void onFinished(Rollout rollout) {
            long first = firstNanos == 0 ? System.nanoTime() : firstNanos;
            sink.onLastTokens(
                    stamped(rollout.from(handedOver)),
                    switch (rollout.finishReason()) {
                        case STOP -> FinishReason.STOP;
                        case LENGTH -> FinishReason.LENGTH;
                        case CANCELLED -> FinishReason.CANCELLED;
                    },
                    new RolloutSink.Stats((first - submittedNanos) / 1000, generator.active()));
        }

        @Override
        public void onFailed(Throwable cause) {
            sink.onFailed(
                    cause instanceof GeneratorClosedException
                            ? unloaded(cause)
                            : new TritonException(
                                    Code.INTERNAL, "the sampler failed: " + cause, cause));
        }

        private RolloutChunk stamped(TokenChunk c) {
            long[] versions = new long[c.tokenIds().length];
            Arrays.fill(versions, version);
            return new RolloutChunk(
                    c.tokenIds(), c.logProb(), c.entropy(), c.collisionProbability(), versions);
        }
    }

    @Override
    public void close() {
        generator.close();
        policy.close();
    }
}
