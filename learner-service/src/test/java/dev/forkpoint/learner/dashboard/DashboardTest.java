package dev.forkpoint.learner.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.learner.record.FinishedRun;
import dev.forkpoint.learner.run.RunManagers;
import dev.forkpoint.policy.checkpoint.Manifest;
import io.vertx.core.Vertx;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@NullUnmarked
class DashboardTest {

    private static final String ID = "invented-20261124";

    @TempDir static Path runs;
    private static Vertx vertx;
    private static int port;

    private final HttpClient http = HttpClient.newHttpClient();

    @BeforeAll
    static void serveARun() throws Exception {
        FinishedRun.write(runs.resolve(ID), ID);
        vertx = Vertx.vertx();
        Router router = Router.router(vertx);
        new Dashboard(RunManagers.over(runs)).routes(router);
        port =
                vertx.createHttpServer()
                        .requestHandler(router)
                        .listen(0, "127.0.0.1")
                        .toCompletionStage()
                        .toCompletableFuture()
                        .get(30, TimeUnit.SECONDS)
                        .actualPort();
    }

    @AfterAll
    static void stop() throws Exception {
        vertx.close().toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return http.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
                HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void listsRunsAndShowsOne() throws Exception {
        HttpResponse<String> list = get("/");
        assertThat(list.statusCode()).isEqualTo(200);
        assertThat(list.body()).contains("href=\"/runs/" + ID + "\"", "succeeded", "30 of 30");
        HttpResponse<String> page = get("/runs/" + ID);
        assertThat(page.body())
                .contains("62.0 %", "Responses of step 30")
                .doesNotContain("<script");
        assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
                .contains("default-src 'none'");
        assertThat(get("/runs/" + ID + "/body").body()).contains("62.0 %").doesNotContain("<html");
    }

    @Test
    void tellsEventsFromTheOneAskedForAndEnds() throws Exception {
        HttpResponse<String> events = get("/runs/" + ID + "/events?from=30");
        assertThat(events.headers().firstValue("Content-Type").orElse(""))
                .startsWith("text/event-stream");
        assertThat(events.body().split("event: change", -1)).hasSize(1 + 34 - 30 + 1);
        assertThat(events.body()).endsWith("event: end\ndata: \n\n");
        assertThat(get("/runs/" + ID + "/events?from=x").statusCode()).isEqualTo(400);
    }

    @Test
    void handsOutWhatTheManifestNames() throws Exception {
        assertThat(get("/policies/" + ID + "/0/" + Manifest.FILE_NAME).statusCode()).isEqualTo(200);
        HttpResponse<String> file = get("/policies/" + ID + "/0/tokenizer_config.json");
        assertThat(file.statusCode()).isEqualTo(200);
        assertThat(file.body()).contains("{");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/runs/none",
                "/runs/none/events",
                "/policies/none/0/tokenizer.json",
                "/policies/" + ID + "/1/tokenizer.json",
                "/policies/" + ID + "/00x/tokenizer.json",
                "/policies/" + ID + "/0/config.json",
                "/policies/" + ID + "/0/..%2f..%2fspec.pb",
                "/policies/" + ID + "/..%2f/spec.pb",
                "/policies/" + ID + "/0/%2e%2e"
            })
    void hasNothingElse(String path) throws Exception {
        assertThat(get(path).statusCode()).isEqualTo(404);
    }
}
