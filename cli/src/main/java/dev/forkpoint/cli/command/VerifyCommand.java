package dev.forkpoint.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.Status;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.output.Console;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.cli.output.Table;
import dev.forkpoint.proto.reward.v1.ListVerifiersRequest;
import dev.forkpoint.proto.reward.v1.PredictionForm;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Verdict;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifierInfo;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint verify}: rewards of given predictions. */
@Command(
        name = "verify",
        description = {
            "Verifies predictions against reference answers; starts reward-service alone.",
            "Rows in: {\"id\", \"gold\", \"prediction\"} and the fields of the task; \"form\": \"answer\" when the prediction is the bare answer. Rows out: id, reward, verdict, extracted, reason, micros."
        })
final class VerifyCommand implements Callable<Integer> {

    /** Keys of a row that are not fields of its task. */
    private static final Set<String> OWN_KEYS =
            Set.of(
                    "id",
                    "gold",
                    "answer",
                    "prediction",
                    "form",
                    "truncated",
                    "token_ids",
                    "problem",
                    "prompt",
                    "prompt_ids",
                    "messages",
                    "task");

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Option(
            names = "--verifier",
            paramLabel = "NAME",
            required = true,
            description = "Verifier, such as countdown or math; an unknown name lists them")
    @SuppressWarnings("NullAway.Init")
    private String verifier;

    @ArgGroup(multiplicity = "1")
    @SuppressWarnings("NullAway.Init")
    private Source source;

    @Option(
            names = "--option",
            paramLabel = "KEY=VALUE",
            description = "Option of the verifier, value in JSON; may be given again")
    private Map<String, String> options = new LinkedHashMap<>();

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions services;

    @Option(names = "--json", description = "JSON Lines on standard output, and nothing else there")
    private boolean json;

    /** What to verify. */
    static final class Source {

        @Option(
                names = "--input",
                paramLabel = "FILE",
                description = "Predictions as JSON Lines; - reads standard input")
        private @Nullable String input;

        @Option(
                names = "--check-gold",
                paramLabel = "FILE",
                description =
                        "Only checks that every gold answer (key gold, else answer) can be read; names the lines where not")
        private @Nullable String checkGold;
    }

    @Override
    public Integer call() throws InterruptedException {
        boolean check = source.checkGold != null;
        List<InputLines.Line> rows =
                InputLines.read(
                        check ? String.valueOf(source.checkGold) : String.valueOf(source.input));
        Struct settings = options();
        List<VerifyItem.Builder> items = new ArrayList<>();
        for (InputLines.Line row : rows) {
            items.add(
                    (check ? goldItem(row) : item(row)).setVerifier(verifier).setOptions(settings));
        }
        try (Backend backend =
                forkpoint.open(
                        services.address(), new LocalSettings(Service.REWARD), Service.REWARD)) {
            VerifierInfo info = requireVerifier(backend, verifier);
            if (check && !info.getNeedsGold()) {
                throw new UsageException(
                        "--check-gold: verifier " + verifier + " compares with no gold answer");
            }
            for (InputLines.Line row : rows) {
                if (!check && info.getNeedsGold() && !row.value().hasNonNull("gold")) {
                    throw row.error("gold: found nothing (expected: the reference answer)");
                }
            }
            int code = check ? checkGold(backend, rows, items) : verify(backend, rows, items);
            services.ended(backend);
            return code;
        }
    }

    private int verify(Backend backend, List<InputLines.Line> rows, List<VerifyItem.Builder> items)
            throws InterruptedException {
        Console console = forkpoint.console();
        boolean people = !json && console.outTerminal();
        JsonLines lines = new JsonLines(console.out());
        Summary summary = new Summary();
        exchange(
                backend,
                rows,
                items,
                (index, verification) -> {
                    InputLines.Line row = rows.get((int) index);
                    summary.add(verification);
                    if (people) {
                        console.out().println(sentence(row, verification));
                    } else {
                        lines.write(line(row, verification));
                    }
                });
        console.err().print(summary);
        console.err().flush();
        return ExitCode.DONE;
    }

    private int checkGold(
            Backend backend, List<InputLines.Line> rows, List<VerifyItem.Builder> items)
            throws InterruptedException {
        List<String> unreadable = new ArrayList<>();
        List<String> unequal = new ArrayList<>();
        JsonLines lines = new JsonLines(forkpoint.console().out());
        exchange(
                backend,
                rows,
                items,
                (index, verification) -> {
                    InputLines.Line row = rows.get((int) index);
                    String where = row.source() + ": gold " + items.get((int) index).getGold();
                    if (verification.getVerdict() == Verdict.VERDICT_UNPARSABLE_GOLD) {
                        unreadable.add(where + ": " + verification.getReason());
                        if (json) {
                            ObjectNode line = JsonLines.object();
                            line.put("line", row.number());
                            line.put("gold", items.get((int) index).getGold());
                            line.put("reason", verification.getReason());
                            lines.write(line);
                        }
                    } else if (verification.getVerdict() != Verdict.VERDICT_CORRECT) {
                        unequal.add(where + " as its own prediction: " + verdict(verification));
                    }
                });
        unequal.forEach(line -> forkpoint.console().note("warning: " + Console.printable(line)));
        if (!unreadable.isEmpty()) {
            throw new UsageException(
                    "%d of %d gold answers cannot be read by %s:\n  %s"
                            .formatted(
                                    unreadable.size(),
                                    rows.size(),
                                    verifier,
                                    Console.printable(String.join("\n  ", unreadable))));
        }
        forkpoint
                .console()
                .note("all %d gold answers can be read by %s".formatted(rows.size(), verifier));
        return ExitCode.DONE;
    }

    private interface Verifications {
        void accept(long index, Verification verification);
    }

    private void exchange(
            Backend backend,
            List<InputLines.Line> rows,
            List<VerifyItem.Builder> items,
            Verifications verifications)
            throws InterruptedException {
        Exchange.run(
                Protocols.VERIFY,
                backend.channels(Service.REWARD),
                IntStream.range(0, items.size())
                        .mapToObj(
                                i ->
                                        VerifyRequest.newBuilder()
                                                .setItem(
                                                        items.get(i)
                                                                .setRequestId(Integer.toString(i)))
                                                .build())
                        .iterator(),
                Protocols.WINDOW,
                services.liveness(backend),
                new Exchange.Answers<VerifyResponse>() {
                    @Override
                    public void complete(long index, VerifyResponse answer) {
                        verifications.accept(index, answer.getVerification());
                    }

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(status, rows.get((int) index).source());
                    }
                });
    }

    /**
     * The verifier of a name; an unknown one is bad usage, and the message lists those there are.
     */
    static VerifierInfo requireVerifier(Backend backend, String name) {
        List<VerifierInfo> known =
                RewardServiceGrpc.newBlockingStub(backend.channel(Service.REWARD))
                        .withDeadlineAfter(30, TimeUnit.SECONDS)
                        .listVerifiers(ListVerifiersRequest.getDefaultInstance())
                        .getVerifiersList();
        return known.stream()
                .filter(info -> info.getName().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new UsageException(
                                        "--verifier: no verifier %s (allowed: %s)"
                                                .formatted(
                                                        name,
                                                        String.join(
                                                                ", ",
                                                                known.stream()
                                                                        .map(VerifierInfo::getName)
                                                                        .toList()))));
    }

    /** What a row asks to verify. */
    static VerifyItem.Builder item(InputLines.Line row) {
        VerifyItem.Builder item =
                VerifyItem.newBuilder()
                        .setPrediction(row.text("prediction"))
                        .setForm(form(row))
                        .setTruncated(row.value().path("truncated").asBoolean(false))
                        .setTask(task(row));
        if (row.value().hasNonNull("gold")) {
            item.setGold(scalar(row, "gold"));
        }
        if (row.value().hasNonNull("token_ids")) {
            item.addAllTokenIds(row.ids("token_ids"));
        }
        return item;
    }

    private static VerifyItem.Builder goldItem(InputLines.Line row) {
        String key = row.value().hasNonNull("gold") ? "gold" : "answer";
        if (!row.value().hasNonNull(key)) {
            throw row.error("found neither gold nor answer (expected: the reference answer)");
        }
        String gold = scalar(row, key);
        return VerifyItem.newBuilder()
                .setGold(gold)
                .setPrediction(gold)
                .setForm(PredictionForm.PREDICTION_FORM_ANSWER)
                .setTask(task(row));
    }

    private static PredictionForm form(InputLines.Line row) {
        String form = row.value().path("form").asText("response");
        return switch (form) {
            case "response", "boxed" -> PredictionForm.PREDICTION_FORM_RESPONSE;
            case "answer" -> PredictionForm.PREDICTION_FORM_ANSWER;
            default ->
                    throw row.error("form: found " + form + " (allowed: response, boxed, answer)");
        };
    }

    private static String scalar(InputLines.Line row, String key) {
        JsonNode node = row.value().get(key);
        if (!node.isValueNode()) {
            throw row.error(key + ": found " + node + " (allowed: text or a number)");
        }
        return node.asText();
    }

    /** The keys that are not the row's own, and those of {@code task}. */
    static Struct task(InputLines.Line row) {
        ObjectNode task = JsonLines.object();
        row.value()
                .properties()
                .forEach(
                        entry -> {
                            if (!OWN_KEYS.contains(entry.getKey())) {
                                task.set(entry.getKey(), entry.getValue());
                            }
                        });
        if (row.value().path("task") instanceof ObjectNode nested) {
            task.setAll(nested);
        }
        return struct(task.toString());
    }

    private Struct options() {
        ObjectNode node = JsonLines.object();
        options.forEach(
                (key, value) -> {
                    try {
                        node.set(
                                key,
                                com.fasterxml.jackson.databind.json.JsonMapper.builder()
                                        .build()
                                        .readTree(value));
                    } catch (JsonProcessingException e) {
                        node.put(key, value);
                    }
                });
        return struct(node.toString());
    }

    private static Struct struct(String json) {
        Struct.Builder struct = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(json, struct);
        } catch (InvalidProtocolBufferException e) {
            throw new FailureException("not a JSON object: " + json, e);
        }
        return struct.build();
    }

    private static ObjectNode line(InputLines.Line row, Verification verification) {
        ObjectNode line = JsonLines.object();
        line.set("id", id(row));
        if (verification.hasReward()) {
            line.set("reward", JsonLines.number(verification.getReward()));
        } else {
            line.putNull("reward");
        }
        line.put("verdict", verdict(verification));
        line.put("extracted", verification.getExtracted());
        line.put("reason", verification.getReason());
        line.put("micros", verification.getMicros());
        return line;
    }

    private static JsonNode id(InputLines.Line row) {
        JsonNode id = row.value().get("id");
        return id == null ? row.value().numberNode(row.number()) : id;
    }

    private static String sentence(InputLines.Line row, Verification verification) {
        return Console.printable(
                "%s  %s  %s  %s  (%s)"
                        .formatted(
                                id(row).asText(),
                                verdict(verification),
                                verification.hasReward() ? verification.getReward() : "-",
                                verification.getExtracted(),
                                verification.getReason()));
    }

    private static String verdict(Verification verification) {
        return verification.getVerdict().name().replace("VERDICT_", "");
    }

    /** Counts of verdicts. */
    private static final class Summary {

        private final Map<Verdict, Integer> counts = new EnumMap<>(Verdict.class);
        private final List<Long> micros = new ArrayList<>();
        private double rewards;
        private int rewarded;

        void add(Verification verification) {
            counts.merge(verification.getVerdict(), 1, Integer::sum);
            micros.add(verification.getMicros());
            if (verification.hasReward()) {
                rewards += verification.getReward();
                rewarded++;
            }
        }

        @Override
        public String toString() {
            Table table = new Table("verdict", "rows", "share");
            counts.forEach(
                    (verdict, count) ->
                            table.row(
                                    verdict.name().replace("VERDICT_", ""),
                                    Integer.toString(count),
                                    percent(count, micros.size())));
            long[] sorted = micros.stream().mapToLong(Long::longValue).toArray();
            Arrays.sort(sorted);
            return table
                    + String.format(
                            Locale.ROOT,
                            "mean reward %s over %d rows; median %d µs, p99 %d µs%n",
                            rewarded == 0
                                    ? "-"
                                    : String.format(Locale.ROOT, "%.4f", rewards / rewarded),
                            rewarded,
                            sorted[(sorted.length - 1) / 2],
                            sorted[(int) Math.ceil(0.99 * sorted.length) - 1]);
        }

        private static String percent(int part, int whole) {
            return String.format(Locale.ROOT, "%.1f %%", 100.0 * part / whole);
        }
    }
}
