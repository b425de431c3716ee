package dev.forkpoint.lab.page;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The shell of a page: style and, for live ones, script stand in it, so that nothing is fetched.
 */
public final class Page {

    private static final String STYLE = resource("page.css");
    private static final String LIVE = resource("live.js");

    private Page() {}

    /** A page that stays as it is. */
    public static String html(String title, String body) {
        return shell(title, "<main>" + body + "</main>", "");
    }

    /**
     * A page that follows a run.
     *
     * @param bodyPath where the page's body as it is now comes from
     * @param eventsPath server-sent events: {@code progress} with a line of text, {@code change}
     *     when the body has changed, {@code end} after the last change
     */
    public static String live(String title, String body, String bodyPath, String eventsPath) {
        return shell(
                title,
                "<p id=\"live\" role=\"status\">live</p><main data-body=\""
                        + Html.text(bodyPath)
                        + "\" data-events=\""
                        + Html.text(eventsPath)
                        + "\">"
                        + body
                        + "</main>",
                "<script>" + LIVE + "</script>");
    }

    private static String shell(String title, String body, String script) {
        return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                + "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                + "<meta name=\"color-scheme\" content=\"light dark\">"
                + "<link rel=\"icon\" href=\"data:,\"><title>"
                + Html.text(title)
                + "</title><style>"
                + STYLE
                + "</style></head><body>\n"
                + body
                + script
                + "</body></html>\n";
    }

    private static String resource(String name) {
        try (InputStream in = Page.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is missing from the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
