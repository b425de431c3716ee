package dev.forkpoint.cli.command;

import com.fasterxml.jackson.databind.node.ArrayNode;
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
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.TokenIds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint score}: log-prob and entropy of given sequences. */
@Command(
        name = "score",
        description = {
            "Log-prob and entropy of each token of given sequences.",
            "Rows in: {\"ids\": [...]} or {\"text\": TEXT}. Rows out: index, ids, logprob, entropy; element t belongs to the token at position t, the first is null."
        })
final class ScoreCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            description =
                    "Policy in Hugging Face layout; with --address optional: then the one loaded last")
    private @Nullable String policy;

    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            description = "Low-rank adapter in PEFT layout, applied to the policy")
    private @Nullable String adapter;

    @Option(
            names = "--input",
            paramLabel = "FILE",
            required = true,
            description = "Sequences as JSON Lines; - reads standard input")
    @SuppressWarnings("NullAway.Init")
    private String input;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "1",
            description = "Temperature above 0. Default: ${DEFAULT-VALUE}")
    private double temperature;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions services;

    @Option(names = "--json", description = "JSON Lines on standard output, and nothing else there")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        SamplingOptions.require(
                temperature > 0 && Double.isFinite(temperature),
                "--temperature",
                temperature,
                "above 0");
        List<InputLines.Line> rows = InputLines.read(input);
        List<SequenceToScore.Builder> sequences = new ArrayList<>();
        for (InputLines.Line row : rows) {
            sequences.add(sequence(row));
        }
        LocalSettings local = new LocalSettings(Service.ENTROPY);
        PolicySnapshot snapshot = snapshot(local);
        try (Backend backend = forkpoint.open(services.address(), local, Service.ENTROPY)) {
            if (snapshot != null) {
                AnalysisData.load(backend, snapshot);
            }
            Console console = forkpoint.console();
            boolean people = !json && console.outTerminal();
            JsonLines lines = new JsonLines(console.out());
            Exchange.run(
                    Protocols.SCORE,
                    backend.channels(Service.ENTROPY),
                    IntStream.range(0, rows.size())
                            .mapToObj(i -> request(sequences.get(i), i, snapshot))
                            .iterator(),
                    Protocols.WINDOW,
                    services.liveness(backend),
                    new Exchange.Answers<ScoreResponse>() {
                        @Override
                        public void complete(long index, ScoreResponse answer) {
                            SequenceToScore.Builder asked = sequences.get((int) index);
                            List<Integer> ids =
                                    asked.hasIds()
                                            ? asked.getIds().getIdsList()
                                            : answer.getScores().getTokenIdsList();
                            if (people) {
                                console.out().print(table(index, ids, answer.getScores()));
                            } else {
                                lines.write(line(index, ids, answer.getScores()));
                            }
                        }

                        @Override
                        public void failed(long index, Status status) {
                            throw Failures.exception(status, rows.get((int) index).source());
                        }
                    });
            services.ended(backend);
            return ExitCode.DONE;
        }
    }

    private @Nullable PolicySnapshot snapshot(LocalSettings local) {
        if (policy == null) {
            if (services.address() == null) {
                throw new UsageException("--policy is missing (or --address of a running service)");
            }
            if (adapter != null) {
                throw new UsageException("--adapter needs --policy, the base it is applied to");
            }
            return null;
        }
        Path folder = PolicyFolder.require("--policy", policy, forkpoint.installation());
        local.allow(folder);
        if (adapter == null) {
            return PolicyFolder.snapshot(folder);
        }
        Path lora = PolicyFolder.requireAdapter("--adapter", adapter, forkpoint.installation());
        local.allow(lora);
        return PolicyFolder.snapshot(lora, folder);
    }

    private static SequenceToScore.Builder sequence(InputLines.Line row) {
        boolean ids = row.value().has("ids");
        if (ids == row.value().has("text")) {
            throw row.error(
                    "found %s of the keys ids and text (allowed: exactly one)"
                            .formatted(ids ? "both" : "none"));
        }
        return ids
                ? SequenceToScore.newBuilder()
                        .setIds(TokenIds.newBuilder().addAllIds(row.ids("ids")))
                : SequenceToScore.newBuilder().setText(row.text("text"));
    }

    private ScoreRequest request(
            SequenceToScore.Builder sequence, int index, @Nullable PolicySnapshot snapshot) {
        SequenceToScore.Builder request =
                sequence.clone().setRequestId(Integer.toString(index)).setTemperature(temperature);
        if (snapshot != null) {
            request.setPolicyId(snapshot.getPolicyId()).setPolicyVersion(snapshot.getVersion());
        }
        return ScoreRequest.newBuilder().setSequence(request).build();
    }

    private static ObjectNode line(long index, List<Integer> ids, TokenScores scores) {
        ObjectNode line = JsonLines.object();
        line.put("index", index);
        line.set("ids", JsonLines.ids(ids));
        line.set("logprob", padded(scores.getFirstPosition(), scores.getLogProbsList()));
        line.set("entropy", padded(scores.getFirstPosition(), scores.getEntropiesList()));
        return line;
    }

    /** With {@code null} for the tokens before the first that was scored. */
    private static ArrayNode padded(int first, List<Float> values) {
        ArrayNode array = JsonLines.object().arrayNode();
        for (int i = 0; i < first; i++) {
            array.addNull();
        }
        return array.addAll(JsonLines.floats(values));
    }

    private static String table(long index, List<Integer> ids, TokenScores scores) {
        Table table = new Table("#" + index + " position", "id", "logprob", "entropy");
        for (int t = 0; t < ids.size(); t++) {
            int i = t - scores.getFirstPosition();
            table.row(
                    Integer.toString(t),
                    Integer.toUnsignedString(ids.get(t)),
                    i < 0 ? "-" : "%.4f".formatted(scores.getLogProbs(i)),
                    i < 0 ? "-" : "%.4f".formatted(scores.getEntropies(i)));
        }
        return table.toString();
    }
}
