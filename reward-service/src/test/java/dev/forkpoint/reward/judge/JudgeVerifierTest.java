package dev.forkpoint.reward.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.forkpoint.reward.judge.JudgeEndpoint.Format;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.UnavailableException;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Judges that are a real HTTP server on this machine. */
class JudgeVerifierTest {
    private record Reply(int status, String body) {}

    private final AtomicInteger calls = new AtomicInteger();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private HttpServer server;
    private volatile String asked = "";
    private volatile String authorization = "";

    JudgeVerifierTest() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    }

    @BeforeEach
    void start() {
        server.setExecutor(threads);
        server.start();
    }

    @AfterEach
    void stop() {
        ended.countDown();
        server.stop(0);
        threads.shutdownNow();
    }

    @Test
    void aChatsScoreIsTheReward() {
        JudgeVerifier judge =
                judge(
                        Format.CHAT,
                        call -> chat("Sure:\n```json\n{\"score\": 1, \"reason\": \"same\"}\n```"));
        Verdict verdict =
                judge.verify(
                        Item.of("4", "<think>hidden</think>It is \"four\".")
                                .withTask(Map.of("question", "2+2?")));
        assertThat(verdict.code()).isEqualTo(VerdictCode.CORRECT);
        assertThat(verdict.reason()).isEqualTo("same");
        assertThat(asked)
                .contains("It is \\\"four\\\".")
                .contains("2+2?")
                .contains("\"model\":\"m\"")
                .doesNotContain("hidden");
        assertThat(authorization).isEqualTo("Bearer secret");
    }

    @Test
    void aScoreBelowTheThresholdIsIncorrectAndStillPaid() {
        JudgeVerifier judge = judge(Format.JSON, call -> new Reply(200, "{\"score\": 0.6}"));
        assertThat(judge.verify(Item.of("4", "four")).code()).isEqualTo(VerdictCode.INCORRECT);
        Verdict verdict = judge.verify(Item.of("4", "four").withOptions(Map.of("threshold", 0.5)));
        assertThat(verdict.code()).isEqualTo(VerdictCode.CORRECT);
        assertThat(verdict.reward()).hasValue(0.6);
    }

    @Test
    void theSameQuestionIsAskedOnce() {
        JudgeVerifier judge = judge(Format.JSON, call -> new Reply(200, "{\"score\": 1}"));
        judge.verify(Item.of("4", "four"));
        judge.verify(Item.of("4", "four"));
        assertThat(calls).hasValue(1);
        judge.verify(Item.of("4", "five"));
        assertThat(calls).hasValue(2);
    }

    @Test
    void aFailureIsTriedAgain() {
        JudgeVerifier judge =
                judge(
                        Format.JSON,
                        call ->
                                call < 3
                                        ? new Reply(call == 1 ? 503 : 200, "not json")
                                        : new Reply(200, "{\"score\": 0}"));
        assertThat(judge.verify(Item.of("4", "four")).reward()).hasValue(0);
        assertThat(calls).hasValue(3);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "null",
                "[]",
                "{}",
                "{\"score\": \"1\"}",
                "{\"score\": 2}",
                "{\"score\": -0.1}",
                "{\"score\": NaN}",
                "{\"score\": 1",
                "yes",
                "<html>",
                "\u0000\u0001"
            })
    void nonsenseIsAnErrorAndNeverAReward(String body) {
        for (Format format : Format.values()) {
            JudgeVerifier judge =
                    judge(
                            format,
                            call -> format == Format.JSON ? new Reply(200, body) : chat(body));
            assertThatThrownBy(() -> judge.verify(Item.of("4", "four")))
                    .isInstanceOf(UnavailableException.class)
                    .hasMessageContaining("expected: an object with a score from 0 to 1");
        }
    }

    @Test
    void aJudgeThatIsNotThereOrRefusesIsAnError() {
        JudgeVerifier refuses = judge(Format.JSON, call -> new Reply(401, "no"));
        assertThatThrownBy(() -> refuses.verify(Item.of("4", "four")))
                .hasMessageContaining("status 401");
        assertThat(calls).hasValue(1);
        server.stop(0);
        assertThatThrownBy(() -> refuses.verify(Item.of("4", "five")))
                .isInstanceOf(UnavailableException.class)
                .hasMessageContaining("no answer");
    }

    @Test
    void aJudgeThatSaysNothingEndsAtTheDeadline() {
        server.createContext("/judge", exchange -> await());
        JudgeVerifier judge = judgeOf(Format.JSON, Duration.ofMillis(300), 3, 100);
        assertThatThrownBy(() -> judge.verify(Item.of("4", "four")))
                .isInstanceOf(UnavailableException.class)
                .hasMessageContaining("no answer");
    }

    @Test
    void anEndlessAnswerIsCut() {
        JudgeVerifier judge = judge(Format.JSON, call -> new Reply(200, "x".repeat(3 << 20)));
        assertThatThrownBy(() -> judge.verify(Item.of("4", "four")))
                .isInstanceOf(UnavailableException.class)
                .hasMessageContaining("no answer");
    }

    @Test
    void aJudgeThatFailsTooOftenIsLeftAlone() {
        JudgeVerifier judge = judge(Format.JSON, call -> new Reply(500, ""));
        for (int i = 0; i < 20; i++) {
            String response = "response " + i;
            assertThatThrownBy(() -> judge.verify(Item.of("4", response)))
                    .isInstanceOf(UnavailableException.class);
        }
        int before = calls.get();
        assertThat(before).isLessThan(60);
        assertThatThrownBy(() -> judge.verify(Item.of("4", "one more")))
                .hasMessageContaining("failed too often");
        assertThat(calls).hasValue(before);
    }

    @Test
    void theRateLimitHolds() {
        answer(call -> new Reply(200, "{\"score\": 1}"));
        JudgeVerifier judge = judgeOf(Format.JSON, Duration.ofMillis(1), 1, 1);
        int limited = 0;
        for (int i = 0; i < 20; i++) {
            try {
                judge.verify(Item.of("4", "response " + i));
            } catch (UnavailableException e) {
                limited++;
            }
        }
        assertThat(limited).isPositive();
        assertThat(calls.get()).isLessThan(20);
    }

    @Test
    void noRequestReachesAnAddressThatIsNotConfigured() {
        JudgeVerifier judge = judge(Format.JSON, call -> new Reply(200, "{\"score\": 1}"));
        assertThatThrownBy(
                        () ->
                                judge.verify(
                                        Item.of("4", "four")
                                                .withOptions(
                                                        Map.of("endpoint", "http://127.0.0.1/x"))))
                .isInstanceOf(InvalidItemException.class)
                .hasMessageContaining("allowed: [local]");
        assertThatThrownBy(() -> new JudgeVerifier(List.of()).verify(Item.of("4", "four")))
                .hasMessageContaining("forkpoint.reward.judge.endpoints");
        assertThatThrownBy(
                        () ->
                                new JudgeEndpoint.Settings(
                                        "a",
                                        URI.create("file:///etc/passwd"),
                                        Format.JSON,
                                        "m",
                                        null,
                                        Duration.ofSeconds(1),
                                        1,
                                        1,
                                        1,
                                        ""))
                .hasMessageContaining("allowed: http and https");
        assertThat(calls).hasValue(0);
    }

    @Test
    void aRedirectIsNotFollowed() {
        server.createContext(
                "/judge",
                exchange -> {
                    exchange.getResponseHeaders().add("Location", "/elsewhere");
                    reply(exchange, new Reply(302, ""));
                });
        server.createContext(
                "/elsewhere", exchange -> reply(exchange, new Reply(200, "{\"score\": 1}")));
        JudgeVerifier judge = judgeOf(Format.JSON, Duration.ofSeconds(20), 3, 100);
        assertThatThrownBy(() -> judge.verify(Item.of("4", "four")))
                .hasMessageContaining("status 302");
    }

    private void await() {
        try {
            ended.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private JudgeVerifier judge(Format format, Function<Integer, Reply> replies) {
        answer(replies);
        return judgeOf(format, Duration.ofSeconds(20), 3, 1_000);
    }

    private void answer(Function<Integer, Reply> replies) {
        try {
            server.removeContext("/judge");
        } catch (IllegalArgumentException none) {
            // The first one.
        }
        server.createContext(
                "/judge",
                exchange -> {
                    asked =
                            new String(
                                    exchange.getRequestBody().readAllBytes(),
                                    StandardCharsets.UTF_8);
                    authorization =
                            String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
                    reply(exchange, replies.apply(calls.incrementAndGet()));
                });
    }

    private static void reply(HttpExchange exchange, Reply reply) throws IOException {
        byte[] bytes = reply.body().getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(reply.status(), bytes.length == 0 ? -1 : bytes.length);
        try (exchange) {
            exchange.getResponseBody().write(bytes);
        }
    }

    private static Reply chat(String content) {
        String escaped =
                content.replace("\\", "\\\\")
                        .replace("\"", "\\\"")
                        .replace("\n", "\\n")
                        .replace("\u0000", "\\u0000")
                        .replace("\u0001", "\\u0001");
        return new Reply(
                200, "{\"choices\":[{\"message\":{\"content\":\"%s\"}}]}".formatted(escaped));
    }

    private JudgeVerifier judgeOf(Format format, Duration deadline, int attempts, int perSecond) {
        return new JudgeVerifier(
                List.of(
                        new JudgeEndpoint(
                                new JudgeEndpoint.Settings(
                                        "local",
                                        URI.create(
                                                "http://127.0.0.1:"
                                                        + server.getAddress().getPort()
                                                        + "/judge"),
                                        format,
                                        "m",
                                        "secret",
                                        deadline,
                                        attempts,
                                        perSecond,
                                        100,
                                        "Judge."))));
    }
}
