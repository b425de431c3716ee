package dev.forkpoint.cli.command;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.reward.v1.Split;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import java.net.URI;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Problems to evaluate on. */
final class EvalData {

    private static final String TASK = "task:";

    /**
     * One problem.
     *
     * @param source for messages
     * @param prompt request with the prompt alone
     * @param gold reference answer
     * @param task fields for the verifier
     * @param verifier the task family's own
     */
    record Item(
            String source,
            RolloutRequest.Builder prompt,
            String gold,
            Struct task,
            @Nullable String verifier) {}

    private EvalData() {}

    /** Whether the data are problems of a task family, which reward-service makes. */
    static boolean isTask(String data) {
        return data.startsWith(TASK);
    }

    /**
     * Problems of a file: rows with {@code problem} or a prompt, and {@code answer} or {@code
     * gold}.
     */
    static List<Item> read(String file, String template) {
        List<Item> items = new ArrayList<>();
        for (InputLines.Line line : InputLines.read(file)) {
            RolloutRequest.Builder prompt =
                    line.value().has("problem")
                            ? RolloutRequest.newBuilder()
                                    .setPromptText(
                                            template.replace("{problem}", line.text("problem")))
                            : RolloutCalls.prompt(line);
            String key = line.value().hasNonNull("answer") ? "answer" : "gold";
            String gold = line.value().path(key).asText("");
            items.add(new Item(line.source(), prompt, gold, VerifyCommand.task(line), null));
        }
        return items;
    }

    /** Problems of {@code task:NAME?split=held_out&seed=777&count=1024}; other keys are options. */
    static List<Item> generate(Backend backend, String data) {
        String[] parts = data.substring(TASK.length()).split("\\?", 2);
        Map<String, String> query = query(data, parts.length > 1 ? parts[1] : "");
        GenerateProblemsRequest.Builder request =
                GenerateProblemsRequest.newBuilder()
                        .setTask(parts[0])
                        .setSplit(split(query.remove("split")))
                        .setSeed(number(query, "seed", 777))
                        .setStart(number(query, "start", 0))
                        .setCount((int) number(query, "count", 1024));
        query.forEach((key, value) -> request.getOptionsBuilder().putFields(key, value(value)));
        List<Item> items = new ArrayList<>();
        RewardServiceGrpc.newBlockingStub(backend.channel(Service.REWARD))
                .withDeadlineAfter(300, TimeUnit.SECONDS)
                .generateProblems(request.build())
                .forEachRemaining(
                        answer -> answer.getProblemsList().forEach(p -> items.add(item(data, p))));
        if (items.isEmpty()) {
            throw new UsageException("--data: " + data + " gives no problems");
        }
        return items;
    }

    private static Item item(String data, Problem problem) {
        return new Item(
                data + " problem " + problem.getIndex(),
                RolloutRequest.newBuilder().setPromptText(problem.getPrompt()),
                problem.getGold(),
                problem.getTask(),
                problem.getVerifier());
    }

    private static Map<String, String> query(String data, String text) {
        Map<String, String> query = new LinkedHashMap<>();
        for (String pair : text.isEmpty() ? new String[0] : text.split("&", -1)) {
            int equals = pair.indexOf('=');
            if (equals <= 0) {
                throw new UsageException(
                        "--data: %s: found %s (expected: key=value)".formatted(data, pair));
            }
            query.put(
                    pair.substring(0, equals),
                    URI.create("x:?" + pair.substring(equals + 1))
                            .getSchemeSpecificPart()
                            .substring(1));
        }
        return query;
    }

    private static Split split(@Nullable String name) {
        return switch (name == null ? "held_out" : name.toLowerCase(Locale.ROOT)) {
            case "held_out" -> Split.SPLIT_HELD_OUT;
            case "train" -> Split.SPLIT_TRAIN;
            default ->
                    throw new UsageException(
                            "--data: split: found " + name + " (allowed: held_out, train)");
        };
    }

    private static long number(Map<String, String> query, String key, long otherwise) {
        String text = query.remove(key);
        try {
            long value = text == null ? otherwise : Long.parseLong(text);
            if (value >= 0) {
                return value;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new UsageException(
                "--data: %s: found %s (allowed: a whole number from 0)".formatted(key, text));
    }

    private static Value value(String text) {
        try {
            return Value.newBuilder().setNumberValue(Double.parseDouble(text)).build();
        } catch (NumberFormatException e) {
            return text.equals("true") || text.equals("false")
                    ? Value.newBuilder().setBoolValue(Boolean.parseBoolean(text)).build()
                    : Value.newBuilder().setStringValue(text).build();
        }
    }
}
