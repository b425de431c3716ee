package dev.forkpoint.reward;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpServer;
import dev.forkpoint.reward.grpc.Verifiers;
import dev.forkpoint.reward.judge.JudgeEndpoint;
import dev.forkpoint.reward.judge.JudgeVerifier;
import dev.forkpoint.reward.sandbox.CodeVerifier;
import dev.forkpoint.reward.sandbox.Sandbox;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.Verifier;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every example of docs/reference/verifiers.md. */
class VerifiersDocTest {
    private static final Path PAGE = Path.of("../docs/reference/verifiers.md");

    private final VerifierRegistry verifiers = Verifiers.all();

    static Stream<String> examples() throws IOException {
        return Files.readAllLines(PAGE).stream().filter(line -> line.startsWith("{\"verifier\""));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("examples")
    void exampleHasTheVerdictThatThePageSays(String line) throws IOException {
        JsonObject example = JsonParser.parseString(line).getAsJsonObject();
        boolean bare = example.has("form") && example.get("form").getAsString().equals("answer");
        int[] tokens =
                example.has("token_ids")
                        ? new Gson().fromJson(example.get("token_ids"), int[].class)
                        : new int[0];
        Item item =
                new Item(
                        example.has("gold") ? example.get("gold").getAsString() : "",
                        example.get("prediction").getAsString(),
                        bare ? Item.Form.ANSWER : Item.Form.RESPONSE,
                        tokens,
                        fields(example, "task"),
                        fields(example, "options"),
                        false);
        Verdict verdict = verify(example, item);
        assertThat(verdict.code().name())
                .as(verdict.toString())
                .isEqualTo(example.get("verdict").getAsString());
        if (example.has("reward")) {
            assertThat(verdict.score()).isEqualTo(example.get("reward").getAsDouble());
        }
    }

    private Verdict verify(JsonObject example, Item item) throws IOException {
        String name = example.get("verifier").getAsString();
        return switch (name) {
            case "code" -> new VerifierRegistry(List.of(sandboxed())).verify(name, item);
            case "judge" -> judged(example.get("judge_says").toString(), item);
            default -> verifiers.verify(name, item);
        };
    }

    /** Programs run where bubblewrap can isolate; elsewhere the example is skipped. */
    private static CodeVerifier sandboxed() {
        Sandbox.Limits limits =
                new Sandbox.Limits(
                        Duration.ofSeconds(20),
                        Duration.ofSeconds(60),
                        2L << 30,
                        8 << 20,
                        64,
                        1 << 20);
        try {
            return CodeVerifier.on(
                    Sandbox.open("bwrap", "/usr/bin/prlimit", CodeVerifier.javaSettings()),
                    limits,
                    "/usr/bin/python3",
                    "/usr/bin/java");
        } catch (IllegalStateException cannot) {
            return Assumptions.abort("skipped: " + cannot.getMessage());
        }
    }

    /** Asks a judge in this process that always answers the same. */
    private static Verdict judged(String says, Item item) throws IOException {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/judge",
                exchange -> {
                    byte[] body = says.getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(200, body.length);
                    exchange.getResponseBody().write(body);
                    exchange.close();
                });
        server.start();
        try {
            JudgeEndpoint endpoint =
                    new JudgeEndpoint(
                            new JudgeEndpoint.Settings(
                                    "local",
                                    URI.create(
                                            "http://127.0.0.1:"
                                                    + server.getAddress().getPort()
                                                    + "/judge"),
                                    JudgeEndpoint.Format.JSON,
                                    "default",
                                    null,
                                    Duration.ofSeconds(30),
                                    3,
                                    20,
                                    10,
                                    ""));
            return new VerifierRegistry(List.of(new JudgeVerifier(List.of(endpoint))))
                    .verify("judge", item);
        } finally {
            server.stop(0);
        }
    }

    @Test
    void pageHasASectionForEveryVerifier() throws IOException {
        List<String> lines = Files.readAllLines(PAGE);
        assertThat(verifiers.all())
                .extracting(Verifier::name)
                .allMatch(name -> lines.contains("## `" + name + "`"));
    }

    @SuppressWarnings("unchecked")
    private static Fields fields(JsonObject example, String name) {
        Map<String, Object> values =
                example.has(name) ? new Gson().fromJson(example.get(name), Map.class) : Map.of();
        return Fields.of(name, values);
    }
}
