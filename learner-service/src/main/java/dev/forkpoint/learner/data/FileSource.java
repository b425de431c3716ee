package dev.forkpoint.learner.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.Code;
import com.jerolba.carpet.CarpetReader;
import com.jerolba.carpet.CloseableIterator;
import dev.forkpoint.policy.sampling.Seeds;
import dev.forkpoint.policy.tokenizer.ChatMessage;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import dev.forkpoint.proto.learner.v1.ColumnSpec;
import dev.forkpoint.proto.learner.v1.JsonLinesData;
import dev.forkpoint.proto.learner.v1.ParquetData;
import dev.forkpoint.proto.learner.v1.PromptTemplate;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.service.error.ServiceException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Problems of a file, one a line of JSON Lines or a row of Parquet. Which are held out depends on a
 * hash of each problem's text alone; each pass over the rest is shuffled by (seed, pass).
 *
 * <p>A column is named by its path: {@code reward_model.ground_truth} is a field of a struct. A
 * problem may be text or a list of messages with {@code role} and {@code content}, as in Hugging
 * Face data sets; an answer may be a value or a list of one.
 */
public final class FileSource implements PromptSource {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<Problem> train = new ArrayList<>();
    private final List<Problem> heldOut = new ArrayList<>();
    private final long seed;
    private long shuffledPass = -1;
    private List<Problem> shuffled = List.of();

    /** Makes a prompt of messages. */
    interface ChatTemplate extends Function<List<ChatMessage>, String> {}

    /**
     * How problems are made of rows.
     *
     * @param heldOutFraction share held out of training, in [0, 1)
     */
    record Layout(
            ColumnSpec columns,
            PromptTemplate template,
            double heldOutFraction,
            ChatTemplate chat) {}

    /**
     * Reads the whole file.
     *
     * @throws ServiceException DATA_INVALID naming the line
     */
    public FileSource(JsonLinesData data, Tokenizer tokenizer, long seed) {
        this(
                Path.of(data.getPath()),
                new Layout(
                        data.getColumns(),
                        data.getTemplate(),
                        data.getHeldOutFraction(),
                        messages -> tokenizer.chat(messages, true)),
                FileSource::jsonLines,
                seed);
    }

    /**
     * Reads the whole file.
     *
     * @throws ServiceException DATA_INVALID naming the row, from 1
     */
    public FileSource(ParquetData data, Tokenizer tokenizer, long seed) {
        this(
                Path.of(data.getPath()),
                new Layout(
                        data.getColumns(),
                        data.getTemplate(),
                        data.getHeldOutFraction(),
                        messages -> tokenizer.chat(messages, true)),
                FileSource::parquet,
                seed);
    }

    FileSource(Path file, Layout layout, RowReader reader, long seed) {
        this.seed = seed;
        try {
            reader.read(
                    file,
                    (number, row) -> {
                        Problem problem = problem(layout, row, file + ":" + number, number);
                        boolean out =
                                unit(problem.getPrompt().hashCode()) < layout.heldOutFraction();
                        (out ? heldOut : train).add(problem);
                    });
        } catch (IOException | UncheckedIOException e) {
            throw invalid(file + ": " + e, e);
        }
        if (train.isEmpty()) {
            throw invalid(file + ": no problem to train on", null);
        }
    }

    /** Receives the rows of a file with their numbers, from 1. */
    interface Rows {
        void row(long number, JsonNode row);
    }

    /** Reads the rows of a file. */
    interface RowReader {
        void read(Path file, Rows rows) throws IOException;
    }

    static void jsonLines(Path file, Rows rows) throws IOException {
        try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            long number = 0;
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                number++;
                if (!line.isBlank()) {
                    rows.row(number, json(line, file + ":" + number));
                }
            }
        }
    }

    private static JsonNode json(String line, String where) {
        try {
            return JSON.readTree(line);
        } catch (IOException e) {
            throw invalid(
                    where + ": not JSON: " + line.substring(0, Math.min(60, line.length())), e);
        }
    }

    static void parquet(Path file, Rows rows) throws IOException {
        if (!Files.isReadable(file)) {
            throw new NoSuchFileException(file.toString());
        }
        try (CloseableIterator<?> all = new CarpetReader<>(file.toFile(), Map.class).iterator()) {
            for (long number = 1; all.hasNext(); number++) {
                rows.row(number, JSON.valueToTree(all.next()));
            }
        } catch (RuntimeException e) {
            if (e instanceof ServiceException) {
                throw e;
            }
            throw new IOException("not Parquet that can be read: " + e.getMessage(), e);
        }
    }

    private static double unit(int hash) {
        return (Seeds.derive(0, hash, 0) >>> 11) * 0x1p-53;
    }

    private static Problem problem(Layout layout, JsonNode row, String where, long number) {
        String problemColumn = name(layout.columns().getProblem(), "problem");
        String answerColumn = name(layout.columns().getAnswer(), "answer");
        JsonNode problem = column(row, problemColumn, where);
        JsonNode answer = column(row, answerColumn, where);
        if (answer.isArray() && answer.size() == 1) {
            answer = answer.get(0);
        }
        Struct.Builder task = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(row.toString(), task);
        } catch (InvalidProtocolBufferException e) {
            throw invalid(where + ": " + e.getMessage(), e);
        }
        return Problem.newBuilder()
                .setIndex(number)
                .setPrompt(prompt(layout, problem, where + ": column \"" + problemColumn + '"'))
                .setGold(text(answer, where + ": column \"" + answerColumn + '"'))
                .setTask(task)
                .build();
    }

    /**
     * A problem of messages goes through the chat template, unless a template of text wants its
     * last message.
     */
    private static String prompt(Layout layout, JsonNode problem, String where) {
        PromptTemplate template = layout.template();
        List<ChatMessage> messages = new ArrayList<>();
        if (!template.getChatSystem().isEmpty()) {
            messages.add(new ChatMessage("system", template.getChatSystem()));
        }
        if (problem.isArray()) {
            for (JsonNode message : problem) {
                messages.add(
                        new ChatMessage(
                                text(message.path("role"), where + " role"),
                                text(message.path("content"), where + " content")));
            }
        }
        String last =
                problem.isArray() && !messages.isEmpty()
                        ? messages.get(messages.size() - 1).content()
                        : text(problem, where);
        return switch (template.getTemplateCase()) {
            case TEXT -> template.getText().replace("{problem}", last);
            case CHAT_USER -> {
                if (problem.isArray()) {
                    messages.remove(messages.size() - 1);
                }
                messages.add(
                        new ChatMessage("user", template.getChatUser().replace("{problem}", last)));
                yield layout.chat().apply(messages);
            }
            case TEMPLATE_NOT_SET -> problem.isArray() ? layout.chat().apply(messages) : last;
        };
    }

    private static String name(String given, String otherwise) {
        return given.isEmpty() ? otherwise : given;
    }

    private static JsonNode column(JsonNode row, String path, String where) {
        JsonNode value = row;
        for (String part : path.split("\\.", -1)) {
            value = value.path(part);
        }
        if (value.isMissingNode() || value.isNull()) {
            throw invalid(where + ": column \"" + path + "\" is missing", null);
        }
        return value;
    }

    private static String text(JsonNode value, String where) {
        if (!value.isValueNode() || value.isNull()) {
            throw invalid(where + " is " + value.getNodeType() + " (expected: text)", null);
        }
        return value.asText();
    }

    private static ServiceException invalid(String message, @Nullable Throwable cause) {
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
