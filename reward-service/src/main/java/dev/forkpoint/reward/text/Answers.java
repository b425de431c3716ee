package dev.forkpoint.reward.text;

import dev.forkpoint.reward.verifier.BoxedAnswer;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Where a text verifier looks for the answer in a response. */
final class Answers {
    static final OptionSpec OPTION =
            new OptionSpec(
                    "extract",
                    "where the answer stands in a response: whole, box (last \\boxed{}), tag (last <answer>…</answer>), line (last"
                            + " non-blank line); default whole. The thinking part (up to </think>) never counts, except with whole");

    private static final Set<String> WAYS = Set.of("whole", "box", "tag", "line");

    private Answers() {}

    /** The answer, or null if there is none. */
    static @Nullable String find(Item item) {
        String way = item.options().choice("extract", "whole", WAYS);
        String text = item.prediction();
        if (item.form() == Item.Form.ANSWER || way.equals("whole")) {
            return text.strip();
        }
        String visible = BoxedAnswer.afterThinking(text);
        if (visible == null) {
            return null;
        }
        return switch (way) {
            case "box" -> BoxedAnswer.last(visible);
            case "tag" -> lastTag(visible, "answer");
            case "line" -> lastLine(visible);
            default -> throw new IllegalStateException(way);
        };
    }

    /** The text inside the last {@code <tag>…</tag>}, or null. */
    static @Nullable String lastTag(String text, String tag) {
        String open = "<" + tag + ">";
        int end = text.lastIndexOf("</" + tag + ">");
        int start = end < 0 ? -1 : text.lastIndexOf(open, end);
        return start < 0 ? null : text.substring(start + open.length(), end).strip();
    }

    private static @Nullable String lastLine(String text) {
        String stripped = text.strip();
        if (stripped.isEmpty()) {
            return null;
        }
        return stripped.substring(
                        Math.max(stripped.lastIndexOf('\n'), stripped.lastIndexOf('\r')) + 1)
                .strip();
    }

    /** Runs of white space made one blank, ends trimmed; lower case if wanted. */
    static String normalise(String text, boolean ignoreCase) {
        StringBuilder normal = new StringBuilder(text.length());
        boolean gap = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isWhitespace(c) || Character.isSpaceChar(c)) {
                gap = normal.length() > 0;
            } else {
                if (gap) {
                    normal.append(' ');
                    gap = false;
                }
                normal.append(c);
            }
        }
        return ignoreCase ? normal.toString().toLowerCase(Locale.ROOT) : normal.toString();
    }
}
