package dev.forkpoint.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assumptions;

/**
 * A headless Chromium, spoken to by the DevTools protocol; tests are skipped where there is none.
 */
final class Chromium implements AutoCloseable {

    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final List<String> NAMES =
            List.of("chromium", "chromium-browser", "google-chrome");

    private final Process process;
    private final WebSocket socket;
    private final AtomicInteger ids = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
    private final List<String> errors = new CopyOnWriteArrayList<>();
    private String session = "";

    private Chromium(Process process, URI address) {
        this.process = process;
        this.socket =
                HttpClient.newHttpClient()
                        .newWebSocketBuilder()
                        .buildAsync(address, new Listener())
                        .join();
    }

    /** Starts one with a profile in the folder. */
    static Chromium start(Path profile) throws Exception {
        Path binary =
                NAMES.stream()
                        .map(name -> Path.of("/usr/bin", name))
                        .filter(Files::isExecutable)
                        .findFirst()
                        .orElse(null);
        Assumptions.assumeTrue(
                binary != null, "no Chromium in /usr/bin: its pages were not opened");
        Process process =
                new ProcessBuilder(
                                binary.toString(),
                                "--headless=new",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-dev-shm-usage",
                                "--no-first-run",
                                "--remote-debugging-port=0",
                                "--user-data-dir=" + profile)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start();
        BufferedReader reader =
                new BufferedReader(
                        new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
        String listening = "DevTools listening on ";
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            if (line.startsWith(listening)) {
                Thread drain =
                        new Thread(() -> reader.lines().forEach(ignored -> {}), "chromium-errors");
                drain.setDaemon(true);
                drain.start();
                Chromium chromium =
                        new Chromium(
                                process, URI.create(line.substring(listening.length()).trim()));
                chromium.openTab();
                return chromium;
            }
        }
        throw new IOException(binary + " ended with " + process.waitFor());
    }

    private void openTab() {
        String target =
                call("Target.createTarget", JSON.createObjectNode().put("url", "about:blank"))
                        .get("targetId")
                        .asText();
        session =
                call(
                                "Target.attachToTarget",
                                JSON.createObjectNode()
                                        .put("targetId", target)
                                        .put("flatten", true))
                        .get("sessionId")
                        .asText();
        for (String domain : List.of("Page", "Runtime", "Log")) {
            call(domain + ".enable", JSON.createObjectNode());
        }
    }

    /** Opens an address in a window of this width, pixels. */
    void open(String address, int width) {
        call(
                "Emulation.setDeviceMetricsOverride",
                JSON.createObjectNode()
                        .put("width", width)
                        .put("height", 1000)
                        .put("deviceScaleFactor", 1)
                        .put("mobile", false));
        JsonNode opened = call("Page.navigate", JSON.createObjectNode().put("url", address));
        if (opened.has("errorText")) {
            throw new IllegalStateException(address + ": " + opened.get("errorText").asText());
        }
        evaluate(
                "new Promise(done => document.readyState === 'complete' ? done(0)"
                        + " : addEventListener('load', () => done(0)))");
    }

    /** The value of an expression in the page, awaited when it is a promise. */
    JsonNode evaluate(String expression) {
        JsonNode answer =
                call(
                        "Runtime.evaluate",
                        JSON.createObjectNode()
                                .put("expression", expression)
                                .put("awaitPromise", true)
                                .put("returnByValue", true));
        if (answer.has("exceptionDetails")) {
            throw new IllegalStateException(expression + ": " + answer.get("exceptionDetails"));
        }
        return answer.get("result").path("value");
    }

    /** Errors that pages have told of, in console or log. */
    List<String> errors() {
        return List.copyOf(errors);
    }

    /** Writes what the window shows. */
    void screenshot(Path file) throws IOException {
        String data =
                call("Page.captureScreenshot", JSON.createObjectNode().put("format", "png"))
                        .get("data")
                        .asText();
        Files.createDirectories(file.toAbsolutePath().getParent());
        Files.write(file, Base64.getDecoder().decode(data));
    }

    private JsonNode call(String method, ObjectNode parameters) {
        int id = ids.incrementAndGet();
        ObjectNode request = JSON.createObjectNode().put("id", id).put("method", method);
        request.set("params", parameters);
        if (!session.isEmpty()) {
            request.put("sessionId", session);
        }
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        answers.put(id, answer);
        socket.sendText(request.toString(), true).join();
        return answer.orTimeout(60, TimeUnit.SECONDS).join();
    }

    @Override
    public void close() throws Exception {
        List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
        all.add(process.toHandle());
        all.forEach(ProcessHandle::destroyForcibly);
        for (ProcessHandle p : all) {
            p.onExit().get(30, TimeUnit.SECONDS);
        }
    }

    private final class Listener implements WebSocket.Listener {

        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
            text.append(part);
            if (last) {
                message(text.toString());
                text.setLength(0);
            }
            from.request(1);
            return CompletableFuture.completedFuture(null);
        }

        private void message(String json) {
            try {
                JsonNode message = JSON.readTree(json);
                String method = message.path("method").asText();
                JsonNode parameters = message.path("params");
                if (message.has("id")) {
                    CompletableFuture<JsonNode> answer =
                            Objects.requireNonNull(answers.remove(message.get("id").asInt()));
                    if (message.has("error")) {
                        answer.completeExceptionally(
                                new IllegalStateException(message.get("error").toString()));
                    } else {
                        answer.complete(message.get("result"));
                    }
                } else if (method.equals("Runtime.exceptionThrown")
                        || method.equals("Runtime.consoleAPICalled")
                                && parameters.path("type").asText().equals("error")
                        || method.equals("Log.entryAdded")
                                && parameters
                                        .path("entry")
                                        .path("level")
                                        .asText()
                                        .equals("error")) {
                    errors.add(parameters.toString());
                }
            } catch (IOException e) {
                errors.add("not JSON: " + json);
            }
        }
    }
}
