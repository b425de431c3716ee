package dev.forkpoint.learner.dashboard;

import com.google.protobuf.util.Timestamps;
import com.google.rpc.Code;
import dev.forkpoint.lab.page.Html;
import dev.forkpoint.lab.page.Page;
import dev.forkpoint.learner.record.RunReport;
import dev.forkpoint.learner.run.EventLog;
import dev.forkpoint.learner.run.RunManager;
import dev.forkpoint.policy.PolicyFormatException;
import dev.forkpoint.policy.checkpoint.Manifest;
import dev.forkpoint.proto.learner.v1.Progress;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunState;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import dev.forkpoint.service.error.ServiceException;
import io.vertx.core.Context;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The pages on learner-service's HTTP port: {@code /} lists runs, {@code /runs/ID} follows one by
 * server-sent events; {@code /policies/RUN/VERSION/FILE} hands out what a manifest names.
 * Read-only.
 */
@ApplicationScoped
public class Dashboard {

    private final RunManager runs;
    private final Map<String, RunReport> reports = new ConcurrentHashMap<>();

    Dashboard(RunManager runs) {
        this.runs = runs;
    }

    void routes(@Observes Router router) {
        router.get("/").blockingHandler(answer(this::list), false);
        router.get("/runs/:run").blockingHandler(answer(this::page), false);
        router.get("/runs/:run/body").blockingHandler(answer(this::body), false);
        router.get("/runs/:run/events").blockingHandler(answer(this::events), false);
        router.get("/policies/:run/:version/:file").blockingHandler(answer(this::file), false);
    }

    private static Handler<RoutingContext> answer(Handler<RoutingContext> handler) {
        return context -> {
            try {
                handler.handle(context);
            } catch (ServiceException e) {
                refuse(
                        context,
                        e.code() == Code.NOT_FOUND ? 404 : 500,
                        String.valueOf(e.getMessage()));
            }
        };
    }

    private static void refuse(RoutingContext context, int status, String why) {
        context.response()
                .setStatusCode(status)
                .putHeader("Content-Type", "text/plain; charset=utf-8")
                .end(why + "\n");
    }

    private static void html(RoutingContext context, String text) {
        context.response()
                .putHeader("Content-Type", "text/html; charset=utf-8")
                .putHeader("Cache-Control", "no-store")
                .putHeader("X-Content-Type-Options", "nosniff")
                .putHeader("Referrer-Policy", "no-referrer")
                .putHeader(
                        "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
                                + " connect-src 'self'; img-src data:; frame-ancestors 'none'")
                .end(text);
    }

    private void list(RoutingContext context) {
        StringBuilder out = new StringBuilder("<h1>Runs</h1>");
        List<Run> all = runs.list();
        if (all.isEmpty()) {
            out.append("<p>None yet. <code>forkpoint quickstart</code> makes one.</p>");
        } else {
            out.append(
                    "<div class=\"scroll\" tabindex=\"0\" role=\"region\""
                            + " aria-label=\"Runs\"><table><thead><tr><th scope=\"col\">run</th><th"
                            + " scope=\"col\">state</th><th scope=\"col\">steps</th><th"
                            + " scope=\"col\">started</th></tr></thead><tbody>");
            for (Run r : all) {
                out.append("<tr><th scope=\"row\"><a href=\"/runs/")
                        .append(Html.text(r.getRunId()))
                        .append("\">")
                        .append(Html.text(r.getRunId()))
                        .append("</a></th><td>")
                        .append(
                                r.getState()
                                        .name()
                                        .replace("RUN_STATE_", "")
                                        .toLowerCase(Locale.ROOT))
                        .append("</td><td>")
                        .append(r.getStepsDone())
                        .append(r.getStepsTotal() > 0 ? " of " + r.getStepsTotal() : "")
                        .append("</td><td>")
                        .append(Html.text(Timestamps.toString(r.getStartedAt())))
                        .append("</td></tr>");
            }
            out.append("</tbody></table></div>");
        }
        html(context, Page.html("Forkpoint runs", out.toString()));
    }

    private void page(RoutingContext context) {
        Run run = runs.get(context.pathParam("run"));
        List<WatchRunResponse> stored = runs.events(run.getRunId()).stored();
        String back = "<p><a href=\"/\">All runs</a></p>";
        String title = "Run " + run.getRunId();
        String body = back + report(run).body(run, stored);
        String path = "/runs/" + run.getRunId();
        html(
                context,
                run.getState() == RunState.RUN_STATE_RUNNING
                        ? Page.live(
                                title,
                                body,
                                path + "/body",
                                path + "/events?from=" + (stored.size() + 1))
                        : Page.html(title, body));
    }

    private void body(RoutingContext context) {
        Run run = runs.get(context.pathParam("run"));
        html(
                context,
                "<p><a href=\"/\">All runs</a></p>"
                        + report(run).body(run, runs.events(run.getRunId()).stored()));
    }

    private RunReport report(Run run) {
        return reports.computeIfAbsent(
                run.getDirectory(), directory -> new RunReport(Path.of(directory)));
    }

    private void events(RoutingContext context) {
        EventLog log = runs.events(context.pathParam("run"));
        String from = context.request().getParam("from", "1");
        if (!from.matches("\\d{1,18}")) {
            refuse(context, 400, "from: \"" + from + "\" (expected: a whole number from 1)");
            return;
        }
        HttpServerResponse response =
                context.response()
                        .setChunked(true)
                        .putHeader("Content-Type", "text/event-stream; charset=utf-8")
                        .putHeader("Cache-Control", "no-store");
        Context loop = Vertx.currentContext();
        EventLog.Watcher watcher =
                new EventLog.Watcher() {
                    @Override
                    public void event(WatchRunResponse event) {
                        // a slow browser misses progress; a change it asks for when it can
                        if (event.hasProgress()) {
                            if (!response.writeQueueFull()) {
                                write("progress", line(event.getProgress()));
                            }
                        } else {
                            write("change", Long.toString(event.getSequence()));
                        }
                    }

                    @Override
                    public void end() {
                        write("end", "");
                        loop.runOnContext(
                                ignored -> {
                                    if (!response.ended() && !response.closed()) {
                                        response.end();
                                    }
                                });
                    }

                    private void write(String name, String data) {
                        loop.runOnContext(
                                ignored -> {
                                    if (!response.ended() && !response.closed()) {
                                        response.write(
                                                "event: " + name + "\ndata: " + data + "\n\n");
                                    }
                                });
                    }
                };
        response.closeHandler(ignored -> log.unwatch(watcher));
        response.write(": open\n\n");
        log.watch(Math.max(1, Long.parseLong(from)), watcher);
    }

    private static String line(Progress p) {
        return "step %d: %s %d of %d"
                .formatted(p.getStep(), p.getPhase(), p.getDone(), p.getTotal());
    }

    /** A file of a published policy; only names that its manifest holds, and the manifest. */
    private void file(RoutingContext context) {
        String version = context.pathParam("version");
        String name = context.pathParam("file");
        Path policies = runs.policies(context.pathParam("run")).orElse(null);
        if (policies == null || !version.matches("\\d{1,18}")) {
            refuse(context, 404, "no such policy");
            return;
        }
        Path folder = policies.resolve(version);
        try {
            if (!Manifest.presentIn(folder)
                    || !(name.equals(Manifest.FILE_NAME)
                            || Manifest.read(folder).files().containsKey(name))
                    || !Files.isRegularFile(folder.resolve(name))) {
                refuse(context, 404, "no such file of the policy");
                return;
            }
        } catch (PolicyFormatException e) {
            refuse(context, 404, "the policy is being deleted");
            return;
        }
        context.response()
                .putHeader(
                        "Content-Type",
                        name.endsWith(".json") ? "application/json" : "application/octet-stream")
                .sendFile(folder.resolve(name).toString());
    }
}
