package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.output.Console;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.cli.output.Table;
import dev.forkpoint.lab.statistics.Interval;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.rollout.v1.GetPolicyResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint eval}: accuracy of a policy on a set of problems. */
@Command(
        name = "eval",
        description = {
            "avg@K, unbiased pass@k and mean length with 95 %% intervals (bootstrap over"
                    + " problems).",
            "Rows: {\"problem\" or \"prompt\", \"answer\", \"id\"} and fields of the task."
        })
final class EvalCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            description = "Policy, or an adapter that names its base; optional with --address")
    private @Nullable String policy;

    @Option(
            names = "--data",
            paramLabel = "FILE",
            required = true,
            description =
                    "JSON Lines or .parquet, or problems of a task family:"
                            + " task:countdown?split=held_out&seed=777&count=1024")
    @SuppressWarnings("NullAway.Init")
    private String data;

    @Option(
            names = "--template",
            paramLabel = "TEXT",
            defaultValue = "{problem}",
            description =
                    "Prompt of rows with the key problem, with {problem} where it goes and \\n"
                            + " for line breaks. Default: the problem alone")
    @SuppressWarnings("NullAway.Init")
    private String template;

    @Option(
            names = "--verifier",
            paramLabel = "NAME",
            description = "Default: the task family's own, for files math")
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
                    "Most tokens of a response. Default: 52 for countdown, else half of the"
                            + " context, at most 1024")
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
            names = "--compare",
            paramLabel = "DIR",
            description = "A second policy on the same problems, with the difference and its p")
    private @Nullable String compare;

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description =
                    "Keeps outcomes by policy, problems and settings here; an interrupted"
                            + " evaluation goes on, a finished one costs nothing")
    private @Nullable Path cache;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "Rollout engine: triton, direct or remote. Default: the service's own")
    private @Nullable String engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions services;

    @Option(
            names = "--json",
            description =
                    "One JSON object a policy on standard output, with --compare one more, and"
                            + " nothing else")
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
        services.rejectWithAddress("--compare", compare);
        PolicySnapshot snapshot = null;
        Path folder = null;
        Path second = null;
        if (compare != null) {
            second = PolicyFolder.offer("--compare", compare, forkpoint.installation(), local);
        }
        if (policy != null) {
            folder = PolicyFolder.offer("--policy", policy, forkpoint.installation(), local);
            snapshot = PolicyFolder.snapshot(folder);
        } else if (cache != null) {
            throw new UsageException("--policy is missing: --cache knows policies by their files");
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
            EvalRun run = new EvalRun(backend, services, items, samples, seed, parameters, name);
            EvalRun.Result first = run.run(cache(folder, items, served, name, parameters));
            print(first, served, name, parameters, second == null);
            if (second != null) {
                served = RolloutCalls.serve(backend, PolicyFolder.snapshot(second));
                EvalRun.Result other = run.run(cache(second, items, served, name, parameters));
                print(other, served, name, parameters, false);
                compared(EvalComparison.of(first.problems(), other.problems()));
            }
            services.ended(backend);
            return ExitCode.DONE;
        }
    }

    private String verifierName(EvalData.Item first) {
        if (verifier != null) {
            return verifier;
        }
        return first.verifier() == null ? "math" : first.verifier();
    }

    private int limit(GetPolicyResponse served) {
        if (maxTokens != null) {
            return maxTokens;
        }
        return data.startsWith("task:countdown")
                ? 52
                : Math.max(1, Math.min(1024, served.getContextLength() / 2));
    }

    private @Nullable EvalCache cache(
            @Nullable Path folder,
            List<EvalData.Item> items,
            GetPolicyResponse served,
            String verifierName,
            SamplingParameters parameters) {
        if (cache == null || folder == null) {
            return null;
        }
        StringBuilder problems = new StringBuilder();
        for (EvalData.Item item : items) {
            problems.append(item.prompt().build()).append(item.gold()).append(item.task());
        }
        ObjectNode settings = JsonLines.object();
        settings.put("policy_sha256", EvalCache.policyHash(folder));
        PolicyFolder.base(folder)
                .ifPresent(base -> settings.put("base_sha256", EvalCache.policyHash(base)));
        settings.put(
                "problems_sha256",
                EvalCache.hash(problems.toString().getBytes(StandardCharsets.UTF_8)));
        settings.put("problems", items.size());
        settings.put("samples", samples);
        settings.put("seed", seed);
        settings.put("sampling", parameters.toString());
        settings.put("verifier", verifierName);
        settings.put("engine", served.getEngine());
        settings.put("forkpoint", Forkpoint.Version.of());
        return new EvalCache(cache, settings);
    }

    private void compared(EvalComparison comparison) {
        if (json) {
            ObjectNode line = JsonLines.object();
            line.set("comparison", comparison.json());
            new JsonLines(forkpoint.console().out()).write(line);
        } else {
            forkpoint.console().out().println(comparison.sentence());
        }
    }

    private void print(
            EvalRun.Result result,
            GetPolicyResponse served,
            String verifierName,
            SamplingParameters parameters,
            boolean alone) {
        List<Accuracy.Problem> problems = result.problems();
        List<Integer> ks = new ArrayList<>();
        for (int k = 1; k < samples; k *= 2) {
            ks.add(k);
        }
        ks.add(samples);
        Console console = forkpoint.console();
        if (json) {
            ObjectNode line = JsonLines.object();
            ObjectNode accuracy = line.putObject("accuracy");
            accuracy.setAll(Accuracy.json(Accuracy.average(problems)));
            accuracy.put("problems", problems.size());
            accuracy.put("samples", samples);
            ObjectNode pass = line.putObject("pass_at");
            ks.forEach(
                    k -> pass.set(Integer.toString(k), Accuracy.json(Accuracy.pass(problems, k))));
            line.set("mean_length", Accuracy.json(Accuracy.length(problems)));
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
        if (!alone) {
            console.out().println(Console.printable(served.getPolicy().getUri()));
        }
        Table table = new Table("measure", "mean", "95 % interval");
        row(table, "avg@" + samples + ", %", Accuracy.average(problems), 100);
        ks.forEach(k -> row(table, "pass@" + k + ", %", Accuracy.pass(problems, k), 100));
        row(table, "length, tokens", Accuracy.length(problems), 1);
        console.out().print(table);
        console.out()
                .printf(
                        Locale.ROOT,
                        "%d problems × %d samples, verifier %s, temperature %s, %.1f %% cut off at"
                                + " %d tokens%n",
                        problems.size(),
                        samples,
                        verifierName,
                        parameters.getTemperature(),
                        100 * result.truncatedShare(),
                        parameters.getMaxTokens());
    }

    private static void row(Table table, String name, Interval interval, double scale) {
        table.row(
                name,
                String.format(Locale.ROOT, "%.1f", scale * interval.mean()),
                String.format(
                        Locale.ROOT,
                        "%.1f – %.1f",
                        scale * interval.low(),
                        scale * interval.high()));
    }
}
