package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.sun.net.httpserver.HttpServer;
import dev.forkpoint.cli.local.Service;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One step through four packaged services, with traces and logs as JSON. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class TracesIT {

    /** A span, as much of it as is asked here. */
    private record Span(String service, ByteString trace, ByteString parent, String name) {}

    @TempDir Path folder;
    private final List<RealService> started = new ArrayList<>();
    private final List<Span> spans = new CopyOnWriteArrayList<>();

    @AfterEach
    void endEverything() {
        for (int i = started.size() - 1; i >= 0; i--) {
            started.get(i).kill();
        }
    }

    /** Takes what an OTLP collector takes, by HTTP. */
    private HttpServer collector() throws Exception {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/v1/traces",
                exchange -> {
                    var in = exchange.getRequestBody();
                    boolean zipped =
                            "gzip"
                                    .equals(
                                            exchange.getRequestHeaders()
                                                    .getFirst("content-encoding"));
                    UnknownFieldSet message =
                            UnknownFieldSet.parseFrom(zipped ? new GZIPInputStream(in) : in);
                    for (UnknownFieldSet resourceSpans : messages(message, 1)) {
                        read(resourceSpans);
                    }
                    exchange.sendResponseHeaders(200, -1);
                    exchange.close();
                });
        server.start();
        return server;
    }

    private void read(UnknownFieldSet resourceSpans) throws java.io.IOException {
        String service = "";
        for (UnknownFieldSet attribute : messages(messages(resourceSpans, 1).get(0), 1)) {
            if (text(attribute, 1).equals("service.name")) {
                service = text(messages(attribute, 2).get(0), 1);
            }
        }
        for (UnknownFieldSet scopeSpans : messages(resourceSpans, 2)) {
            for (UnknownFieldSet span : messages(scopeSpans, 2)) {
                List<ByteString> parent = span.getField(4).getLengthDelimitedList();
                spans.add(
                        new Span(
                                service,
                                span.getField(1).getLengthDelimitedList().get(0),
                                parent.isEmpty() ? ByteString.EMPTY : parent.get(0),
                                text(span, 5)));
            }
        }
    }

    private static List<UnknownFieldSet> messages(UnknownFieldSet of, int field)
            throws java.io.IOException {
        List<UnknownFieldSet> out = new ArrayList<>();
        for (ByteString bytes : of.getField(field).getLengthDelimitedList()) {
            out.add(UnknownFieldSet.parseFrom(bytes));
        }
        return out;
    }

    private static String text(UnknownFieldSet of, int field) {
        return of.getField(field).getLengthDelimitedList().get(0).toStringUtf8();
    }

    private RealService start(Service service, String endpoint, Map<String, String> more)
            throws Exception {
        Map<String, String> settings = new HashMap<>(more);
        settings.put("forkpoint.trace.endpoint", endpoint);
        settings.put("forkpoint.log.json", "true");
        settings.put("quarkus.log.category.\"dev.forkpoint\".level", "DEBUG");
        settings.put(
                "forkpoint.policy.allowed-uris",
                Cli.ROOT.resolve("models").toUri() + "," + folder.toUri());
        RealService real = RealService.start(folder, service.label(), service, settings);
        started.add(real);
        return real;
    }

    @Test
    void aStepIsOneTraceAcrossTheServicesAndInTheirLogs() throws Exception {
        HttpServer collector = collector();
        String endpoint = "http://127.0.0.1:" + collector.getAddress().getPort();
        RealService rollout = start(Service.ROLLOUT, endpoint, Map.of());
        RealService entropy = start(Service.ENTROPY, endpoint, Map.of());
        RealService reward = start(Service.REWARD, endpoint, Map.of());
        RealService learner =
                start(
                        Service.LEARNER,
                        endpoint,
                        Map.of(
                                "forkpoint.learner.run-root", folder.toString(),
                                "forkpoint.learner.rollout", rollout.address(),
                                "forkpoint.learner.entropy", entropy.address(),
                                "forkpoint.learner.reward", reward.address()));
        Cli.Result result =
                Cli.run(
                        "quickstart",
                        "--address",
                        "learner=" + learner.address(),
                        "--run-dir",
                        folder.resolve("traced").toString(),
                        "--set",
                        "reinforcement.steps=1",
                        "--set",
                        "reinforcement.prompts_per_step=2",
                        "--set",
                        "reinforcement.group_size=4",
                        "--set",
                        "evaluation.problems=1",
                        "--set",
                        "evaluation.samples=1");
        assertThat(result.code()).as(result.err() + learner.log()).isZero();
        // ends of processes send what is left
        started.forEach(RealService::close);
        collector.stop(0);

        List<Span> steps = spans.stream().filter(s -> s.name().equals("step")).toList();
        assertThat(steps).hasSize(1);
        List<Span> ofStep =
                spans.stream().filter(s -> s.trace().equals(steps.get(0).trace())).toList();
        assertThat(ofStep.stream().map(Span::name).collect(Collectors.toSet()))
                .contains(
                        "sample",
                        "update",
                        "publish",
                        "forkpoint.rollout.v1.RolloutService/LoadPolicy");
        assertThat(ofStep.stream().map(Span::service).collect(Collectors.toSet()))
                .contains(
                        "forkpoint-learner-service",
                        "forkpoint-rollout-service",
                        "forkpoint-entropy-service");
        assertThat(ofStep.stream().filter(s -> s.parent().isEmpty()))
                .as("one root")
                .containsExactlyElementsOf(steps);

        JsonMapper json = JsonMapper.builder().build();
        List<String> steps1 = new ArrayList<>();
        for (String line : rollout.log().lines().toList()) {
            JsonNode entry = json.readTree(line);
            if (entry.path("mdc").has("runId")) {
                steps1.add(entry.path("mdc").path("step").asText());
            }
        }
        assertThat(steps1).as("lines of calls of step 1").contains("1");
    }
}
