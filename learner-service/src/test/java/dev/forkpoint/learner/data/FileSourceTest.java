package dev.forkpoint.learner.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.jerolba.carpet.CarpetWriter;
import com.jerolba.carpet.ColumnNamingStrategy;
import com.jerolba.carpet.io.FileSystemOutputFile;
import dev.forkpoint.proto.learner.v1.ColumnSpec;
import dev.forkpoint.proto.learner.v1.PromptTemplate;
import dev.forkpoint.proto.reward.v1.Problem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileSourceTest {
    @TempDir Path folder;

    /** The layout of DAPO-Math-17K: messages, and the answer within a struct. */
    public record DapoRow(List<Message> prompt, RewardModel rewardModel, String dataSource) {}

    public record Message(String role, String content) {}

    public record RewardModel(String groundTruth, String style) {}

    private static FileSource.Layout layout(
            String problem, String answer, PromptTemplate template, double heldOut) {
        return new FileSource.Layout(
                ColumnSpec.newBuilder().setProblem(problem).setAnswer(answer).build(),
                template,
                heldOut,
                messages ->
                        messages.stream()
                                .map(m -> "<" + m.role() + ">" + m.content())
                                .collect(Collectors.joining()));
    }

    private Path dapo() throws IOException {
        Path file = folder.resolve("train.parquet");
        List<DapoRow> rows = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            rows.add(
                    new DapoRow(
                            List.of(
                                    new Message("system", "Reason."),
                                    new Message("user", "What is " + i + "?")),
                            new RewardModel(Integer.toString(i), "rule"),
                            "math"));
        }
        try (CarpetWriter<DapoRow> writer =
                new CarpetWriter.Builder<>(new FileSystemOutputFile(file.toFile()), DapoRow.class)
                        .withColumnNamingStrategy(ColumnNamingStrategy.SNAKE_CASE)
                        .withCompressionCodec(CompressionCodecName.SNAPPY)
                        .build()) {
            writer.write(rows);
        }
        return file;
    }

    private Path lines(String... lines) throws IOException {
        return Files.write(folder.resolve("problems.jsonl"), List.of(lines));
    }

    @Test
    void readsMessagesAndNestedAnswersOfParquet() throws IOException {
        FileSource source =
                new FileSource(
                        dapo(),
                        layout(
                                "prompt",
                                "reward_model.ground_truth",
                                PromptTemplate.getDefaultInstance(),
                                0),
                        FileSource::parquet,
                        1);
        List<Problem> problems = source.train(0, 40);
        for (Problem p : problems) {
            assertThat(p.getPrompt())
                    .isEqualTo("<system>Reason.<user>What is " + p.getGold() + "?");
            assertThat(p.getTask().getFieldsOrThrow("data_source").getStringValue())
                    .isEqualTo("math");
        }
        assertThat(problems.stream().map(Problem::getGold).collect(Collectors.toSet())).hasSize(40);
    }

    @Test
    void aTextTemplateTakesTheLastMessage() throws IOException {
        PromptTemplate template =
                PromptTemplate.newBuilder().setText("User:\n{problem}\n\nAssistant:\n").build();
        FileSource source =
                new FileSource(
                        dapo(),
                        layout("prompt", "reward_model.ground_truth", template, 0),
                        FileSource::parquet,
                        1);
        Problem p = source.train(0, 1).get(0);
        assertThat(p.getPrompt()).isEqualTo("User:\nWhat is " + p.getGold() + "?\n\nAssistant:\n");
    }

    @Test
    void readsPlainJsonLinesAndListsOfOneAnswer() throws IOException {
        Path file =
                lines(
                        "{\"problem\":\"1+1\",\"answer\":[\"2\"]}",
                        "",
                        "{\"problem\":\"2+2\",\"answer\":4}");
        FileSource source =
                new FileSource(
                        file,
                        layout("", "", PromptTemplate.getDefaultInstance(), 0),
                        FileSource::jsonLines,
                        1);
        assertThat(source.train(0, 2).stream().map(p -> p.getPrompt() + "=" + p.getGold()))
                .containsExactlyInAnyOrder("1+1=2", "2+2=4");
    }

    @Test
    void everyPassHasEveryProblemOnceAndProblemIIsTheSameWheneverAskedFor() throws IOException {
        FileSource.Layout layout =
                layout(
                        "prompt",
                        "reward_model.ground_truth",
                        PromptTemplate.getDefaultInstance(),
                        0.25);
        FileSource source = new FileSource(dapo(), layout, FileSource::parquet, 9);
        int heldOut = source.heldOut(3, 40).size();
        int trained = 40 - heldOut;
        assertThat(heldOut).isBetween(1, 25);
        List<Problem> twoPasses = source.train(0, 2 * trained);
        assertThat(new HashSet<>(twoPasses.subList(0, trained))).hasSize(trained);
        assertThat(new HashSet<>(twoPasses.subList(trained, 2 * trained))).hasSize(trained);
        assertThat(twoPasses.subList(0, trained))
                .isNotEqualTo(twoPasses.subList(trained, 2 * trained));
        FileSource again = new FileSource(dapo(), layout, FileSource::parquet, 9);
        assertThat(again.train(trained + 3, 4))
                .isEqualTo(twoPasses.subList(trained + 3, trained + 7));
        assertThat(twoPasses).doesNotContainAnyElementsOf(source.heldOut(3, 40));
    }

    @Test
    void namesTheLineAndTheColumnThatIsWrong() throws IOException {
        FileSource.Layout layout = layout("", "", PromptTemplate.getDefaultInstance(), 0);
        Path missing = lines("{\"problem\":\"1+1\",\"answer\":2}", "{\"problem\":\"2\"}");
        assertThatThrownBy(() -> new FileSource(missing, layout, FileSource::jsonLines, 1))
                .hasMessageContaining("problems.jsonl:2: column \"answer\" is missing");
        Path broken = lines("{\"problem\"");
        assertThatThrownBy(() -> new FileSource(broken, layout, FileSource::jsonLines, 1))
                .hasMessageContaining("problems.jsonl:1: not JSON");
        assertThatThrownBy(() -> new FileSource(broken, layout, FileSource::parquet, 1))
                .hasMessageContaining("not Parquet");
        assertThatThrownBy(
                        () ->
                                new FileSource(
                                        folder.resolve("nowhere"), layout, FileSource::parquet, 1))
                .hasMessageContaining("nowhere");
    }
}
