package dev.forkpoint.lab.page;

import java.util.List;
import java.util.Locale;

/** Responses with each token tinted by its entropy and the kept ones outlined. */
public final class TokenText {

    /** Entropy of the deepest tint, nats. */
    private static final double DEEPEST = 2.5;

    /**
     * @param text of the token; may be empty where a character takes several
     * @param entropy nats; NaN where unknown
     * @param kept whether it carried gradient
     */
    public record Token(String text, double entropy, boolean kept) {}

    private TokenText() {}

    /** The tokens one after another. */
    public static String html(List<Token> tokens) {
        StringBuilder out = new StringBuilder("<p class=\"tokens\">");
        for (Token t : tokens) {
            String tag = t.kept ? "mark" : "span";
            double depth =
                    Double.isFinite(t.entropy)
                            ? Math.min(0.85, 0.85 * Math.sqrt(Math.max(0, t.entropy) / DEEPEST))
                            : 0;
            out.append(
                    String.format(
                            Locale.ROOT,
                            "<%s style=\"--h:%.2f\" title=\"%s\">%s</%s>",
                            tag,
                            depth,
                            (Double.isFinite(t.entropy)
                                            ? Html.number(t.entropy) + " nats"
                                            : "no entropy")
                                    + (t.kept ? ", kept" : ""),
                            t.text.isEmpty() ? "·" : Html.text(t.text),
                            tag));
        }
        return out.append("</p>").toString();
    }
}
