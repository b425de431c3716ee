package dev.forkpoint.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.forkpoint.cli.Cli;
import dev.forkpoint.cli.ServiceDoubles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScoreCommandTest {

    @TempDir Path folder;

    private Cli.Result score(String temperature, String... lines) throws IOException {
        Path input = Files.write(folder.resolve("in.jsonl"), List.of(lines));
        try (ServiceDoubles services = new ServiceDoubles()) {
            return Cli.run(
                    "score",
                    "--json",
                    "--address",
                    services.address(),
                    "--temperature",
                    temperature,
                    "--input",
                    input.toString());
        }
    }

    @Test
    void elementTBelongsToTheTokenAtPositionTAndTheFirstIsNull() throws IOException {
        Cli.Result result = score("2", "{\"ids\": [10, 20, 30]}", "{\"text\": \"AB\"}");
        assertThat(result.code()).as(result.err()).isZero();
        List<JsonNode> lines = result.json();
        assertThat(lines.get(0).toString())
                .isEqualTo(
                        "{\"index\":0,\"ids\":[10,20,30],\"logprob\":[null,-0.2,-0.3],\"entropy\":[null,0.2,0.3]}");
        assertThat(lines.get(1).get("ids").toString()).isEqualTo("[65,66]");
        assertThat(lines.get(1).get("logprob").get(0).isNull()).isTrue();
        assertThat(lines.get(1).get("logprob").get(1).asDouble()).isEqualTo(-0.66);
    }

    @Test
    void badInputNamesTheLine() throws IOException {
        Cli.Result both = score("1", "{\"ids\": [1, 2], \"text\": \"a\"}");
        assertThat(both.code()).isEqualTo(2);
        assertThat(both.err()).contains("in.jsonl:1: found both of the keys ids and text");
        Cli.Result one = score("1", "{\"ids\": [1, 2]}", "{\"ids\": [1]}");
        assertThat(one.code()).isEqualTo(2);
        assertThat(one.err()).contains("in.jsonl:2: ids: one token");
        assertThat(score("0", "{\"ids\": [1, 2]}").err())
                .contains("--temperature: 0.0 (allowed: above 0)");
    }
}
