package dev.forkpoint.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.forkpoint.cli.Cli;
import dev.forkpoint.cli.ServiceDoubles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateCommandTest {

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

    private Path input(String... lines) throws IOException {
        return Files.write(folder.resolve("in put.jsonl"), List.of(lines));
    }

    private Cli.Result generate(Path input, String... more) {
        String[] arguments = {
            "generate", "--json", "--address", services.address(), "--input", input.toString()
        };
        return Cli.run(
                java.util.stream.Stream.of(arguments, more)
                        .flatMap(java.util.Arrays::stream)
                        .toArray(String[]::new));
    }

    @Test
    void keepsTheOrderOfRowsAndSamplesAlthoughAnswersComeInAnother() throws IOException {
        Cli.Result result =
                generate(
                        input(
                                "{\"prompt\": \"a\"}",
                                "",
                                "{\"prompt_ids\": [5, 6]}",
                                "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}"),
                        "--samples",
                        "4",
                        "--seed",
                        "9");
        assertThat(result.code()).as(result.err()).isZero();
        List<JsonNode> lines = result.json();
        assertThat(lines).hasSize(12);
        for (int i = 0; i < lines.size(); i++) {
            JsonNode line = lines.get(i);
            assertThat(line.get("index").asInt()).isEqualTo(i / 4);
            assertThat(line.get("sample").asInt()).isEqualTo(i % 4);
            long seed = SampleSeeds.derive(9, i / 4, i % 4);
            assertThat(line.get("token_ids"))
                    .extracting(JsonNode::asInt)
                    .containsExactlyElementsOf(ServiceDoubles.tokens(seed));
            assertThat(line.get("text").asText()).isEqualTo(ServiceDoubles.text(seed));
            assertThat(line.get("policy_version").asInt()).isEqualTo(3);
        }
        assertThat(lines.get(0).properties())
                .extracting(java.util.Map.Entry::getKey)
                .containsExactly(
                        "index",
                        "sample",
                        "prompt_ids",
                        "token_ids",
                        "text",
                        "logprob",
                        "entropy",
                        "finish_reason",
                        "policy_version");
        assertThat(lines.get(4).get("prompt_ids"))
                .extracting(JsonNode::asInt)
                .containsExactly(7, 5, 6);
        assertThat(services.rollouts)
                .filteredOn(request -> request.hasPromptChat())
                .hasSize(4)
                .allMatch(r -> r.getPromptChat().getMessages(0).getContent().equals("hi"));
    }

    @Test
    void writesFloatsInTheirShortestForm() throws IOException {
        Cli.Result result = generate(input("{\"prompt\": \"a\"}"));
        JsonNode line = result.json().get(0);
        List<Integer> ids = ServiceDoubles.tokens(SampleSeeds.derive(0, 0, 0));
        for (int t = 0; t < ids.size(); t++) {
            assertThat(line.get("logprob").get(t).asText())
                    .isEqualTo(Float.toString(-ids.get(t) / 100f));
        }
        assertThat(line.get("finish_reason").asText()).isIn("stop", "length");
    }

    @Test
    void entropyIsNullWhereTheEngineReportsNone() throws IOException {
        services.reportsEntropy = false;
        Cli.Result result = generate(input("{\"prompt\": \"a\"}"));
        assertThat(result.json().get(0).get("entropy").isNull()).isTrue();
    }

    @Test
    void asksAgainWhenTheServiceShedsLoad() throws IOException {
        services.shed.set(5);
        Cli.Result result = generate(input("{\"prompt\": \"a\"}"), "--samples", "4");
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.json()).hasSize(4);
        assertThat(services.rollouts).hasSize(9);
    }

    @Test
    void passesEverySamplingOptionOn() throws IOException {
        generate(
                input("{\"prompt\": \"a\"}"),
                "--max-tokens",
                "11",
                "--temperature",
                "0",
                "--top-p",
                "0.9",
                "--top-k",
                "4",
                "--min-p",
                "0.05",
                "--stop",
                "x",
                "--stop",
                "y");
        var sampling = services.rollouts.get(0).getSampling();
        assertThat(sampling.getMaxTokens()).isEqualTo(11);
        assertThat(sampling.hasTemperature()).isTrue();
        assertThat(sampling.getTemperature()).isZero();
        assertThat(sampling.getTopP()).isEqualTo(0.9);
        assertThat(sampling.getTopK()).isEqualTo(4);
        assertThat(sampling.getMinP()).isEqualTo(0.05);
        assertThat(sampling.getStopTextsList()).containsExactly("x", "y");
    }

    @Test
    void tintsTokensByEntropyOnATerminal() {
        Cli.Result result =
                Cli.runAtTerminal(
                        "generate",
                        "--address",
                        services.address(),
                        "--prompt",
                        "a",
                        "--seed",
                        "3");
        assertThat(result.code()).as(result.err()).isZero();
        List<Integer> ids = ServiceDoubles.tokens(SampleSeeds.derive(3, 0, 0));
        assertThat(ids).anyMatch(id -> id / 50f >= 0.1);
        assertThat(result.out()).contains("\u001b[48;5;").contains("t" + ids.get(0));
        assertThat(result.err()).contains("entropy, nats");
    }

    @Test
    void badInputNamesFileLineAndKey() throws IOException {
        assertThat(generate(input("{\"prompt\": \"a\"}", "{\"prompt\": 3}")))
                .satisfies(
                        r -> {
                            assertThat(r.code()).isEqualTo(2);
                            assertThat(r.err()).contains("in put.jsonl:2: prompt: found 3");
                            assertThat(r.out()).isEmpty();
                        });
        assertThat(generate(input("{\"prompt\": \"a\"")))
                .satisfies(bad("in put.jsonl:1: not JSON"));
        assertThat(generate(input("[1]"))).satisfies(bad("in put.jsonl:1: found ARRAY"));
        assertThat(generate(input())).satisfies(bad("empty"));
        assertThat(generate(input("{\"text\": \"a\"}")))
                .satisfies(bad("found 0 of the keys prompt, prompt_ids and messages"));
        assertThat(generate(input("{\"prompt_ids\": [1, -2]}")))
                .satisfies(bad("prompt_ids[1]: found -2"));
        assertThat(generate(folder.resolve("missing.jsonl"))).satisfies(bad("no file at"));
        assertThat(generate(input("{\"prompt\": \"a\"}"), "--temperature", "-1"))
                .satisfies(bad("--temperature: -1.0 (allowed: 0 or more)"));
        assertThat(generate(input("{\"prompt\": \"a\"}"), "--max-tokens", "0"))
                .satisfies(bad("--max-tokens: 0 (allowed: 1 or more)"));
        assertThat(generate(input("{\"prompt\": \"a\"}"), "--engine", "direct"))
                .satisfies(bad("--engine"));
    }

    @Test
    void whatTheServiceRefusesNamesTheLine() throws IOException {
        assertThat(generate(input("{\"prompt\": \"a\"}", "{\"prompt\": \"too long\"}")))
                .satisfies(bad("in put.jsonl:2: prompt: too long"));
    }

    @Test
    void aPolicyThatTheServiceDoesNotServeIsAnError() throws IOException {
        Path other = Files.createDirectory(folder.resolve("other"));
        Files.writeString(other.resolve("config.json"), "{}");
        assertThat(generate(input("{\"prompt\": \"a\"}"), "--policy", other.toString()))
                .satisfies(bad("serves file:///models/double/, not"));
        assertThat(generate(input("{\"prompt\": \"a\"}"), "--policy", folder.toString()))
                .satisfies(bad("has no config.json"));
    }

    @Test
    void anAddressWhereNothingListensFailsAndSaysSo() throws IOException {
        int port = services.port();
        services.close();
        Cli.Result result =
                Cli.run("generate", "--address", "127.0.0.1:" + port, "--prompt", "a", "--json");
        assertThat(result.code()).isEqualTo(1);
        assertThat(result.err()).contains("service unavailable").contains(Integer.toString(port));
    }

    private static org.assertj.core.api.ThrowingConsumer<Cli.Result> bad(String message) {
        return result -> {
            assertThat(result.err()).contains(message);
            assertThat(result.code()).isEqualTo(2);
        };
    }
}
