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
import dev.forkpoint.cli.output.Tint;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.rollout.v1.ChunkPolicy;
import dev.forkpoint.proto.rollout.v1.GenerateRequest;
import dev.forkpoint.proto.rollout.v1.GenerateResponse;
import dev.forkpoint.proto.rollout.v1.Rollout;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.proto.rollout.v1.TokenChunk;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint generate}: samples responses. */
@Command(
        name = "generate",
        description = {
            "Samples responses with per-token log-prob and entropy.",
            "Rows in: {\"prompt\": TEXT} or {\"prompt_ids\": [...]} or {\"messages\": [...]}. Rows out: index, sample, prompt_ids, token_ids, text, logprob, entropy, finish_reason, policy_version."
        })
final class GenerateCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            description = "Policy, or an adapter that names its base; optional with --address")
    private @Nullable String policy;

    @ArgGroup(multiplicity = "1")
    @SuppressWarnings("NullAway.Init")
    private Prompts prompts;

    @Option(
            names = "--samples",
            paramLabel = "N",
            defaultValue = "1",
            description = "Responses for each prompt. Default: ${DEFAULT-VALUE}")
    private int samples;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "256",
            description = "Most tokens of a response. Default: ${DEFAULT-VALUE}")
    private int maxTokens;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private SamplingOptions sampling;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Random numbers are a function of (seed, row, sample, position). Default: ${DEFAULT-VALUE}")
    private long seed;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "Rollout engine: triton, direct or remote. Default: the service's own")
    private @Nullable String engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions services;

    @Option(names = "--json", description = "JSON Lines on standard output, and nothing else there")
    private boolean json;

    /** One prompt or a file of them. */
    static final class Prompts {

        @Option(names = "--prompt", paramLabel = "TEXT", description = "The prompt")
        private @Nullable String prompt;

        @Option(
                names = "--input",
                paramLabel = "FILE",
                description = "Prompts as JSON Lines; - reads standard input")
        private @Nullable String input;
    }

    @Override
    public Integer call() throws InterruptedException {
        SamplingParameters parameters = sampling.parameters(maxTokens);
        SamplingOptions.require(samples >= 1, "--samples", samples, "1 or more");
        List<RolloutRequest.Builder> rows = new ArrayList<>();
        List<String> sources = new ArrayList<>();
        if (prompts.prompt != null) {
            rows.add(RolloutRequest.newBuilder().setPromptText(prompts.prompt));
            sources.add("--prompt");
        } else if (prompts.input != null) {
            for (InputLines.Line line : InputLines.read(prompts.input)) {
                rows.add(RolloutCalls.prompt(line));
                sources.add(line.source());
            }
        }
        LocalSettings local = new LocalSettings(Service.ROLLOUT).engine(engine);
        PolicySnapshot snapshot = null;
        if (policy != null) {
            Path folder = PolicyFolder.offer("--policy", policy, forkpoint.installation(), local);
            snapshot = PolicyFolder.snapshot(folder);
        } else if (services.address() == null) {
            throw new UsageException("--policy is missing (or --address of a running service)");
        }
        services.rejectWithAddress("--engine", engine);
        try (Backend backend = forkpoint.open(services.address(), local, Service.ROLLOUT)) {
            RolloutCalls.serve(backend, snapshot);
            Console console = forkpoint.console();
            boolean people = !json && console.outTerminal();
            Answers answers = people ? new People(console) : new Lines(console);
            Iterator<GenerateRequest> requests =
                    LongStream.range(0, (long) rows.size() * samples)
                            .mapToObj(i -> request(rows, i, parameters, people))
                            .iterator();
            Exchange.run(
                    Protocols.GENERATE,
                    backend.channels(Service.ROLLOUT),
                    requests,
                    Protocols.WINDOW,
                    services.liveness(backend),
                    new Exchange.Answers<GenerateResponse>() {
                        @Override
                        public void partial(long index, GenerateResponse answer) {
                            answers.chunk(index, answer.getChunk());
                        }

                        @Override
                        public void complete(long index, GenerateResponse answer) {
                            answers.rollout(
                                    index,
                                    (int) (index / samples),
                                    (int) (index % samples),
                                    answer.getRollout());
                        }

                        @Override
                        public void failed(long index, Status status) {
                            throw Failures.exception(status, sources.get((int) (index / samples)));
                        }
                    });
            services.ended(backend);
            return ExitCode.DONE;
        }
    }

    private GenerateRequest request(
            List<RolloutRequest.Builder> rows,
            long index,
            SamplingParameters parameters,
            boolean chunks) {
        long row = index / samples;
        RolloutRequest.Builder request =
                rows.get((int) row)
                        .clone()
                        .setRequestId(Long.toString(index))
                        .setSeed(SampleSeeds.derive(seed, row, index % samples))
                        .setSampling(parameters)
                        .setReturnText(true);
        if (chunks) {
            request.setChunks(ChunkPolicy.newBuilder().setEveryTokens(1));
        }
        return GenerateRequest.newBuilder().setRollout(request).build();
    }

    private interface Answers {

        void chunk(long request, TokenChunk chunk);

        void rollout(long request, int row, int sample, Rollout rollout);
    }

    /** One JSON object a response. */
    private record Lines(JsonLines lines) implements Answers {

        Lines(Console console) {
            this(new JsonLines(console.out()));
        }

        @Override
        public void chunk(long request, TokenChunk chunk) {}

        @Override
        public void rollout(long request, int row, int sample, Rollout rollout) {
            ObjectNode line = JsonLines.object();
            line.put("index", row);
            line.put("sample", sample);
            line.set("prompt_ids", JsonLines.ids(rollout.getPromptIdsList()));
            line.set("token_ids", JsonLines.ids(rollout.getTokenIdsList()));
            line.put("text", rollout.getText());
            line.set("logprob", JsonLines.floats(rollout.getLogProbsList()));
            if (rollout.getEntropiesCount() == rollout.getTokenIdsCount()) {
                line.set("entropy", JsonLines.floats(rollout.getEntropiesList()));
            } else {
                line.putNull("entropy");
            }
            line.put("finish_reason", finishReason(rollout));
            line.put("policy_version", rollout.getPolicyVersion());
            lines.write(line);
        }
    }

    /** Text, with tokens tinted by entropy. */
    private static final class People implements Answers {

        private final Console console;
        private final Map<Long, StringBuilder> tinted = new HashMap<>();
        private boolean legendShown;

        People(Console console) {
            this.console = console;
        }

        @Override
        public void chunk(long request, TokenChunk chunk) {
            double mean =
                    chunk.getEntropiesList().stream()
                            .mapToDouble(Float::doubleValue)
                            .average()
                            .orElse(Double.NaN);
            String text = Console.printable(chunk.getText());
            tinted.computeIfAbsent(request, r -> new StringBuilder())
                    .append(console.colour() ? Tint.of(text, mean) : text);
        }

        @Override
        public void rollout(long request, int row, int sample, Rollout rollout) {
            if (console.colour() && rollout.getEntropiesCount() > 0 && !legendShown) {
                console.note(Tint.legend());
                legendShown = true;
            }
            StringBuilder text = tinted.remove(request);
            console.out()
                    .printf(
                            Locale.ROOT,
                            "[%d.%d] %s%n        %s, %d tokens%n",
                            row,
                            sample,
                            text == null || text.isEmpty()
                                    ? Console.printable(rollout.getText())
                                    : text,
                            finishReason(rollout),
                            rollout.getTokenIdsCount());
            console.out().flush();
        }
    }

    private static String finishReason(Rollout rollout) {
        return rollout.getFinishReason()
                .name()
                .replace("FINISH_REASON_", "")
                .toLowerCase(Locale.ROOT);
    }
}
