package dev.forkpoint.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.forkpoint.cli.Cli;
import dev.forkpoint.cli.ServiceDoubles;
import dev.forkpoint.proto.reward.v1.PredictionForm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VerifyCommandTest {

    @TempDir Path folder;
    private ServiceDoubles services;

    @BeforeEach
    void start() throws IOException {
        services = new ServiceDoubles();
    }

    @AfterEach
    void stop() {
        services.close();
    }

    private Cli.Result verify(String source, List<String> lines, String... more)
            throws IOException {
        Path input = Files.write(folder.resolve("in.jsonl"), lines);
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "verify",
                                "--json",
                                "--address",
                                "127.0.0.1:" + services.port(),
                                source,
                                input.toString()));
        arguments.addAll(List.of(more));
        return Cli.run(arguments.toArray(String[]::new));
    }

    @Test
    void printsOneVerdictALineAndASummaryOfThem() throws IOException {
        Cli.Result result =
                verify(
                        "--input",
                        List.of(
                                "{\"id\": \"a\", \"gold\": \"4\", \"prediction\": \"4\", \"target\": 24, \"form\": \"answer\"}",
                                "{\"id\": 7, \"gold\": 5, \"prediction\": \"4\"}",
                                "{\"gold\": \"?x\", \"prediction\": \"4\"}"),
                        "--verifier",
                        "exact");
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.out().lines())
                .containsExactly(
                        "{\"id\":\"a\",\"reward\":1.0,\"verdict\":\"CORRECT\",\"extracted\":\"4\",\"reason\":\"compared as text\",\"micros\":1}",
                        "{\"id\":7,\"reward\":0.0,\"verdict\":\"INCORRECT\",\"extracted\":\"4\",\"reason\":\"compared as text\",\"micros\":1}",
                        "{\"id\":3,\"reward\":null,\"verdict\":\"UNPARSABLE_GOLD\",\"extracted\":\"4\",\"reason\":\"cannot read the gold\",\"micros\":1}");
        assertThat(result.err()).contains("CORRECT", "33.3 %", "mean reward 0.5000 over 2 rows");
        assertThat(services.items.get(0).getForm())
                .isEqualTo(PredictionForm.PREDICTION_FORM_ANSWER);
        assertThat(services.items.get(0).getTask().getFieldsMap()).containsOnlyKeys("target");
        assertThat(services.items.get(1).getGold()).isEqualTo("5");
    }

    @Test
    void checkGoldNamesTheLinesThatCannotBeRead() throws IOException {
        Cli.Result result =
                verify(
                        "--check-gold",
                        List.of(
                                "{\"answer\": \"1/2\"}",
                                "{\"gold\": \"?\"}",
                                "{\"gold\": \"3\"}",
                                "{\"answer\": \"?b\"}"),
                        "--verifier",
                        "exact");
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err())
                .contains("2 of 4 gold answers")
                .contains("in.jsonl:2: gold ?: cannot read the gold")
                .contains("in.jsonl:4: gold ?b");
        assertThat(result.json()).extracting(JsonNode::toString).hasSize(2);

        Cli.Result good =
                verify("--check-gold", List.of("{\"gold\": \"1\"}"), "--verifier", "exact");
        assertThat(good.code()).isZero();
        assertThat(good.err()).contains("all 1 gold answers");
        assertThat(verify("--check-gold", List.of("{\"gold\": \"1\"}"), "--verifier", "even").err())
                .contains("compares with no gold");
    }

    @Test
    void anUnknownVerifierListsTheKnownOnes() throws IOException {
        Cli.Result result =
                verify("--input", List.of("{\"prediction\": \"4\"}"), "--verifier", "exakt");
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err()).contains("no verifier exakt (allowed: exact, even)");
    }

    @Test
    void badRowsNameTheLineAndKey() throws IOException {
        assertThat(verify("--input", List.of("{\"gold\": \"4\"}"), "--verifier", "exact").err())
                .contains("in.jsonl:1: prediction: found nothing (allowed: text)");
        Cli.Result goldless =
                verify("--input", List.of("{\"prediction\": \"4\"}"), "--verifier", "exact");
        assertThat(goldless.code()).isEqualTo(2);
        assertThat(goldless.err())
                .contains("in.jsonl:1: gold: found nothing (expected: the reference answer)");
        assertThat(
                        verify("--input", List.of("{\"prediction\": \"4\"}"), "--verifier", "even")
                                .code())
                .isZero();
        assertThat(
                        verify(
                                        "--input",
                                        List.of("{\"prediction\": \"4\", \"form\": \"essay\"}"),
                                        "--verifier",
                                        "exact")
                                .err())
                .contains("in.jsonl:1: form: found essay (allowed: response, boxed, answer)");
    }
}
