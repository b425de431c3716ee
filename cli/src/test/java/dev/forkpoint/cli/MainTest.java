package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "bogus",
                "generate",
                "generate --prompt a",
                "generate --policy x --prompt a --samples two",
                "score",
                "verify --verifier exact",
                "run",
                "run nowhere.yaml",
                "run --no-such-option",
                "serve --port rollout=x",
                "eval --policy x",
                "generate --address nonsense --prompt a",
                "doctor --address nonsense",
                "doctor --address reward=127.0.0.1:70000",
                "eval --address 127.0.0.1:1 --data task:countdown",
                "score --policy no/such/folder --input pom.xml"
            })
    void badUsageIsExitCodeTwoWithOneMessageAndNoStackTrace(String line) {
        Cli.Result result = Cli.run(line.isEmpty() ? new String[0] : line.split(" "));
        assertThat(result.code()).as(result.err()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).startsWith("forkpoint: ").doesNotContain("\tat ");
    }

    @Test
    void helpAndVersionAreDone() {
        assertThat(Cli.run("--help").code()).isZero();
        assertThat(Cli.run("--help").out()).contains("quickstart", "Exit codes", "130");
        assertThat(Cli.run("generate", "--help").out()).contains("--temperature");
        assertThat(Cli.run("--version").out()).startsWith("forkpoint ");
    }

    @Test
    void doctorPrintsOneJsonObject() {
        Cli.Result result = Cli.run("doctor", "--json");
        assertThat(result.json()).hasSize(1);
        assertThat(result.json().get(0).get("checks"))
                .extracting(check -> check.get("check").asText())
                .contains("java", "memory", "cores", "native libraries", "gpu", "ports");
    }
}
