package dev.forkpoint.cli.command;

import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Installation;
import dev.forkpoint.policy.GenerationListener;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.Generator;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.PolicyFormatException;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.policy.Rollout;
import dev.forkpoint.policy.SamplingParameters;
import dev.forkpoint.policy.TokenChunk;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import picocli.CommandLine.Option;

/** The policy of a measurement. */
final class BenchPolicy {

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            defaultValue = "models/countdown-base",
            description = "Policy in Hugging Face layout. Default: ${DEFAULT-VALUE}")
    @SuppressWarnings("NullAway.Init")
    String path;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Worker threads; 0: as many as there are cores. Default: ${DEFAULT-VALUE}")
    int threads;

    Path folder(Installation installation) {
        return PolicyFolder.require("--policy", path, installation);
    }

    /** Loads it into this process. */
    Policy load(Installation installation) {
        SamplingOptions.require(threads >= 0, "--threads", threads, "0 or more");
        try {
            return Policy.load(folder(installation), PolicyOptions.defaults().withThreads(threads));
        } catch (PolicyFormatException e) {
            throw new UsageException("--policy: " + e.getMessage(), e);
        }
    }

    /**
     * Samples exactly {@code maxTokens} tokens for each prompt, and waits for all.
     *
     * @return nanoseconds to the first tokens
     */
    static long generate(Generator generator, int[][] prompts, int maxTokens)
            throws InterruptedException {
        long began = System.nanoTime();
        AtomicLong first = new AtomicLong();
        CountDownLatch left = new CountDownLatch(prompts.length);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        SamplingParameters sampling = SamplingParameters.defaults(maxTokens).ignoringEos();
        for (int i = 0; i < prompts.length; i++) {
            generator.submit(
                    new GenerationRequest(prompts[i], SampleSeeds.derive(0, i, 0), sampling),
                    new GenerationListener() {
                        @Override
                        public void onTokens(TokenChunk chunk) {
                            first.compareAndSet(0, System.nanoTime() - began);
                        }

                        @Override
                        public void onFinished(Rollout rollout) {
                            first.compareAndSet(0, System.nanoTime() - began);
                            left.countDown();
                        }

                        @Override
                        public void onFailed(Throwable cause) {
                            failure.set(cause);
                            left.countDown();
                        }
                    });
        }
        left.await();
        if (failure.get() != null) {
            throw new FailureException("sampling failed: " + failure.get(), failure.get());
        }
        return first.get();
    }
}
