package dev.forkpoint.learner.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.Code;
import dev.forkpoint.policy.sampling.Seeds;
import dev.forkpoint.policy.tokenizer.ChatMessage;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import dev.forkpoint.proto.learner.v1.ColumnSpec;
import dev.forkpoint.proto.learner.v1.JsonLinesData;
import dev.forkpoint.proto.learner.v1.PromptTemplate;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.service.error.ServiceException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Problems of a JSON Lines file. Which are held out depends on a hash of each problem's text alone;
 * each pass over the rest is shuffled by (seed, pass).
 */
public final class FileSource implements PromptSource {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<Problem> train = new ArrayList<>();
    private final List<Problem> heldOut = new ArrayList<>();
    private final long seed;
    private long shuffledPass = -1;
    private List<Problem> shuffled = List.of();

    /**
     * Reads the whole file.
     *
     * @throws ServiceException DATA_INVALID naming the line
     */
    public FileSource(JsonLinesData data, Tokenizer tokenizer, long seed) {
        this.seed = seed;
        double share = data.hasHeldOutFraction() ? data.getHeldOutFraction() : 0;
        Path file = Path.of(data.getPath());
        try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            long number = 0;
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                number++;
                if (line.isBlank()) {
                    continue;
                }
                Problem problem = problem(data, tokenizer, line, file + ":" + number, number);
                boolean out = unit(problem.getPrompt().hashCode()) < share;
                (out ? heldOut : train).add(problem);
            }
        } catch (IOException e) {
            throw invalid(file + ": " + e, e);
        }
        if (train.isEmpty()) {
            throw invalid(file + ": no problem to train on", null);
        }
    }

    private static double unit(int hash) {
        return (Seeds.derive(0, hash, 0) >>> 11) * 0x1p-53;
    }

    private static Problem problem(
            JsonLinesData data, Tokenizer tokenizer, String line, String where, long number) {
        JsonNode node;
        try {
            node = JSON.readTree(line);
        } catch (IOException e) {
            throw invalid(
                    where + ": not JSON: " + line.substring(0, Math.min(60, line.length())), e);
        }
        ColumnSpec columns = data.getColumns();
        String problem = text(node, name(columns.getProblem(), "problem"), where);
        String answer = text(node, name(columns.getAnswer(), "answer"), where);
        Struct.Builder task = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(line, task);
        } catch (InvalidProtocolBufferException e) {
            throw invalid(where + ": " + e.getMessage(), e);
        }
        return Problem.newBuilder()
                .setIndex(number)
                .setPrompt(prompt(data.getTemplate(), tokenizer, problem))
                .setGold(answer)
                .setTask(task)
                .build();
    }

    private static String prompt(PromptTemplate template, Tokenizer tokenizer, String problem) {
        return switch (template.getTemplateCase()) {
            case TEXT -> template.getText().replace("{problem}", problem);
            case CHAT_USER -> {
                List<ChatMessage> messages = new ArrayList<>();
                if (!template.getChatSystem().isEmpty()) {
                    messages.add(new ChatMessage("system", template.getChatSystem()));
                }
                messages.add(
                        new ChatMessage(
                                "user", template.getChatUser().replace("{problem}", problem)));
                yield tokenizer.chat(messages, true);
            }
            case TEMPLATE_NOT_SET -> problem;
        };
    }

    private static String name(String given, String otherwise) {
        return given.isEmpty() ? otherwise : given;
    }

    private static String text(JsonNode node, String column, String where) {
        JsonNode value = node.get(column);
        if (value == null || !value.isValueNode() || value.isNull()) {
            throw invalid(where + ": column \"" + column + "\" is missing", null);
        }
        return value.asText();
    }

    private static ServiceException invalid(
            String message, @org.jspecify.annotations.Nullable Throwable cause) {
        return new ServiceException(
                Code.FAILED_PRECONDITION, "DATA_INVALID", "data: " + message, cause);
    }

    @Override
    public synchronized List<Problem> train(long start, int count) {
        List<Problem> out = new ArrayList<>(count);
        for (long i = start; i < start + count; i++) {
            long pass = i / train.size();
            if (pass != shuffledPass) {
                shuffled = shuffle(train, Seeds.derive(seed, pass, 1));
                shuffledPass = pass;
            }
            out.add(shuffled.get((int) (i % train.size())));
        }
        return out;
    }

    @Override
    public List<Problem> heldOut(long heldOutSeed, int count) {
        if (heldOut.isEmpty()) {
            throw invalid(
                    "held_out_fraction holds no problem out, and an evaluation needs some", null);
        }
        List<Problem> all = shuffle(heldOut, heldOutSeed);
        return all.subList(0, Math.min(count, all.size()));
    }

    /** By a key for each place: a pure function of the seed. */
    private static List<Problem> shuffle(List<Problem> problems, long seed) {
        long[] keys = new long[problems.size()];
        Integer[] order = new Integer[problems.size()];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = Seeds.derive(seed, i, 2);
            order[i] = i;
        }
        java.util.Arrays.sort(order, Comparator.comparingLong((Integer i) -> keys[i]));
        List<Problem> out = new ArrayList<>(problems.size());
        for (int i : order) {
            out.add(problems.get(i));
        }
        return out;
    }

    @Override
    public String defaultVerifier() {
        return "";
    }
}
