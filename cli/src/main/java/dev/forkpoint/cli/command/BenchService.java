package dev.forkpoint.cli.command;

import com.google.rpc.Status;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.policy.v1.TokenIds;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import java.util.Arrays;
import java.util.stream.IntStream;

/** The same sampling as {@link BenchPolicy#generate}, asked of rollout-service. */
final class BenchService {

    private BenchService() {}

    static GenerateRequest request(int index, int[] prompt, long seed, int maxTokens) {
        return GenerateRequest.newBuilder()
                .setRollout(
                        RolloutRequest.newBuilder()
                                .setRequestId(Integer.toString(index))
                                .setPromptIds(
                                        TokenIds.newBuilder()
                                                .addAllIds(Arrays.stream(prompt).boxed().toList()))
                                .setSeed(seed)
                                .setSampling(
                                        SamplingParameters.newBuilder()
                                                .setMaxTokens(maxTokens)
                                                .setIgnoreEos(true)))
                .build();
    }

    static void generate(Backend backend, int[][] prompts, int maxTokens, ServiceOptions services)
            throws InterruptedException {
        Exchange.run(
                Protocols.GENERATE,
                backend.channels(Service.ROLLOUT),
                IntStream.range(0, prompts.length)
                        .mapToObj(
                                i -> request(i, prompts[i], SampleSeeds.derive(0, i, 0), maxTokens))
                        .iterator(),
                Protocols.WINDOW,
                services.liveness(backend),
                new Exchange.Answers<GenerateResponse>() {
                    @Override
                    public void complete(long index, GenerateResponse answer) {}

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(status, "response " + index);
                    }
                });
    }
}
