package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.rpc.Status;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.output.Console;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.cli.output.Table;
import dev.forkpoint.proto.policy.v1.FinishReason;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.GetPolicyResponse;
import dev.forkpoint.proto.rollout.v1.Rollout;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint eval}: accuracy of a policy on a set of problems. */
@Command(
        name = "eval",
        description = {
            "avg@K, unbiased pass@k and mean length with 95 %% intervals (bootstrap over problems).",
            "Rows: {\"problem\" or \"prompt\", \"answer\", \"id\"} and fields of the task."
        })
final class EvalCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            description = "Policy in Hugging Face layout; optional with --address")
    private @Nullable String policy;

    @Option(
            names = "--data",
            paramLabel = "FILE",
            required = true,
            description =
                    "JSON Lines, or problems of a task family: task:countdown?split=held_out&seed=777&count=1024")
    @SuppressWarnings("NullAway.Init")
    private String data;

    @Option(
            names = "--template",
            paramLabel = "TEXT",
            defaultValue = "{problem}",
            description =
                    "Prompt of rows with the key problem, with {problem} where it goes and \\n for line breaks. Default: the problem alone")
    @SuppressWarnings("NullAway.Init")
    private String template;

    @Option(
            names = "--verifier",
            paramLabel = "NAME",
            description = "Default: the task family's own, for files math-boxed")
    private @Nullable String verifier;

    @Option(
            names = "--samples",
            paramLabel = "K",
            defaultValue = "1",
            description = "Responses for each problem. Default: ${DEFAULT-VALUE}")
    private int samples;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description =
                    "Most tokens of a response. Default: 52 for countdown, else half of the context, at most 1024")
    private @Nullable Integer maxTokens;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private SamplingOptions sampling;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the samples. Default: ${DEFAULT-VALUE}")
    private long seed;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "Rollout engine: triton, direct or remote. Default: the service's own")
    private @Nullable String engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions services;

    @Option(names = "--json", description = "One JSON object on standard output, and nothing else")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        SamplingOptions.require(samples >= 1, "--samples", samples, "1 or more");
        sampling.parameters(maxTokens == null ? 1 : maxTokens);
        boolean task = EvalData.isTask(data);
        List<EvalData.Item> items =
                task ? List.of() : EvalData.read(data, template.replace("\\n", "\n"));
        LocalSettings local = new LocalSettings(Service.ROLLOUT, Service.REWARD).engine(engine);
        services.rejectWithAddress("--engine", engine);
        PolicySnapshot snapshot = null;
        if (policy != null) {
            Path folder = PolicyFolder.require("--policy", policy, forkpoint.installation());
            local.allow(folder);
            snapshot = PolicyFolder.snapshot(folder, null);
        } else if (services.address() == null) {
            throw new UsageException("--policy is missing (or --address of a running service)");
        }
        try (Backend backend =
                forkpoint.open(services.address(), local, Service.ROLLOUT, Service.REWARD)) {
            if (task) {
                items = EvalData.generate(backend, data);
            }
            String name = verifierName(items.get(0));
            VerifyCommand.requireVerifier(backend, name);
            GetPolicyResponse served = RolloutCalls.serve(backend, snapshot);
            SamplingParameters parameters = sampling.parameters(limit(served));
            Result result = new Result(items.size() * samples);
            sample(backend, items, parameters, result);
            verify(backend, items, name, result);
            print(result, served, name, parameters);
            services.ended(backend);
            return ExitCode.DONE;
        }
    }

    private String verifierName(EvalData.Item first) {
        if (verifier != null) {
            return verifier;
        }
        return first.verifier() == null ? "math-boxed" : first.verifier();
    }

    private int limit(GetPolicyResponse served) {
        if (maxTokens != null) {
            return maxTokens;
        }
        return data.startsWith("task:countdown")
                ? 52
                : Math.max(1, Math.min(1024, served.getContextLength() / 2));
    }

    private void sample(
            Backend backend,
            List<EvalData.Item> items,
            SamplingParameters parameters,
            Result result)
            throws InterruptedException {
        Exchange.run(
                Protocols.GENERATE,
                backend.channels(Service.ROLLOUT),
                IntStream.range(0, result.rollouts.length)
                        .mapToObj(i -> request(items, i, parameters))
                        .iterator(),
                Protocols.WINDOW,
                services.liveness(backend),
                new Exchange.Answers<GenerateResponse>() {
                    @Override
                    public void complete(long index, GenerateResponse answer) {
                        result.rollouts[(int) index] = answer.getRollout();
                    }

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(
                                status, items.get((int) (index / samples)).source());
                    }
                });
    }

    private GenerateRequest request(
            List<EvalData.Item> items, int index, SamplingParameters parameters) {
        RolloutRequest.Builder request =
                items.get(index / samples)
                        .prompt()
                        .clone()
                        .setRequestId(Integer.toString(index))
                        .setSeed(SampleSeeds.derive(seed, index / samples, index % samples))
                        .setSampling(parameters)
                        .setReturnText(true);
        return GenerateRequest.newBuilder().setRollout(request).build();
    }

    private void verify(Backend backend, List<EvalData.Item> items, String name, Result result)
            throws InterruptedException {
        Exchange.run(
                Protocols.VERIFY,
                backend.channels(Service.REWARD),
                IntStream.range(0, result.rollouts.length)
                        .mapToObj(i -> item(items.get(i / samples), name, result.rollouts[i], i))
                        .iterator(),
                Protocols.WINDOW,
                services.liveness(backend),
                new Exchange.Answers<VerifyResponse>() {
                    @Override
                    public void complete(long index, VerifyResponse answer) {
                        if (answer.getVerification().getVerdict()
                                == Verdict.VERDICT_UNPARSABLE_GOLD) {
                            EvalData.Item item = items.get((int) (index / samples));
                            throw new UsageException(
                                    "%s: gold %s: %s"
                                            .formatted(
                                                    item.source(),
                                                    item.gold(),
                                                    answer.getVerification().getReason()));
                        }
                        result.correct[(int) index] =
                                answer.getVerification().getVerdict() == Verdict.VERDICT_CORRECT;
                    }

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(
                                status, items.get((int) (index / samples)).source());
                    }
                });
    }

    private static VerifyRequest item(
            EvalData.Item item, String verifier, Rollout rollout, int index) {
        return VerifyRequest.newBuilder()
                .setItem(
                        VerifyItem.newBuilder()
                                .setRequestId(Integer.toString(index))
                                .setVerifier(verifier)
                                .setGold(item.gold())
                                .setPrediction(rollout.getText())
                                .addAllTokenIds(rollout.getTokenIdsList())
                                .setTask(item.task())
                                .setTruncated(
                                        rollout.getFinishReason()
                                                == FinishReason.FINISH_REASON_LENGTH))
                .build();
    }

    private void print(
            Result result,
            GetPolicyResponse served,
            String verifierName,
            SamplingParameters parameters) {
        List<Accuracy.Problem> problems = result.problems(samples);
        List<Integer> ks = new ArrayList<>();
        for (int k = 1; k < samples; k *= 2) {
            ks.add(k);
        }
        ks.add(samples);
        Console console = forkpoint.console();
        if (json) {
            ObjectNode line = JsonLines.object();
            ObjectNode accuracy = line.putObject("accuracy");
            accuracy.setAll(Accuracy.average(problems).json());
            accuracy.put("problems", problems.size());
            accuracy.put("samples", samples);
            ObjectNode pass = line.putObject("pass_at");
            ks.forEach(k -> pass.set(Integer.toString(k), Accuracy.pass(problems, k).json()));
            line.set("mean_length", Accuracy.length(problems).json());
            line.set("mean_entropy", JsonLines.number(result.meanEntropy()));
            line.put("truncated", result.truncatedShare());
            line.put("policy", served.getPolicy().getUri());
            line.put("policy_version", served.getPolicy().getVersion());
            line.put("engine", served.getEngine());
            line.put("verifier", verifierName);
            line.put("data", data);
            line.put("temperature", parameters.getTemperature());
            line.put("max_tokens", parameters.getMaxTokens());
            line.put("seed", seed);
            new JsonLines(console.out()).write(line);
            return;
        }
        Table table = new Table("measure", "mean", "95 % interval");
        row(table, "avg@" + samples + ", %", Accuracy.average(problems), 100);
        ks.forEach(k -> row(table, "pass@" + k + ", %", Accuracy.pass(problems, k), 100));
        row(table, "length, tokens", Accuracy.length(problems), 1);
        console.out().print(table);
        console.out()
                .printf(
                        Locale.ROOT,
                        "%d problems × %d samples, verifier %s, temperature %s, %.1f %% cut off at %d tokens%n",
                        problems.size(),
                        samples,
                        verifierName,
                        parameters.getTemperature(),
                        100 * result.truncatedShare(),
                        parameters.getMaxTokens());
    }

    private static void row(Table table, String name, Accuracy.Interval interval, double scale) {
        table.row(
                name,
                String.format(Locale.ROOT, "%.1f", scale * interval.mean()),
                String.format(
                        Locale.ROOT,
                        "%.1f – %.1f",
                        scale * interval.low(),
                        scale * interval.high()));
    }

    /** All responses, problem after problem. */
    private static final class Result {

        private final Rollout[] rollouts;
        private final boolean[] correct;

        Result(int responses) {
            rollouts = new Rollout[responses];
            correct = new boolean[responses];
        }

        List<Accuracy.Problem> problems(int samples) {
            List<Accuracy.Problem> problems = new ArrayList<>();
            for (int first = 0; first < rollouts.length; first += samples) {
                int right = 0;
                long tokens = 0;
                for (int i = first; i < first + samples; i++) {
                    right += correct[i] ? 1 : 0;
                    tokens += rollouts[i].getTokenIdsCount();
                }
                problems.add(new Accuracy.Problem(samples, right, (double) tokens / samples));
            }
            return problems;
        }

        double truncatedShare() {
            long truncated = 0;
            for (Rollout rollout : rollouts) {
                truncated += rollout.getFinishReason() == FinishReason.FINISH_REASON_LENGTH ? 1 : 0;
            }
            return (double) truncated / rollouts.length;
        }

        /** Mean over response tokens, nats; NaN where the engine reports none. */
        double meanEntropy() {
            double sum = 0;
            long count = 0;
            for (Rollout rollout : rollouts) {
                for (float entropy : rollout.getEntropiesList()) {
                    sum += entropy;
                    count++;
                }
            }
            return count == 0 ? Double.NaN : sum / count;
        }
    }
}
