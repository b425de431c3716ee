package dev.forkpoint.cli.command;

import com.google.rpc.Status;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.proto.policy.v1.FinishReason;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.Rollout;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Samples and verifies a set of problems under the policy that is being served. */
final class EvalRun {

    /** Responses between two writes to a cache. */
    private static final int PART = 2048;

    /**
     * What one response came to.
     *
     * @param entropySum over its tokens, nats; NaN where the engine reports none
     */
    record Outcome(boolean correct, int tokens, boolean truncated, double entropySum) {}

    /**
     * @param outcomes problem after problem, {@code samples} of each
     */
    record Result(List<Outcome> outcomes, int samples) {

        List<Accuracy.Problem> problems() {
            List<Accuracy.Problem> problems = new ArrayList<>();
            for (int first = 0; first < outcomes.size(); first += samples) {
                List<Outcome> own = outcomes.subList(first, first + samples);
                problems.add(
                        new Accuracy.Problem(
                                samples,
                                (int) own.stream().filter(Outcome::correct).count(),
                                own.stream().mapToInt(Outcome::tokens).average().orElse(0)));
            }
            return problems;
        }

        double truncatedShare() {
            return (double) outcomes.stream().filter(Outcome::truncated).count() / outcomes.size();
        }

        /** Mean over response tokens, nats; NaN where the engine reports none. */
        double meanEntropy() {
            return outcomes.stream().mapToDouble(Outcome::entropySum).sum()
                    / outcomes.stream().mapToLong(Outcome::tokens).sum();
        }
    }

    private final Backend backend;
    private final ServiceOptions services;
    private final List<EvalData.Item> items;
    private final int samples;
    private final long seed;
    private final SamplingParameters parameters;
    private final String verifier;

    EvalRun(
            Backend backend,
            ServiceOptions services,
            List<EvalData.Item> items,
            int samples,
            long seed,
            SamplingParameters parameters,
            String verifier) {
        this.backend = backend;
        this.services = services;
        this.items = items;
        this.samples = samples;
        this.seed = seed;
        this.parameters = parameters;
        this.verifier = verifier;
    }

    /**
     * @param cache what a former call found, and where this one keeps what it finds; absent:
     *     nothing is kept
     */
    Result run(@Nullable EvalCache cache) throws InterruptedException {
        int all = items.size() * samples;
        List<Outcome> outcomes = new ArrayList<>(cache == null ? List.of() : cache.found(all));
        while (outcomes.size() < all) {
            int from = outcomes.size();
            int to = cache == null ? all : Math.min(all, from + PART);
            List<Outcome> part = part(from, to);
            if (cache != null) {
                cache.add(part);
            }
            outcomes.addAll(part);
        }
        return new Result(outcomes, samples);
    }

    private List<Outcome> part(int from, int to) throws InterruptedException {
        Rollout[] rollouts = new Rollout[to - from];
        Exchange.run(
                Protocols.GENERATE,
                backend.channels(Service.ROLLOUT),
                IntStream.range(from, to).mapToObj(i -> request(i, i - from)).iterator(),
                Protocols.WINDOW,
                services.liveness(backend),
                new Exchange.Answers<GenerateResponse>() {
                    @Override
                    public void complete(long index, GenerateResponse answer) {
                        rollouts[(int) index] = answer.getRollout();
                    }

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(status, item(from + index).source());
                    }
                });
        boolean[] correct = new boolean[to - from];
        Exchange.run(
                Protocols.VERIFY,
                backend.channels(Service.REWARD),
                IntStream.range(from, to)
                        .mapToObj(i -> toVerify(i, i - from, rollouts[i - from]))
                        .iterator(),
                Protocols.WINDOW,
                services.liveness(backend),
                new Exchange.Answers<VerifyResponse>() {
                    @Override
                    public void complete(long index, VerifyResponse answer) {
                        Verdict verdict = answer.getVerification().getVerdict();
                        if (verdict == Verdict.VERDICT_UNPARSABLE_GOLD) {
                            throw new UsageException(
                                    "%s: gold %s: %s"
                                            .formatted(
                                                    item(from + index).source(),
                                                    item(from + index).gold(),
                                                    answer.getVerification().getReason()));
                        }
                        correct[(int) index] = verdict == Verdict.VERDICT_CORRECT;
                    }

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(status, item(from + index).source());
                    }
                });
        return IntStream.range(0, rollouts.length)
                .mapToObj(i -> outcome(rollouts[i], correct[i]))
                .toList();
    }

    private static Outcome outcome(Rollout rollout, boolean correct) {
        boolean reported = rollout.getEntropiesCount() == rollout.getTokenIdsCount();
        return new Outcome(
                correct,
                rollout.getTokenIdsCount(),
                truncated(rollout),
                reported
                        ? rollout.getEntropiesList().stream().mapToDouble(h -> h).sum()
                        : Double.NaN);
    }

    private EvalData.Item item(long index) {
        return items.get((int) (index / samples));
    }

    /**
     * @param index of the response
     * @param id of the request within its exchange
     */
    private GenerateRequest request(int index, int id) {
        RolloutRequest.Builder request =
                item(index)
                        .prompt()
                        .clone()
                        .setRequestId(Integer.toString(id))
                        .setSeed(SampleSeeds.derive(seed, index / samples, index % samples))
                        .setSampling(parameters)
                        .setReturnText(true);
        return GenerateRequest.newBuilder().setRollout(request).build();
    }

    private VerifyRequest toVerify(int index, int id, Rollout rollout) {
        return VerifyRequest.newBuilder()
                .setItem(
                        VerifyItem.newBuilder()
                                .setRequestId(Integer.toString(id))
                                .setVerifier(verifier)
                                .setGold(item(index).gold())
                                .setPrediction(rollout.getText())
                                .addAllTokenIds(rollout.getTokenIdsList())
                                .setTask(item(index).task())
                                .setTruncated(truncated(rollout)))
                .build();
    }

    private static boolean truncated(Rollout rollout) {
        return rollout.getFinishReason() == FinishReason.FINISH_REASON_LENGTH;
    }
}
